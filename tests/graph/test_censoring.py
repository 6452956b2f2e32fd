"""Times known in part: densities against SciPy's survival functions, curvature, and bad input."""

from functools import cache

import jax
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pbnn
from pbnn.errors import DataError, ShapeError
from pbnn.graph.build import build
from pbnn.spec.likelihoods import Gamma, LogNormal, Weibull
from pbnn.spec.network import Network
from pbnn.target import Target
from pbnn.target.curvature import Subset, fisher_information, fisher_roots, ggn_full
from tests.tiers import tiers

INF = np.inf
ROWS = np.array(
    [
        [30.0, 30.0, 0.0],  # known
        [30.0, 30.0, 12.0],  # known, watched from 12 on
        [25.0, INF, 0.0],  # right
        [25.0, INF, 10.0],
        [0.0, 8.0, 0.0],  # left
        [0.0, 1.0, 0.0],
        [10.0, 40.0, 0.0],  # between
        [10.0, 40.0, 5.0],
        [70.0, 71.0, 60.0],
    ]
)

X = np.linspace(-1, 1, len(ROWS))[:, None]
FAMILIES = {
    "Weibull": (Weibull(1.7), lambda scale: stats.weibull_min(1.7, scale=scale)),
    "LogNormal": (LogNormal(0.6), lambda scale: stats.lognorm(0.6, scale=scale)),
}


@cache
def target(name, precision="float64"):
    y = pbnn.censored(*ROWS.T)
    return Target.of(build(Network([], FAMILIES[name][0]), X, y), precision)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [0.0, 0.8, 2.0])
def test_density_is_that_of_survival_functions(name, size):
    at, f = target(name), size * np.random.default_rng(1).normal(size=(len(ROWS), 1))
    dist = FAMILIES[name][1](at.bnn.response.scale[0] * np.exp(f[:, 0]))
    low, high, entry = ROWS.T
    known = np.isclose(low, high)
    with np.errstate(divide="ignore"):
        within = np.where(dist.cdf(high) < 0.5, dist.cdf(high) - dist.cdf(low), dist.sf(low) - dist.sf(high))
        between = np.log(np.where(np.isinf(high), dist.sf(low), within))
    exact = np.where(known, dist.logpdf(low), between) - dist.logsf(entry)
    found = at.log_likelihood_of(f, np.zeros(at.dim), at.data)
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("precision", tiers(["float32", "float64"], ["float32"]))
def test_far_out_there_is_no_nan(name, precision):
    at = target(name, precision)
    z = np.zeros(at.dim, precision)

    def total(f):
        return at.log_likelihood_of(f, z, at.data).sum()

    with at.scope():
        both = jax.jit(jax.value_and_grad(total))
        for size in (-30.0, 0.0, 30.0):
            value, slope = both(np.full((len(ROWS), 1), size, precision))
            assert not np.isnan(value)
            assert not np.isnan(slope).any()


def study(n=400, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1))
    time = 20 * np.exp(0.5 * x[:, 0]) * rng.weibull(1.5, n)
    until = rng.uniform(5, 60, n)
    return x, np.minimum(time, until), time <= until


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Weibull", pytest.param("LogNormal", marks=pytest.mark.nightly)])
def test_curvature_is_the_hessian(name):
    """The density of a row is log-concave in the output unless it is watched from some time on; then it is cut at 0."""
    at, f = target(name), np.random.default_rng(1).normal(size=(len(ROWS), 1))
    z, step = np.zeros(at.dim), 1e-4
    with at.scope():
        slope = jax.jit(jax.grad(lambda f: at.log_likelihood_of(f, z, at.data).sum()))
        hessian = -np.asarray(slope(f + step) - slope(f - step))[:, 0] / (2 * step)
        found = np.asarray(jax.jit(lambda f: fisher_information(at, f, z, at.data["y"]))(f))[:, 0, 0]
    assert (hessian > 0.01).sum() >= 7
    np.testing.assert_allclose(found, np.maximum(hessian, 0), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_curvature_of_weights_is_the_hessian_of_a_linear_network():
    x, time, event = study(60)
    at = Target.of(build(Network([], Weibull(1.5)), x, pbnn.right_censored(time, event)))
    subset, z = Subset(at, ("out_weight", "out_bias")), 0.3 * np.random.default_rng(1).normal(size=at.dim)
    with at.scope():
        found = jax.jit(lambda z: ggn_full(subset, z, at.data, memory=2**10)[0])(z)
        hessian = jax.jit(jax.hessian(lambda u: -at.log_likelihood(subset.put(u, z)).sum()))(subset.take(z))
    np.testing.assert_allclose(found, hessian, rtol=1e-6)


@pytest.mark.nightly
@pytest.mark.parametrize("own", [False, True])
def test_curvature_far_out_is_finite_in_float32(own):
    for name in FAMILIES:
        y = pbnn.censored(*ROWS.T)
        at = Target.of(build(Network([], type(FAMILIES[name][0])()), X, y), "float32")
        z = np.zeros(at.dim, "float32")
        with at.scope():
            roots = jax.jit(lambda f, at=at, z=z: fisher_roots(at, f, z, at.data["y"], own=own))
            for size in (-20.0, -3.0, 0.0, 3.0, 20.0):
                assert np.isfinite(roots(np.full((len(ROWS), 1), size, "float32"))).all(), (name, size)


@pytest.mark.nightly
def test_a_survival_fit_predicts_scores_and_is_saved(tmp_path):
    x, time, event = study(60)
    y = pbnn.right_censored(pd.Series(time, name="days"), event)
    one = build(Network([], Weibull()), x, y)
    assert one.response.names == ("days",)
    idata = pbnn.fit(one, pbnn.Laplace(draws=50), seed=1)
    found = pbnn.predict(one, idata, x, seed=1)["predictions"]
    assert found["y"].dims == ("chain", "draw", "obs")
    scores = pbnn.score(one, idata, x, y, seed=1)
    assert scores.attrs["n_exact"] == event.sum()
    for name in ("lpd", "rmse", "crps"):
        assert np.isfinite(scores[name])
    exact = pbnn.score(one, idata, x[event], time[event], seed=1)
    np.testing.assert_allclose(scores["rmse"], exact["rmse"], rtol=1e-6)
    pbnn.save(one, idata, tmp_path / "run.nc")
    again, back = pbnn.load(tmp_path / "run.nc")
    np.testing.assert_allclose(pbnn.score(again, back, x, y, seed=1)["lpd"], scores["lpd"])
    from pbnn.assess import for_arviz

    tree = for_arviz(again, back, seed=1)
    assert tree["log_likelihood"]["y"].shape[2:] == (60,)
    assert pbnn.prior_predict(one, draws=3, seed=1)["observed_data"]["y"].shape == (60, 3)


BAD = {
    "reversed": (lambda: pbnn.censored([1.0, 5.0], [2.0, 4.0]), r"bound 5 lies above the upper bound 4 \(row 1\)"),
    "entry late": (lambda: pbnn.censored([1.0, 5.0], [2.0, 6.0], [0.0, 5.5]), r"bound 5 comes before entry 5.5.*row 1"),
    "negative": (lambda: pbnn.censored([-1.0], [2.0]), r"lower bound -1 is no time.*row 0"),
    "zero": (lambda: pbnn.censored([0.0], [0.0]), r"event at time 0; .* > 0 \(row 0\)"),
    "missing": (lambda: pbnn.censored([1.0, np.nan], [2.0, 2.0]), r"lower is missing \(row 1\)"),
    "event": (lambda: pbnn.right_censored([1.0, 2.0], [1, 2]), r"event must be 0 or 1.*got 2 \(row 1\)"),
    "labels": (lambda: pbnn.right_censored([1.0, 2.0], ["dead", "alive"]), r"got the labels 'alive' and 'dead'"),
    "no column": (lambda: pbnn.censored(None, [1.0]), r"censored: lower must have shape"),
    "text": (lambda: pbnn.right_censored(["a"], [1]), "time must hold numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_times_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_times_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="lower has 2 rows and upper has 1"):
        pbnn.censored([1.0, 2.0], [3.0])
    y = pbnn.right_censored([1.0, 2.0, 3.0], [0, 0, 0])
    with pytest.raises(DataError, match="no row of y has an event"):
        build(Network([], Weibull()), np.eye(3), y)
    y = pbnn.right_censored([1.0, 2.0, 3.0], [1, 0, 1])
    with pytest.raises(DataError, match=r"y is censored, which Gamma does not know; use likelihoods.Weibull"):
        build(Network([], Gamma()), np.eye(3), y)
    with pytest.raises(DataError, match="X has 4 rows and y has 3"):
        build(Network([], Weibull()), np.eye(4), y)


def test_rows_in_another_order_are_refused():
    time = pd.Series([1.0, 2.0, 3.0])
    with pytest.raises(
        DataError, match=r"time and event have different indexes; pass event.loc\[time.index\]"
    ):
        pbnn.right_censored(time, pd.Series([1, 0, 1], index=[2, 1, 0]))
