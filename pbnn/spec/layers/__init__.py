"""What a layer is: plain frozen data. `pbnn.graph.layers` gives each its meaning.

`weight=None` and `bias=True` take the network's default priors; `bias=False` means no bias.
"""

from pbnn.spec.layers.base import ACTIVATIONS, LAYERS, Activation, as_layers
from pbnn.spec.layers.blocks import Residual
from pbnn.spec.layers.dense import Dense, Embedding, LayerNorm

Layer = Dense | Residual | LayerNorm | Embedding
LAYERS.update({cls.__name__: cls for cls in (Dense, Residual, LayerNorm, Embedding)})

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "Activation",
    "Dense",
    "Embedding",
    "Layer",
    "LayerNorm",
    "Residual",
    "as_layers",
]
