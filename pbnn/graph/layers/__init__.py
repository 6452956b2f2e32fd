"""Layers to PyTensor: each takes a `Wire` and gives the next."""

from pbnn.graph.layers import blocks, dense, features, groups, images, sequences
from pbnn.graph.layers.wire import (
    ACTIVATIONS,
    Affine,
    Category,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    apply_layers,
    categorical_columns,
    parameter,
    require_row,
    unit_labels,
)
from pbnn.graph.priors import Site, draw_prior

__all__ = [
    "ACTIVATIONS",
    "Affine",
    "Category",
    "Place",
    "Site",
    "Wire",
    "add_dim",
    "affine",
    "apply_layer",
    "apply_layers",
    "blocks",
    "categorical_columns",
    "dense",
    "draw_prior",
    "features",
    "groups",
    "images",
    "parameter",
    "require_row",
    "sequences",
    "unit_labels",
]
