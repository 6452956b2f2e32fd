"""Models compared by what they predict of rows they have not seen: against hand-made densities and known truths."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

import pbnn
from pbnn import assess, likelihoods
from pbnn.assess.elpd import summed
from pbnn.assess.stacking import mixed_lpd, pseudo_bma_weights, stacking_weights
from pbnn.errors import DataError, MethodError, ModelError, PbnnWarning
from tests.exact import LinearGaussian


def table_of(elpd, observed=None, kind="continuous"):
    elpd = np.asarray(elpd, float)
    table = xr.Dataset({"elpd": ("obs", elpd)})
    table["observed"] = ("obs", np.zeros(len(elpd)) if observed is None else observed)
    return summed(table.assign_attrs(kind=kind), "by hand")


@pytest.mark.parametrize("models", [2, 3, 12])
def test_no_other_weights_predict_better(models):
    lpd = np.random.default_rng(models).normal(size=(200, models)) + np.linspace(0, 0.5, models)
    w = stacking_weights(lpd)
    assert w.sum() == pytest.approx(1)
    # The conditions of Karush, Kuhn and Tucker, which suffice for a concave function.
    slope = (np.exp(lpd) / np.exp(mixed_lpd(lpd, w))[:, None]).mean(axis=0)
    assert (slope < 1 + 1e-4).all()
    np.testing.assert_allclose(slope[w > 1e-3], 1, atol=1e-3)


def test_two_models_have_the_weight_at_the_root_of_the_slope():
    p = np.exp(np.random.default_rng(0).normal(size=(50, 2)))
    root = brentq(lambda w: ((p[:, 0] - p[:, 1]) / (w * p[:, 0] + (1 - w) * p[:, 1])).mean(), 0, 1)
    assert stacking_weights(np.log(p))[0] == pytest.approx(root, abs=1e-4)


def test_twins_share_the_weight_and_an_impossible_model_gets_none():
    lpd = np.random.default_rng(0).normal(size=(60, 1)) + np.array([0.0, 0.0, -np.inf])
    for w in (stacking_weights(lpd), pseudo_bma_weights(lpd)):
        np.testing.assert_allclose(w, [0.5, 0.5, 0.0], atol=1e-6)


def test_pseudo_bma_spreads_what_is_not_sure():
    rng = np.random.default_rng(0)
    noisy = np.stack([rng.normal(size=100), rng.normal(size=100)], axis=1)
    sure = np.stack([np.full(100, -1.0), np.full(100, -2.0)], axis=1)
    assert 0.01 < pseudo_bma_weights(noisy)[0] < 0.99
    assert pseudo_bma_weights(sure)[0] == pytest.approx(1)


@pytest.mark.parametrize(("shift", "same"), [(1e-9, True), (1e-3, False)])
def test_rows_are_told_apart_by_their_spread_not_by_their_size(shift, same):
    years = 2000 + np.random.default_rng(0).normal(scale=0.01, size=40)
    tables = {"a": table_of(-np.ones(40), years), "b": table_of(-np.ones(40), years + shift)}
    if same:
        pbnn.compare_models(tables)
        return
    with pytest.raises(DataError, match="40 rows differ"):
        pbnn.compare_models(tables)


def test_differences_are_paired():
    rng = np.random.default_rng(0)
    a = rng.normal(size=80)
    b = a - 0.1 * rng.uniform(size=80)
    found = pbnn.compare_models({"b": table_of(b), "a": table_of(a)})
    assert found["model"].to_numpy().tolist() == ["a", "b"]
    np.testing.assert_allclose(found["elpd_difference"], [0, (b - a).sum()])
    np.testing.assert_allclose(found["difference_se"][1], 80**0.5 * (b - a).std(ddof=1))
    np.testing.assert_allclose(found["se"], [80**0.5 * v.std(ddof=1) for v in (a, b)])
    assert found["elpd"].attrs["units"] == "nat"
    assert "a predicts" in found.attrs["verdict"]


@pytest.fixture(scope="module")
def pair():
    """The model that made the data, and one that was not told of the second column."""
    truth = LinearGaussian.simulate(n=30)
    blind = LinearGaussian(truth.X[:, :1], truth.y, 2.0)
    return truth, blind


def test_the_model_that_made_the_data_wins(pair):
    truth, blind = pair
    found = pbnn.compare_models({"blind": (blind.bnn, blind.draws()), "truth": (truth.bnn, truth.draws())})
    assert found.attrs["best"] == "truth"
    assert float(found["stacking"].sel(model="truth")) > 0.9
    assert "only" in found.attrs["evidence"] or "no marginal likelihood" in found.attrs["evidence"]
    assert found.attrs["stacking_elpd"] >= float(found["elpd"][0]) - 1e-6


def test_rows_held_out_take_any_fit(pair):
    truth, _ = pair
    X, y = truth.new_data(25)
    point = truth.tree(truth.mean[None, None])
    with pytest.raises(MethodError, match="too few to reweight"):
        pbnn.compare_models({"point": (truth.bnn, point)})
    found = pbnn.compare_models({"point": (truth.bnn, point), "draws": (truth.bnn, truth.draws())}, X, y)
    lpd = pbnn.assess.pointwise(truth.bnn, point, X, y, seed=1)["lpd"]
    np.testing.assert_allclose(found["pointwise"].sel(model="point"), lpd, rtol=1e-5)


@pytest.mark.slow
def test_evidence_weighs_laplace_fits():
    X = np.linspace(-1, 1, 30)[:, None]
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] + np.sin(30 * X[:, 0]))
    idata = pbnn.fit(bnn, pbnn.Laplace(draws=500), seed=1, progress=False)
    found = pbnn.compare_models({"a": (bnn, idata), "b": (bnn, idata)})
    np.testing.assert_allclose(found["evidence"], 0.5)
    assert found.attrs["evidence"] == "Laplace"


def test_chains_are_models(pair):
    truth, _ = pair
    good = truth.draws(chains=2, draws=200)
    weights = np.random.default_rng(0).multivariate_normal(truth.mean + 3, truth.covariance, size=(1, 200))
    posterior = xr.concat(
        [good["posterior"].to_dataset(), truth.tree(weights)["posterior"].to_dataset()], "chain"
    )
    idata = xr.DataTree.from_dict({"posterior": posterior})
    found = pbnn.compare_models(assess.by_chain(truth.bnn, idata), *truth.new_data(40))
    assert found["model"].to_numpy()[-1] == "chain 2"
    assert float(found["stacking"].sel(model="chain 2")) < 0.01


def test_what_does_not_compare_is_named():
    a = table_of(np.zeros(5))
    changed = np.zeros(5)
    changed[3] = 2.0
    with pytest.raises(DataError, match=r"row 3 of the response is 2\.0 for 'b' and 0\.0 for 'a' \(1 rows"):
        pbnn.compare_models({"a": a, "b": table_of(np.zeros(5), changed)})
    with pytest.raises(DataError, match=r"'b' was judged on responses of shape \(4,\) and 'a' of \(5,\)"):
        pbnn.compare_models({"a": a, "b": table_of(np.zeros(4))})
    with pytest.raises(DataError, match="a density and a probability"):
        pbnn.compare_models({"a": a, "b": table_of(np.zeros(5), kind="counts")})
    with pytest.raises(ModelError, match="no models"):
        pbnn.compare_models({})
    with pytest.raises(ModelError, match="'a' must be"):
        pbnn.compare_models({"a": 3})


def test_untrustworthy_rows_are_told_by_model():
    a, b = table_of(np.zeros(5)), table_of(np.ones(5))
    b.attrs["n_bad"] = 2
    with pytest.warns(PbnnWarning, match=r"rows of 'b' \(2\) have a Pareto k that is too large"):
        assert "Rows of b have" in pbnn.compare_models({"a": a, "b": b}).attrs["verdict"]
