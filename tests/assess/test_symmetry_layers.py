"""Which units may change places: none that a layer tells apart."""

import pytest

from pbnn.assess.symmetry import hidden_units
from pbnn.spec.layers import (
    AveragePool,
    Concat,
    Conv1D,
    Dense,
    Embedding,
    Flatten,
    MaxPool,
    Reshape,
    Residual,
)
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network

IN = Reshape((4, 1))


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([Dense(3), Residual([Dense(3)]), Dense(2)], [({"h0_unit", "h1_0_unit"}, True), ({"h2_unit"}, True)]),
        ([IN, Dense(3), AveragePool(), Dense(2)], [({"h1_unit"}, True), ({"h3_unit"}, True)]),
        ([IN, Dense(3), MaxPool(), Dense(2)], [({"h1_unit"}, False), ({"h3_unit"}, True)]),
        ([IN, Dense(3), Conv1D(2, 2), AveragePool(), Dense(2)], [({"h4_unit"}, True)]),
        ([IN, Dense(3), Flatten(), Dense(2)], [({"h3_unit"}, True)]),
        ([Embedding("a"), Dense(2)], [({"h1_unit"}, True)]),
        ([Dense(3), Embedding("a"), Dense(2)], [({"h2_unit"}, True)]),
        ([Dense(3), Residual([Concat([Dense(1), Dense(2)])]), Dense(2)], [({"h2_unit"}, True)]),
    ],
)
def test_units_that_a_layer_tells_apart_keep_their_places(layers, expected):
    units = hidden_units(Network(layers, Gaussian()))
    assert [(set(unit.dims), unit.signs) for unit in units] == expected
