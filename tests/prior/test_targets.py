"""Kernels against scikit-learn, draws of functions against what is said of them, and what is refused."""

import numpy as np
import pytest

from pbnn import priors
from pbnn.errors import DataError, ShapeError, SpecError
from pbnn.prior.kernels import covariance
from pbnn.prior.targets import draw_functions

DRAWS = 4000
rng_x = np.random.default_rng(0)
X = rng_x.uniform(-2, 3, size=(12, 2))
LINE = np.linspace(0, 5, 15)[:, None]


@pytest.mark.parametrize("lengthscale", [0.7, (0.5, 2.0)])
@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5, None])
def test_kernels_match_scikit_learn(lengthscale, smoothness):
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    if smoothness is None:
        ours, theirs = priors.RBF(lengthscale, 1.5), kernels.RBF(lengthscale)
    else:
        ours = priors.Matern(smoothness, lengthscale, 1.5)
        theirs = kernels.Matern(lengthscale, nu=smoothness)
    np.testing.assert_allclose(covariance(ours, X), 1.5**2 * theirs(X), atol=1e-10)


def test_periodic_kernel_matches_scikit_learn():
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    theirs = kernels.ExpSineSquared(length_scale=0.8, periodicity=1.7)
    np.testing.assert_allclose(covariance(priors.Periodic(1.7, 0.8, 2.0), LINE), 4 * theirs(LINE), atol=1e-10)


@pytest.mark.parametrize("factor", [1.0, 1.2])
@pytest.mark.parametrize(
    "target",
    [
        priors.GP(priors.RBF(1.0, 2.0)),
        priors.FunctionPrior(1.0, 2.0),
        priors.FunctionPrior(1.0, 2.0, smooth=False),
        priors.FunctionPrior(1.0, 2.0, period=3.0),
        priors.GP(lambda X: 4.0 * np.minimum(X + 1, X.T + 1)),
    ],
)
def test_draws_have_the_covariance_of_the_kernel(target, factor):
    f = factor * draw_functions(target, LINE, DRAWS, np.random.default_rng(1))
    kernel = (
        getattr(target, "kernel", None)
        or {
            (True, None): priors.RBF(1.0, 2.0),
            (False, None): priors.Matern(1.5, 1.0, 2.0),
            (True, 3.0): priors.Periodic(3.0, 1.0, 2.0),
        }[target.smooth, target.period]
    )
    K = covariance(kernel, LINE)
    # The variance of a sample covariance of normal variables: (K_ii K_jj + K_ij**2) / n.
    se = np.sqrt((np.outer(np.diag(K), np.diag(K)) + K**2) / DRAWS)
    assert (np.abs((f.T @ f / DRAWS - K) / se).max() < 5) == (factor == 1.0)


@pytest.mark.parametrize(("direction", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_monotone_functions_go_one_way(direction, sign):
    target = priors.FunctionPrior(1.0, 2.0, monotone=direction)
    f = draw_functions(target, LINE, DRAWS, np.random.default_rng(2))
    assert (sign * np.diff(f, axis=1) >= 0).all()
    squares = (f**2).mean(axis=1)
    # By construction the mean square is amplitude**2 where the rise is even, and a little more where it is steep.
    assert 3.5 < squares.mean() < 6.0
    assert abs(f.mean()) < 5 * f.mean(axis=1).std() / np.sqrt(DRAWS)


def test_monotone_in_one_of_two_columns():
    grid = np.stack([np.repeat([0.0, 1.0, 2.0], 5), np.tile(np.linspace(0, 4, 5), 3)], axis=1)
    target = priors.FunctionPrior((0.5, 1.0), monotone="increasing", column="dose")
    f = draw_functions(target, grid, 200, np.random.default_rng(3), ("age", "dose")).reshape(200, 3, 5)
    assert (np.diff(f, axis=2) >= 0).all()
    assert (np.diff(f, axis=1) < 0).any()
    by_position = priors.FunctionPrior((0.5, 1.0), monotone="increasing", column=1)
    np.testing.assert_array_equal(
        f.reshape(200, 15), draw_functions(by_position, grid, 200, np.random.default_rng(3))
    )


def test_elicit():
    said = priors.elicit(x_changes_over=3.0, response_between=(0, 40))
    assert said == priors.FunctionPrior(3.0, 10.0, 20.0)
    f = 20 + draw_functions(said, LINE, DRAWS, np.random.default_rng(4))
    inside = ((f > 0) & (f < 40)).mean(axis=0)
    assert np.abs(inside - 0.9545).max() < 5 * np.sqrt(0.9545 * 0.0455 / DRAWS)
    waves = priors.elicit(x_changes_over=0.1, response_between=(-1, 1), repeats_after=2.0)
    near = np.array([[0.0], [0.02]])
    wave, rbf = (
        covariance(kernel, near)[0, 1]
        for kernel in (priors.Periodic(2.0, waves.lengthscale), priors.RBF(0.1))
    )
    assert wave == pytest.approx(rbf, abs=1e-3)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: priors.RBF(lengthscale=0.0), "lengthscale must be a positive number"),
        (lambda: priors.RBF(lengthscale=(1.0, -1.0)), "lengthscale must be a positive number"),
        (lambda: priors.RBF(amplitude=-1.0), "amplitude must be a positive number"),
        (lambda: priors.Matern(2.0), r"smoothness must be 0\.5, 1\.5 or 2\.5"),
        (lambda: priors.Periodic(period=0), "period must be a positive number"),
        (lambda: priors.GP(priors.RBF), "kernel must be one of RBF, Matern, Periodic"),
        (lambda: priors.GP("rbf"), "kernel must be one of"),
        (lambda: priors.GP(mean=float("nan")), "mean must be a finite number"),
        (lambda: priors.FunctionPrior(-1.0), "lengthscale must be a positive number"),
        (lambda: priors.FunctionPrior(monotone="up"), "monotone must be 'increasing'"),
        (lambda: priors.FunctionPrior(monotone="increasing", period=1.0), "contradict each other"),
        (lambda: priors.FunctionPrior(period=1.0, smooth=False), "drop smooth=False"),
        (lambda: priors.FunctionPrior(column="age"), "pass monotone too"),
        (lambda: priors.elicit(x_changes_over=1.0, response_between=(40, 0)), "the lower one first"),
        (lambda: priors.elicit(x_changes_over=1.0, response_between=3), "must be two numbers"),
        (
            lambda: priors.elicit(x_changes_over=0.0, response_between=(0, 1)),
            "x_changes_over must be a distance > 0",
        ),
        (
            lambda: priors.elicit(x_changes_over=(1.0, -1.0), response_between=(0, 1)),
            "x_changes_over must be",
        ),
        (
            lambda: priors.elicit(x_changes_over=3.0, response_between=(0, 1), repeats_after=2.0),
            "within half of its period",
        ),
        (
            lambda: priors.elicit(
                x_changes_over=0.1, response_between=(0, 1), repeats_after=2.0, monotone="increasing"
            ),
            "contradict",
        ),
    ],
)
def test_what_is_said_wrongly(make, match):
    with pytest.raises(SpecError, match=match):
        make()


@pytest.mark.parametrize(
    ("target", "error", "match"),
    [
        (priors.GP(-np.eye(12)), DataError, "not positive definite"),
        (priors.GP(np.ones((12, 12)) - 2 * np.eye(12)), DataError, "eigenvalues go from -2"),
        (priors.GP(lambda X: X @ X[:3].T), ShapeError, r"must have shape \(12, 12\)"),
        (priors.GP(np.eye(3)), ShapeError, r"got \(3, 3\)"),
        (priors.GP(np.eye(12) + np.eye(12, k=1)), DataError, r"not symmetric: \[0, 1\] is 1"),
        (priors.GP(np.full((12, 12), np.nan)), DataError, "missing or infinite"),
        (priors.GP(priors.RBF((1.0, 1.0, 1.0))), ShapeError, "one for each of the 2 columns of X; got 3"),
        (priors.FunctionPrior(monotone="increasing"), SpecError, "X has 2 columns; say in which one"),
        (priors.FunctionPrior(monotone="increasing", column="z"), SpecError, "FunctionPrior.*'z'"),
        (
            priors.FunctionPrior((1.0,) * 3, monotone="increasing", column=0),
            ShapeError,
            "one for each of the 2 columns",
        ),
        ("smooth", SpecError, r"target must be priors\.GP"),
    ],
)
def test_targets_that_cannot_be_drawn(target, error, match):
    with pytest.raises(error, match=match):
        draw_functions(target, X, 10, np.random.default_rng(0))


def test_a_constant_column_cannot_be_climbed():
    with pytest.raises(DataError, match="constant in X"):
        draw_functions(
            priors.FunctionPrior(monotone="increasing"), np.ones((4, 1)), 10, np.random.default_rng(0)
        )
