"""The meaning of a network: specs to PyTensor, and with data to a `pm.Model`."""
