"""Every layer and every likelihood is built with every other, and in the nightly tier fitted by every method."""

import pytest

from pbnn.infer import METHODS
from pbnn.spec.layers import LAYERS
from pbnn.spec.likelihoods import LIKELIHOODS
from tests.compatibility.table import (
    NETWORKS,
    RESPONSES,
    TINY,
    bnn_of,
    cell,
    layers_of,
    rows,
)

ROWS = [pytest.param(*key, id=key[0] or key[1]) for key in rows()]


def test_nothing_is_left_out():
    assert {*TINY} == {*METHODS}
    assert {name for network in NETWORKS for name in layers_of(network)} == {*LAYERS}
    assert {name.partition(",")[0] for name in RESPONSES} == {*LIKELIHOODS}


@pytest.mark.nightly
@pytest.mark.parametrize("method", TINY)
@pytest.mark.parametrize(("network", "response"), ROWS)
def test_every_method_takes_it(network, response, method):
    assert cell(network, response, method) == "yes"


@pytest.mark.nightly
@pytest.mark.parametrize("method", TINY)
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("network", NETWORKS)
def test_layers_likelihoods_and_methods_go_together(network, response, method):
    assert cell(network, response, method) == "yes"


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("response", RESPONSES)
def test_every_layer_is_built_with_every_likelihood(network, response):
    assert bnn_of(network, response).n_weights > 0
