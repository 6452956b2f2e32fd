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
from pbnn.target.curvature import Subset, ggn_full

INF = np.inf
ROWS = np.array(
    [
        [30.0, 30.0, 0.0],  # known
        [30.0, 30.0, 12.0],  # known, watched from 12 on
        [25.0, INF, 0.0],  # right
        [25.0, INF, 10.0],
        [0.0, 8.0, 0.0],  # left
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


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [0.0, 0.8, 2.0])
def test_density_is_that_of_survival_functions(name, size):
    at, f = target(name), size * np.random.default_rng(1).normal(size=(len(ROWS), 1))
    dist = FAMILIES[name][1](at.bnn.response.scale[0] * np.exp(f[:, 0]))
    low, high, entry = ROWS.T
    known = np.isclose(low, high)
    with np.errstate(divide="ignore"):
        between = np.log(np.where(np.isinf(high), dist.sf(low), dist.sf(low) - dist.sf(high)))
    exact = np.where(known, dist.logpdf(low), between) - dist.logsf(entry)
    found = at.log_likelihood_of(f, np.zeros(at.dim), at.data)
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("precision", ["float32", "float64"])
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


def test_curvature_at_the_mode_is_about_the_hessian():
    """Rows count as exact ones times the share of events: exact for a constant, about so for a slope."""
    x, time, event = study()
    one = build(Network([], Weibull(1.5)), x, pbnn.right_censored(time, event))
    assert 0.4 < event.mean() < 0.8
    idata = pbnn.fit(one, pbnn.MAP(), seed=1)
    at = Target.of(one)
    z = np.asarray(at.draws(idata["posterior"].to_dataset()))[0, 0]
    subset = Subset(at, ("out_weight", "out_bias"))
    with at.scope():
        found = np.asarray(ggn_full(subset, z, at.data["x"])[0])
        u = np.asarray(subset.take(z))
        slope = jax.jit(jax.grad(lambda u: at.log_likelihood(subset.put(u, z)).sum()))
        step = 1e-4
        columns = [(slope(u + step * e) - slope(u - step * e)) / (2 * step) for e in np.eye(len(u))]
    hessian = -np.array(columns)
    np.testing.assert_allclose(np.diag(found), np.diag(hessian), rtol=0.2)
    names = list(subset.slices)
    at_bias = subset.slices["out_bias"].start
    np.testing.assert_allclose(
        found[at_bias, at_bias], hessian[at_bias, at_bias], rtol=0.02, err_msg=str(names)
    )


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
    "entry late": (lambda: pbnn.censored([1.0, 5.0], [2.0, 6.0], [0.0, 5.5]), r"entry 5.5 lies above.* 5.*row 1"),
    "negative": (lambda: pbnn.censored([-1.0], [2.0]), r"lower bound -1 is no time.*row 0"),
    "zero": (lambda: pbnn.censored([0.0], [0.0]), r"upper bound 0 must be > 0 \(row 0\)"),
    "missing": (lambda: pbnn.censored([1.0, np.nan], [2.0, 2.0]), r"lower is missing \(row 1\)"),
    "event": (lambda: pbnn.right_censored([1.0, 2.0], [1, 2]), r"event must be 0 or 1.*got 2 \(row 1\)"),
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
