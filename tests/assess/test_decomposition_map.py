"""Parts of the uncertainty with their Monte Carlo errors, and over a grid."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import pbnn
from pbnn.assess import decomposition_map, split_entropy, split_modes, split_variance
from pbnn.errors import DataError, SpecError
from pbnn.spec import likelihoods
from pbnn.spec.layers import Dense
from pbnn.spec.network import Network


def chains_of(n_chains, n_draws, repeats=1, between=0.0):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n_chains, n_draws, repeats)) + between * rng.normal(size=(n_chains, 1, repeats))
    return xr.DataArray(values, dims=("chain", "draw", "obs"))


@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (0.4, False)])
@pytest.mark.parametrize("n_chains", [1, 6])
def test_errors_of_parts_are_the_spread_over_repeats(n_chains, factor, ok):
    mu = chains_of(n_chains, 240 // n_chains, repeats=200)
    found = split_variance(mu, 0.5 + 0.1 * mu, errors=True)
    for name in ("epistemic", "aleatoric"):
        spread = found[name].var(ddof=1)
        told = factor**2 * (found[f"{name}_mcse"] ** 2).mean()
        ratios = stats.f.ppf([0.0001, 0.9999], 199, 200)
        assert (ratios[0] < spread / told < ratios[1]) == ok, name


def test_errors_of_modes_are_the_spread_over_repeats():
    found = split_modes(chains_of(20, 30, repeats=200, between=2.0), errors=True)
    for name in ("between", "within"):
        ratio = found[name].var(ddof=1) / (found[f"{name}_mcse"] ** 2).mean()
        assert 0.6 < ratio < 1.6, name  # the jackknife of a variance of 20 is good to a tenth or so


def test_few_draws_or_modes_tell_no_error():
    one = split_variance(chains_of(1, 3), chains_of(1, 3) ** 2, errors=True)
    assert np.isnan(one["epistemic_mcse"])
    assert np.isfinite(one["epistemic"])
    assert np.isnan(split_modes(chains_of(2, 50), errors=True)["between_mcse"])
    p = xr.DataArray(
        np.random.default_rng(0).dirichlet([1, 1], size=(2, 20, 3)), dims=("chain", "draw", "obs", "class")
    )
    assert split_entropy(p, errors=True)["epistemic_mcse"].dims == ("obs",)
    with pytest.raises(DataError, match="needs the dims 'chain' and 'draw'"):
        split_modes(xr.DataArray(np.ones((2, 3)), dims=("a", "b")), mode_dim="a", draw_dim="b", errors=True)


def test_probabilities_that_do_not_sum_to_one_are_refused():
    p = xr.DataArray([[[0.5, 0.6]]], dims=("chain", "draw", "class"))
    with pytest.raises(DataError, match=r"sum to 1 over 'class'; some sum to 1 \+- 0\.1"):
        split_entropy(p)


def test_the_map_is_the_split_of_predictions_at_its_points(linear):
    idata = linear.draws(draws=60)
    table = decomposition_map(linear.bnn, idata, ("x0", "x2"), at={"x1": 0.5}, points=5)
    assert table["total"].dims == ("x0", "x2")
    assert table.attrs["at"] == "x1 = 0.5"
    x0, x2 = np.meshgrid(table["x0"], table["x2"], indexing="ij")
    X = np.column_stack([x0.ravel(), np.full(25, 0.5), x2.ravel()])
    pred = pbnn.predict(linear.bnn, idata, X, seed=0)["predictions"]
    parts = split_modes(pred["mu"].astype(float), errors=True)
    for name in ("within", "between"):
        np.testing.assert_allclose(table[name].values.ravel() ** 2, parts[name], rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(
        table["epistemic"] ** 2, table["within"] ** 2 + table["between"] ** 2, rtol=1e-3
    )
    np.testing.assert_allclose(table["aleatoric"], linear.noise, rtol=1e-5)
    exact = linear.function(X)[1]
    allowed = stats.t.isf(1e-5, 3) * table["epistemic_mcse"].values.ravel()
    assert (abs(table["epistemic"].values.ravel() - exact) < allowed).all()
    low, high = linear.X[:, 0].min(), linear.X[:, 0].max()
    np.testing.assert_allclose(table["x0"][[0, -1]], [low - 0.05 * (high - low), high + 0.05 * (high - low)])


def test_maps_of_classes_and_of_several_outputs(classifier, two_outputs, scatter):
    table = decomposition_map(classifier, scatter(classifier, draws=10), ("x1", "x0"), points=3)
    assert table["p"].dims == ("x1", "x0", "class")
    np.testing.assert_allclose(table["total"], table["epistemic"] + table["aleatoric"], rtol=1e-4)
    assert table["total"].attrs["units"] == "nat"
    both = decomposition_map(
        two_outputs, scatter(two_outputs, draws=10), ("x0", "x1"), points=3, ranges={"x0": (0, 1)}
    )
    assert both["epistemic"].dims == ("x0", "x1", "output")
    assert both["output"].values.tolist() == ["y0", "y1"]
    np.testing.assert_allclose(both["x0"], [0, 0.5, 1])


@pytest.mark.slow
def test_columns_of_categories_are_held(scatter):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=30), "b": rng.normal(size=30), "kind": list("uvv") * 10})
    bnn = pbnn.build(
        Network([pbnn.Embedding("kind", 2), Dense(3)], likelihoods.Gaussian()), X, rng.normal(size=30)
    )
    idata = scatter(bnn, draws=4)
    assert decomposition_map(bnn, idata, ("a", "b"), points=2).attrs["at"] == "kind = v"
    other = decomposition_map(bnn, idata, ("a", "b"), points=2, at={"kind": "u"})
    assert other.attrs["at"] == "kind = u"
    for wrong, error, match in [
        ({"features": ("a", "kind")}, SpecError, "column 'kind' holds categories"),
        ({"features": ("a", "c")}, SpecError, "unknown column 'c'; known: a, b, kind"),
        ({"features": "ab"}, SpecError, "features must be two columns of X; got 'ab'"),
        ({"features": ("a", "b"), "at": {"a": 1}}, SpecError, "unknown column of at 'a'; known: kind"),
        (
            {"features": ("a", "b"), "at": {"kind": "w"}},
            DataError,
            "unknown category of 'kind' 'w'; known: u, v",
        ),
        ({"features": ("a", "b"), "ranges": {"a": (1, 0)}}, DataError, "low < high"),
        ({"features": ("a", "b"), "points": 1}, DataError, "points must be a whole number >= 2"),
    ]:
        with pytest.raises(error, match=match):
            decomposition_map(bnn, idata, **wrong)
