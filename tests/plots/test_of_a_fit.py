"""Figures of what `assess` makes of a model and its fit, from end to end."""

import numpy as np
import pytest

import pbnn
from pbnn.assess import decomposition_map, ood
from pbnn.plots import plot_conformal, plot_decomposition_map, plot_models, plot_ood, plot_pareto_k
from tests.exact import LinearGaussian


@pytest.fixture(scope="module")
def linear() -> LinearGaussian:
    return LinearGaussian.simulate(n=30, n_in=2)


def test_map(linear, ax):
    table = decomposition_map(linear.bnn, linear.draws(), linear.bnn.columns.names, points=6)
    plot_decomposition_map(table, ax=ax)
    assert ax.get_title() == "aleatoric (noise): 0.5 everywhere"


def test_conformal_intervals(linear, ax):
    X, y = linear.new_data(40)
    found = pbnn.conformal(linear.bnn, linear.draws(), X[:30], y[:30], level=0.8)
    plot_conformal(found.predict(X[30:]), y[30:], ax=ax)
    assert len(ax.collections[0].get_segments()) == 10


def test_models_and_their_worst_rows(linear, ax):
    rows = pbnn.loo(linear.bnn, linear.draws())
    worse = rows.assign(elpd=rows["elpd"] - np.linspace(0, 1, 30))
    plot_models(pbnn.compare_models({"worse": worse, "exact": rows}), ax=ax)
    assert [label.get_text().split(" ")[0] for label in ax.get_yticklabels()] == ["exact", "worse"]
    assert plot_pareto_k(rows, ax=ax.figure.add_subplot()).get_xlabel() == "row"


def test_unfamiliar_inputs(linear, ax):
    X, _ = linear.new_data(30)
    plot_ood(ood(linear.bnn, linear.draws(), X, 5 * X, resamples=5), ax=ax)
    assert ax.get_xlabel() == "familiar inputs flagged (share)"
