"""What a layer is: plain frozen data. `pbnn.graph.layers` gives each its meaning.

`weight=None` and `bias=True` take the network's default priors; `bias=False` means no bias.
"""

from typing import get_args

from pbnn.spec.layers.base import (
    ACTIVATIONS,
    LAYERS,
    REFUSED,
    Activation,
    all_layers,
    as_layers,
    inner_layers,
    layer_words,
    own_priors,
)
from pbnn.spec.layers.blocks import Concat, Frozen, Parallel, Residual
from pbnn.spec.layers.dense import BatchNorm, Dense, Embedding, LayerNorm
from pbnn.spec.layers.features import RBF, FourierFeatures
from pbnn.spec.layers.groups import GroupDense
from pbnn.spec.layers.images import AveragePool, Conv1D, Conv2D, Flatten, MaxPool, Reshape
from pbnn.spec.layers.sequences import GRU, LSTM, PositionalEncoding, SelfAttention
from pbnn.spec.unknowns import leave_open

Layer = (
    Dense
    | Residual
    | LayerNorm
    | Embedding
    | GroupDense
    | Conv1D
    | Conv2D
    | AveragePool
    | MaxPool
    | Flatten
    | Reshape
    | GRU
    | LSTM
    | SelfAttention
    | PositionalEncoding
    | FourierFeatures
    | RBF
    | Concat
    | Parallel
    | Frozen
)
LAYERS.update({cls.__name__: leave_open(cls) for cls in get_args(Layer)})

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LAYERS",
    "LSTM",
    "RBF",
    "REFUSED",
    "Activation",
    "AveragePool",
    "BatchNorm",
    "Concat",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Embedding",
    "Flatten",
    "FourierFeatures",
    "Frozen",
    "GroupDense",
    "Layer",
    "LayerNorm",
    "MaxPool",
    "Parallel",
    "PositionalEncoding",
    "Reshape",
    "Residual",
    "SelfAttention",
    "all_layers",
    "as_layers",
    "inner_layers",
    "layer_words",
    "own_priors",
]
