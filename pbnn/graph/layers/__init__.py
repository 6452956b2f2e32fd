"""Layers to PyTensor: each takes a `Wire` and gives the next."""

from pbnn.graph.layers import blocks, dense
from pbnn.graph.layers.wire import (
    ACTIVATIONS,
    Affine,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    unit_labels,
)
from pbnn.graph.priors import Site, draw_prior

__all__ = [
    "ACTIVATIONS",
    "Affine",
    "Place",
    "Site",
    "Wire",
    "add_dim",
    "affine",
    "apply_layer",
    "blocks",
    "dense",
    "draw_prior",
    "unit_labels",
]
