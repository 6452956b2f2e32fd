"""The surrogate against closed forms, scikit-learn's, and itself in other words."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.test_util
import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from pbnn.errors import DataError, MethodError, ShapeError
from pbnn.search import Condition, Inputs, Observations, Points, fit_surrogate, mode
from pbnn.search.gp import JITTER, condition, marginals, pad, posterior
from pbnn.search.hyperparameters import Hyperparameters, pack, prior, prior_of_mode, sizes, unpack
from pbnn.search.kernel import covariance, embed, matern52
from pbnn.search.mode import log_likelihood

NUMBERS = Inputs.of({name: FloatDistribution(0, 1) for name in "abc"})
MIXED = Inputs.of(
    {
        "depth": IntDistribution(1, 3),
        "width": IntDistribution(8, 128, log=True),
        "width2": IntDistribution(8, 128, log=True),
        "act2": CategoricalDistribution(["relu", "tanh", "gelu"]),
        "width3": IntDistribution(8, 128, log=True),
        "act": CategoricalDistribution(["relu", "tanh"]),
        "rate": FloatDistribution(1e-4, 1, log=True),
    },
    {
        "width2": Condition("depth", (2, 3)),
        "act2": Condition("depth", (2, 3)),
        "width3": Condition("depth", (3,)),
    },
)
# All kinds of inputs with as few of each as may be: what is compiled for them takes a third of the time.
SMALL = Inputs.of(
    {
        "depth": IntDistribution(1, 2),
        "act2": CategoricalDistribution(["relu", "tanh", "gelu"]),
        "rate": FloatDistribution(1e-4, 1, log=True),
    },
    {"act2": Condition("depth", (2,))},
)

at, likelihood = jax.jit(posterior), jax.jit(log_likelihood)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def hyperparameters(inputs, **values):
    """Return a vector of hyperparameters: no warping, and what is given."""
    n = sizes(inputs.layout)
    zero = Hyperparameters(np.zeros(n.log_length), np.zeros(n.log_a), np.zeros(n.log_b), 0.0, -4.0, 0.0)
    return np.asarray(pack(zero._replace(**values)))


def data(inputs, n, seed=0):
    rng = np.random.default_rng(seed)
    points = inputs.sample(n, rng)
    return points, rng.normal(size=n)


def prior_draw(inputs, rng):
    loc, scale = prior(inputs.layout)
    return loc + scale * rng.normal(size=len(loc))


def rows_of(inputs, points, y, noise=None, size=None):
    noise = np.zeros((len(y), len(y))) if noise is None else noise
    return pad(points, y, noise, np.zeros((len(y), 0)), inputs.layout, size)


@pytest.fixture
def fixed():
    length = np.array([0.3, 0.7, 1.4])
    return SimpleNamespace(
        length=length,
        theta=hyperparameters(
            NUMBERS, log_length=np.log(length), log_amplitude=np.log(1.7), log_nugget=np.log(0.01), mean=0.0
        ),
    )


@pytest.mark.peer
def test_posterior_and_likelihood_are_those_of_scikit_learn(fixed):
    points, y = data(NUMBERS, 25)
    new = NUMBERS.sample(9, np.random.default_rng(1))
    # Near the ends the warping keeps off 0 and 1, which moves points by a millionth: theirs are moved with ours.
    inner = [1e-6 + (1 - 2e-6) * p.x for p in (points, new)]
    kernel = ConstantKernel(1.7) * Matern(fixed.length, nu=2.5)
    peer = GaussianProcessRegressor(kernel, alpha=0.01 + JITTER, optimizer=None).fit(inner[0], y)
    rows = rows_of(NUMBERS, points, y)
    mean, cov = at(condition(fixed.theta[None], rows), new.x, new.active)
    theirs, theirs_cov = peer.predict(inner[1], return_cov=True)
    np.testing.assert_allclose(mean[0], theirs, atol=1e-8)
    np.testing.assert_allclose(cov[0], theirs_cov, atol=1e-8)
    assert float(likelihood(fixed.theta, rows)) == pytest.approx(
        peer.log_marginal_likelihood_value_, abs=1e-8
    )


def test_known_noise_enters_as_the_formula_says(fixed):
    points, y = data(NUMBERS, 12)
    half = np.random.default_rng(2).normal(size=(12, 12)) / 5
    noise = half @ half.T + 0.3
    z = embed(fixed.theta, points.x, points.active, NUMBERS.layout)
    k = np.asarray(covariance(fixed.theta, z, z, NUMBERS.layout))
    full = k + noise + (0.01 + JITTER) * np.eye(12)
    mean, cov = at(condition(fixed.theta[None], rows_of(NUMBERS, points, y, noise)), points.x, points.active)
    np.testing.assert_allclose(mean[0], k @ np.linalg.solve(full, y), atol=1e-8)
    np.testing.assert_allclose(cov[0], k - k @ np.linalg.solve(full, k), atol=1e-8)


def test_padding_counts_for_nothing():
    points, y = data(SMALL, 20)
    theta = prior_draw(SMALL, np.random.default_rng(3))
    new = SMALL.sample(5, np.random.default_rng(4))
    likelihood_and_slope = jax.jit(jax.value_and_grad(log_likelihood))
    bare, padded = (rows_of(SMALL, points, y, size=size) for size in (20, 64))
    (value, slope), (value_padded, slope_padded) = (likelihood_and_slope(theta, r) for r in (bare, padded))
    np.testing.assert_allclose(value, value_padded, atol=1e-8)
    np.testing.assert_allclose(slope, slope_padded, rtol=1e-7, atol=1e-8)
    one, other = (at(condition(theta[None], rows), new.x, new.active) for rows in (bare, padded))
    np.testing.assert_allclose(one[0], other[0], atol=1e-8)
    np.testing.assert_allclose(one[1], other[1], atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_positive_definite_on_mixed_conditional_points(seed):
    rng = np.random.default_rng(seed)
    points, theta = MIXED.sample(64, rng), prior_draw(MIXED, rng)
    z = embed(theta, points.x, points.active, MIXED.layout)
    k = np.asarray(covariance(theta, z, z, MIXED.layout))
    assert np.linalg.eigvalsh(k).min() > -1e-10 * np.trace(k)


def test_what_is_inactive_does_not_matter():
    points, y = data(MIXED, 30)
    theta = prior_draw(MIXED, np.random.default_rng(5))
    other = np.where(points.active, points.x, [0.0, 0.0, 0.9, 2.0, 0.1, 0.0, 0.0])
    assert (other != points.x).any()
    a = likelihood(theta, rows_of(MIXED, points, y))
    b = likelihood(theta, rows_of(MIXED, Points(other, points.active), y))
    assert float(a) == pytest.approx(float(b), abs=1e-10)


def test_distances_are_those_of_the_formula():
    params = [
        {"depth": 1, "width": 16, "act": "relu", "rate": 0.1},
        {"depth": 2, "width": 16, "act": "relu", "rate": 0.1, "width2": 64, "act2": "gelu"},
        {"depth": 2, "width": 16, "act": "tanh", "rate": 0.1, "width2": 64, "act2": "relu"},
    ]
    points = MIXED.points(params)
    length = np.exp(np.random.default_rng(6).normal(size=9))
    theta = hyperparameters(MIXED, log_length=np.log(length))
    z = np.asarray(embed(theta, points.x, points.active, MIXED.layout))
    square = ((z[:, None] - z) ** 2).sum(-1)
    # No Hamming term of a category that one of two points does not have: what differs is having it.
    names = list(MIXED.names)
    depth, width2 = (points.x[1, names.index(n)] - points.x[0, names.index(n)] for n in ("depth", "width2"))
    gone = (1 - 1e-6 * 2) ** 2 * (depth / length[0]) ** 2 + (width2 / length[2]) ** 2
    gate = 1 / length[7 + list(MIXED.layout.gates).index(2)] ** 2
    assert square[0, 1] == pytest.approx(gone + 0.5 / length[3] ** 2 + gate, rel=1e-5)
    assert square[1, 2] == pytest.approx(1 / length[3] ** 2 + 1 / length[5] ** 2)


@pytest.mark.nightly
def test_slopes_match_finite_differences():
    points, y = data(MIXED, 15)
    rows = rows_of(MIXED, points, y)
    theta = 0.5 * prior_draw(MIXED, np.random.default_rng(7))
    arrays = condition(theta[None], rows)

    def mean_and_variance(x):
        mean, cov = posterior(arrays, x, points.active[:2])
        return mean.sum() + 3 * cov[0, 0, 1]

    jax.test_util.check_grads(lambda t: log_likelihood(t, rows), (theta,), order=1, modes=["rev"], rtol=1e-5)
    slope = np.asarray(jax.grad(mean_and_variance)(points.x[:2]))
    for j in (1, 6):
        step = np.zeros((2, 7))
        step[0, j] = 1e-6
        change = mean_and_variance(points.x[:2] + step) - mean_and_variance(points.x[:2] - step)
        assert slope[0, j] == pytest.approx(float(change) / 2e-6, rel=1e-4, abs=1e-7)
    # At an observation too, where the distance is zero and its root has no slope.
    assert np.isfinite(slope).all()
    assert float(jax.grad(jax.grad(matern52))(0.0)) == pytest.approx(25 / 12)


def test_marginals_are_the_diagonal():
    points, y = data(SMALL, 15)
    thetas = np.stack([prior_draw(SMALL, np.random.default_rng(s)) for s in (8, 9)])
    arrays = condition(thetas, rows_of(SMALL, points, y))
    new = SMALL.sample(6, np.random.default_rng(1))
    mean, cov = at(arrays, new.x, new.active)
    single, variance = marginals(arrays, new.x, new.active)
    np.testing.assert_allclose(single, mean)
    np.testing.assert_allclose(variance, np.einsum("hii->hi", cov), atol=1e-9)


@pytest.mark.nightly
def test_hyperparameters_are_found_again():
    rng = np.random.default_rng(10)
    points = NUMBERS.sample(100, rng)
    truth = hyperparameters(
        NUMBERS, log_length=np.log([0.2, 0.5, 30.0]), log_amplitude=0.0, log_nugget=np.log(0.02)
    )
    z = np.asarray(embed(truth, points.x, points.active, NUMBERS.layout))
    k = np.asarray(covariance(truth, z, z, NUMBERS.layout)) + 0.02 * np.eye(100)
    y = np.linalg.cholesky(k) @ rng.normal(size=100)
    found = fit_surrogate(NUMBERS, Observations(points, y))
    h = unpack(found.theta[0], NUMBERS.layout)
    # In the units of y, and within three posterior standard deviations by Laplace's method.
    curvature = jax.hessian(lambda t: -log_likelihood(t, found.rows))(found.theta[0])
    sd = np.sqrt(
        np.diag(np.linalg.inv(np.asarray(curvature) + np.diag(prior_of_mode(NUMBERS.layout)[1] ** -2.0)))
    )
    sds = unpack(sd, NUMBERS.layout)
    for i in (0, 1):
        assert abs(h.log_length[i] - np.log([0.2, 0.5])[i]) < 3 * sds.log_length[i]
    assert abs(h.log_nugget + 2 * np.log(found.scale) - np.log(0.02)) < 3 * sds.log_nugget
    assert h.log_length[2] > np.log(3)


def test_known_noise_is_not_taken_for_signal():
    rng = np.random.default_rng(11)
    points = NUMBERS.sample(60, rng)
    truth = np.sin(3 * points.x[:, 0])
    noise = 0.5**2 * np.eye(60)
    found = fit_surrogate(NUMBERS, Observations(points, truth + 0.5 * rng.normal(size=60), noise))
    mean, sd = found.predict(points)
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.25
    assert np.sqrt(np.mean(((mean - truth) / sd) ** 2)) < 2


def test_exact_scores_are_met():
    points, _ = data(NUMBERS, 40)
    y = np.sin(3 * points.x[:, 0]) + points.x[:, 1] ** 2
    exact, noisy = (fit_surrogate(NUMBERS, Observations(points, y, exact=e)) for e in (True, False))
    assert unpack(exact.theta[0], exact.rows.layout).log_nugget is None
    assert exact.noise_variance.max() == 0
    np.testing.assert_allclose(exact.predict(points)[0], y, atol=1e-5)
    assert np.abs(noisy.predict(points)[0] - y).max() > 1e-4
    new = NUMBERS.sample(200, np.random.default_rng(5))
    truth = np.sin(3 * new.x[:, 0]) + new.x[:, 1] ** 2
    errors = [np.abs(found.predict(new)[0] - truth).mean() for found in (exact, noisy)]
    assert errors[0] < errors[1]


def test_running_trials_beside_the_observations():
    points, y = data(SMALL, 20)
    fitted = fit_surrogate(SMALL, Observations(points, y))
    more, made_up = data(SMALL, 4, seed=12)
    both = fitted.conditioned_on(more, made_up)
    told = Points.joined([points, more])
    rows = rows_of(SMALL, told, (np.concatenate([y, made_up]) - fitted.loc) / fitted.scale)
    np.testing.assert_allclose(
        at(both.arrays, points.x, points.active)[0],
        at(condition(fitted.theta, rows), points.x, points.active)[0],
        atol=1e-8,
    )
    several = fitted.conditioned_on(more, np.stack([made_up, made_up + 1, made_up + 2]))
    assert several.theta.shape[0] == 3
    np.testing.assert_allclose(several.arrays.alpha[0], both.arrays.alpha[0])
    again = several.conditioned_on(more[0], [0.0])
    assert again.arrays.alpha.shape[0] == 3
    with pytest.raises(ShapeError, match="s a multiple of 3"):
        several.conditioned_on(more, np.zeros((2, 4)))


@pytest.mark.parametrize("more", [0, 3, 6])
def test_a_warm_start_ends_no_lower(more):
    points, y = data(MIXED, 46)
    now = Observations(points[: 40 + more], y[: 40 + more])
    start = fit_surrogate(MIXED, Observations(points[:40], y[:40]), seed=1)
    cold = fit_surrogate(MIXED, now, seed=1)
    assert fit_surrogate(MIXED, now, seed=2, start=start).log_posterior[0] > cold.log_posterior[0] - 0.01


@pytest.mark.parametrize(
    ("seen", "now", "climbs"), [(0, 46, 2), (40, 41, 1), (44, 45, 2), (45, 46, 1), (40, 46, 2), (199, 200, 1)]
)
def test_a_fit_begins_afresh_now_and_then(seen, now, climbs, monkeypatch):
    points, y = data(MIXED, now)
    start = fit_surrogate(MIXED, Observations(points[:seen], y[:seen])) if seen else None
    found = []
    monkeypatch.setattr(mode, "minimize", lambda *a, **k: found.append(minimize(*a, **k)) or found[-1])
    fit_surrogate(MIXED, Observations(points, y), start=start)
    assert len(found) == climbs


def test_a_start_where_nothing_can_be_factored_is_left():
    points, y = data(NUMBERS, 40)
    told = Observations(points, y)
    good = fit_surrogate(NUMBERS, told)
    broken = replace(good, arrays=replace(good.arrays, theta=np.full_like(good.theta, np.nan)))
    assert np.isfinite(fit_surrogate(NUMBERS, told, start=broken).log_posterior).all()


@pytest.mark.parametrize("y", [[1.0], [3.0, 3.0], [1e300, 1e300], [0.0, 1e-200], [1.0, 2.0]])
def test_few_or_equal_scores(y):
    points = NUMBERS.sample(len(y), np.random.default_rng(13))
    points = Points(np.repeat(points.x[:1], len(y), 0), np.repeat(points.active[:1], len(y), 0))
    mean, sd = fit_surrogate(NUMBERS, Observations(points, np.array(y))).predict(points)
    assert np.isfinite(mean).all()
    assert (sd > 0).all()


def test_scores_that_cannot_be():
    points = NUMBERS.sample(2, np.random.default_rng(14))
    with pytest.raises(DataError, match="that of point 1 is not"):
        Observations(points, np.array([1.0, np.nan]))
    with pytest.raises(ShapeError, match=r"noise \(2, 2\)"):
        Observations(points, np.zeros(2), np.zeros(2))
    with pytest.raises(DataError, match="covariance matrix"):
        Observations(points, np.zeros(2), np.array([[1.0, 2.0], [0.0, 1.0]]))
    with pytest.raises(DataError, match="there are none"):
        Observations(points[[]], np.zeros(0))
    with pytest.raises(MethodError, match="unknown how"):
        fit_surrogate(NUMBERS, Observations(points, np.zeros(2)), how="magic")
