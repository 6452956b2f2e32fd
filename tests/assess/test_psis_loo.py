"""PSIS-LOO and K-fold against the closed form of the linear-Gaussian network, and against ArviZ."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from scipy import stats

import pbnn
from pbnn.assess import rows as rows_module
from pbnn.assess.elpd import error_of_sum
from pbnn.assess.psis import smooth_weights
from pbnn.errors import DataError, MethodError, ModelError, PbnnWarning
from tests.exact import LinearGaussian


def exact_loo(linear: LinearGaussian) -> np.ndarray:
    """Return the log density of each row given all others, by a refit in closed form for each."""
    n = len(linear.y)
    out = np.empty(n)
    for i in range(n):
        others = LinearGaussian(np.delete(linear.X, i, 0), np.delete(linear.y, i), linear.noise)
        mean, sd = others.function(linear.X[[i]])
        out[i] = stats.norm.logpdf(linear.y[i], mean[0], np.hypot(sd[0], linear.noise))
    return out


@pytest.fixture(scope="module")
def influential() -> LinearGaussian:
    """A model in which one row lies far off, in inputs and response."""
    linear = LinearGaussian.simulate(n=25)
    X, y = linear.X.copy(), linear.y.copy()
    X[3], y[3] = 4.0, linear.function(np.full((1, 3), 4.0))[0][0] + 3.0
    return LinearGaussian(X, y, linear.noise)


def test_weights_are_those_of_arviz():
    rng = np.random.default_rng(0)
    log_lik = np.concatenate(
        [rng.normal(size=(20, 1000)), rng.standard_t(3, size=(20, 1000)), rng.pareto(1.2, size=(20, 1000))]
    )
    weights, k = smooth_weights(-log_lik)
    theirs, their_k = array_stats.psislw(log_lik, axis=-1)
    np.testing.assert_allclose(weights, theirs, atol=1e-10)
    np.testing.assert_allclose(k, their_k, atol=1e-10)


def test_equal_ratios_stay_equal():
    weights, k = smooth_weights(np.full((2, 100), 3.0))
    np.testing.assert_allclose(weights, -np.log(100))
    assert (k == 0).all()


@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (1.0, False)])
def test_loo_is_that_of_exact_refits(linear, shift, ok):
    table = pbnn.loo(linear.bnn, linear.draws(draws=1000, shift=shift))
    error = (table["elpd"] - exact_loo(linear)) / table["mcse"]
    # The rows share the draws, so the errors of their sum may all go one way.
    total = float(table["elpd"].sum() - exact_loo(linear).sum()) / float(table["mcse"].sum())
    assert (abs(total) < 3 and float(abs(error).max()) < 5) == ok
    assert table.attrs["n_bad"] == 0
    np.testing.assert_allclose(table["p_loo"], table["lppd"] - table["elpd"])
    assert table.attrs["elpd_total"] == pytest.approx(float(table["elpd"].sum()))
    assert 3 < table.attrs["p_loo_total"] < 6 or not ok


@pytest.mark.parametrize(("chains", "ok"), [(4, True), (2000, False)])
def test_draws_that_depend_on_each_other_count_for_less(chains, ok):
    """The error of a mean of autoregressive chains; taken for independent, they seem to tell four times as much."""
    rng, phi = np.random.default_rng(0), 0.9
    x = rng.normal(size=(300, 4, 500))
    for t in range(1, 500):
        x[..., t] = phi * x[..., t - 1] + (1 - phi**2) ** 0.5 * x[..., t]
    x = x.reshape(300, 2000)
    errors = error_of_sum((x - x.mean(axis=1, keepdims=True)) / 2000, chains)
    # 300 means tell their spread to 4 %, and stretches of 62 draws, 3 times the time of correlation, lose 8 % of it.
    assert (0.8 < errors.mean() / x.mean(axis=1).std() < 1.1) == ok


def test_blocks_change_nothing(linear, monkeypatch):
    idata = linear.draws(draws=100)
    whole = pbnn.loo(linear.bnn, idata)
    monkeypatch.setattr(rows_module, "BLOCK_BYTES", 1)
    xr.testing.assert_allclose(whole, pbnn.loo(linear.bnn, idata))


@pytest.mark.slow
def test_an_influential_row_is_named_and_refitted(influential):
    idata = influential.draws(draws=250)
    with pytest.warns(PbnnWarning, match="1 of 25 rows have a Pareto k above 0.67"):
        table = pbnn.loo(influential.bnn, idata)
    assert int(np.argmax(table["pareto_k"].to_numpy())) == 3
    laplace = pbnn.Laplace(draws=1000, tune=None)
    mended = pbnn.loo(influential.bnn, idata, refit=laplace, seed=1)
    assert mended.attrs["n_bad"] == 0
    assert np.flatnonzero(mended["corrected"]).tolist() == [3]
    assert abs(mended["elpd"][3] - exact_loo(influential)[3]) < 4 * mended["mcse"][3]
    assert abs(table["elpd"][3] - exact_loo(influential)[3]) > 4 * mended["mcse"][3]


def test_kfold_is_that_of_exact_refits():
    linear = LinearGaussian.simulate(n=12)
    table = pbnn.kfold(linear.bnn, pbnn.MAP(starts=1), k=3, seed=1)
    for fold in range(3):
        out = (table["fold"] == fold).to_numpy()
        others = LinearGaussian(linear.X[~out], linear.y[~out], linear.noise)
        exact = stats.norm.logpdf(linear.y[out], others.function(linear.X[out])[0], linear.noise)
        np.testing.assert_allclose(table["elpd"][out], exact, rtol=1e-3, atol=1e-3)
    assert np.bincount(table["fold"]).tolist() == [4, 4, 4]
    np.testing.assert_array_equal(linear.bnn.model["y_data"].get_value(), linear.y)


@pytest.mark.slow
def test_an_executor_gives_the_same():
    linear = LinearGaussian.simulate(n=12)
    here = pbnn.kfold(linear.bnn, pbnn.MAP(starts=1), k=3, seed=1)
    with ThreadPoolExecutor(2) as pool:
        there = pbnn.kfold(linear.bnn, pbnn.MAP(starts=1), k=3, seed=1, executor=pool)
    xr.testing.assert_allclose(here, there)


def test_what_cannot_be_done_is_refused(linear):
    point = linear.tree(linear.mean[None, None])
    with pytest.raises(MethodError, match="1 draw of the weights, too few"):
        pbnn.loo(linear.bnn, point)
    with pytest.raises(DataError, match="40 rows cannot be cut into 41 folds"):
        pbnn.kfold(linear.bnn, "map", k=41)
    with pytest.raises(DataError, match="one whole number for each of 40 rows"):
        pbnn.kfold(linear.bnn, "map", folds=[0, 1])
    with pytest.raises(ModelError, match="must be a BNN"):
        pbnn.kfold(linear.bnn.model, "map")


def test_moment_matching_mends_an_influential_row(influential):
    idata = influential.draws(draws=500)
    matched = pbnn.loo(influential.bnn, idata, moment_match=True)
    assert np.flatnonzero(matched["corrected"]).tolist() == [3]
    assert matched.attrs["n_bad"] == 0
    assert abs(matched["elpd"][3] - exact_loo(influential)[3]) < 4 * matched["mcse"][3]
    idata.attrs["sampling"] = "approximate"
    with pytest.raises(ModelError, match="of an approximation to it; pass refit=True"):
        pbnn.loo(influential.bnn, idata, moment_match=True)
