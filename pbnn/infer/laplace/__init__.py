"""The Laplace approximation; importing this registers it with `fit`."""

from pbnn.infer.laplace import fit

__all__ = ["fit"]
