"""The network language: plain frozen data, standard library only."""
