"""Every layer and every likelihood by every method, as `docs/compatibility.md` has it; nightly, the full cross."""

import pytest

from pbnn.infer import METHODS
from pbnn.spec.layers import LAYERS
from pbnn.spec.likelihoods import LIKELIHOODS
from tests.compatibility.table import (
    NETWORKS,
    PAGE,
    RESPONSES,
    TINY,
    bnn_of,
    layers_of,
    page,
    rows,
    works,
)
from tests.tiers import tiers


def test_nothing_is_left_out():
    assert {*TINY} == {*METHODS}
    assert {name for network in NETWORKS for name in layers_of(network)} == {*LAYERS}
    assert {name.partition(",")[0] for name in RESPONSES} == {*LIKELIHOODS}
    assert {network for network, _ in rows()} == {"", *NETWORKS}


BOTH = ("mclmc", "laplace")
"""The default method, which takes gradients, and one that takes curvature: between them all that a method may ask."""
OTHERS = [method for method in TINY if method not in BOTH]


def in_ci(number: int, network: str, method: str) -> bool:
    """Whether CI fills this cell: of a row with layers both, else one of both; of every second, one of the others."""
    if method in BOTH:
        return bool(network) or method == BOTH[number % 2]
    return 2 * OTHERS.index(method) == number % (2 * len(OTHERS))


CELLS = [
    pytest.param(*row, method, marks=pytest.mark.slow if in_ci(i, row[0], method) else pytest.mark.nightly)
    for i, row in enumerate(rows())
    for method in TINY
]


@pytest.mark.parametrize(("network", "response", "method"), CELLS)
def test_every_cell(network, response, method):
    assert works(network, response, method)


def test_the_page_says_what_the_cells_do():
    assert PAGE.read_text() == page({row: [True] * len(TINY) for row in rows()})


@pytest.mark.nightly
@pytest.mark.parametrize("method", TINY)
@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("network", NETWORKS)
def test_layers_likelihoods_and_methods_go_together(network, response, method):
    assert works(network, response, method)


@pytest.mark.parametrize("network", tiers(NETWORKS, ["groups"]))
@pytest.mark.parametrize("response", RESPONSES)
def test_every_layer_is_built_with_every_likelihood(network, response):
    assert bnn_of(network, response).n_weights > 0
