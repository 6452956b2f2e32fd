"""Noise that trials share: right in expectation, and shrunk no more than few parts ask for."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage

from pbnn.errors import DataError, ShapeError
from pbnn.search.noise import capped, noise_of_parts, shrinkage

N, FOLD, OWN = 12, 0.03, 0.01
REPEATS = 150


def simulated(k, missing, rng, fold=FOLD):
    """Return the estimates of many studies of one design, and their scores' true errors."""
    truth = 0.05 * rng.normal(size=N)
    away = rng.uniform(size=(N, k)) < missing
    away[:, :2] = False
    found, errors = [], []
    for _ in range(REPEATS):
        y = truth[:, None] + fold * rng.normal(size=k) + OWN * rng.normal(size=(N, k))
        y[away] = np.nan
        found.append(noise_of_parts(y))
        errors.append(found[-1].score - truth)
    return found, np.array(errors)


def between(matrix):
    """Return half the mean variance of a difference between two trials."""
    return (np.trace(matrix) - matrix.sum() / len(matrix)) / (len(matrix) - 1)


@pytest.mark.parametrize(("k", "missing"), [(5, 0.0), (10, 0.0), (5, 0.4), (10, 0.4)])
def test_differences_are_known_as_well_as_they_are(k, missing):
    found, errors = simulated(k, missing, np.random.default_rng(k))
    claimed = np.array([between(f.covariance) for f in found])
    real = ((errors - errors.mean(1, keepdims=True)) ** 2).sum(1) / (N - 1)
    error = np.hypot(claimed.std(), real.std()) / REPEATS**0.5
    assert abs(claimed.mean() - real.mean()) < 4 * error
    # A planted bias, that of forgetting what is shared, would be seen.
    assert abs(claimed.mean() + FOLD**2 / k - real.mean()) > 4 * error


@pytest.mark.parametrize("k", [5, 10])
def test_level_and_differences_add_up(k):
    found, errors = simulated(k, 0.0, np.random.default_rng(10 + k))
    level = np.array([f.level for f in found])
    real = errors.mean(1) ** 2
    # The level is estimated from k folds only, and its own error is that of a chi-squared variable.
    assert abs(level.mean() - real.mean()) < 4 * np.hypot(level.std(), real.std()) / REPEATS**0.5 + OWN**2 / k
    assert level.mean() > 5 * np.mean([between(f.covariance) for f in found])


def test_parts_of_their_own_leave_a_diagonal():
    rng = np.random.default_rng(3)
    n, k = 10, 8
    parts = np.full((n, n * k), np.nan)
    for i in range(n):
        parts[i, i * k : (i + 1) * k] = i + 0.1 * rng.normal(size=k)
    found = noise_of_parts(parts)
    own = np.array([np.nanvar(row, ddof=1) / k for row in parts])
    assert found.level < 1e-9
    np.testing.assert_allclose(found.covariance, np.diag(np.diag(found.covariance)), atol=1e-9)
    np.testing.assert_allclose(found.score, np.nanmean(parts, 1), atol=1e-5)
    # Shrunk towards each other, so between the least and the greatest, and right on the whole.
    assert own.min() < np.diag(found.covariance).min() <= np.diag(found.covariance).max() < own.max()
    error = np.sqrt(2 / (n * (k - 1)))
    assert np.diag(found.covariance).mean() == pytest.approx(0.1**2 / k, rel=3 * error)


def test_a_trial_pruned_after_an_easy_fold_is_not_better_for_it():
    rng = np.random.default_rng(4)
    folds = np.array([1.0, 0.0, 0.0, 0.0, -1.0])
    parts = folds + 0.01 * rng.normal(size=(8, 5))
    parts[0, 1:] = np.nan
    found = noise_of_parts(parts)
    assert np.nanmean(parts[0]) > 0.9
    assert abs(found.score[0] - found.score[1:].mean()) < 4 * np.sqrt(found.covariance[0, 0])
    assert found.covariance[0, 0] > 3 * np.diag(found.covariance)[1:].mean()


def test_networks_that_err_alike_differ_less():
    rng = np.random.default_rng(5)
    alike = rng.normal(size=200)
    parts = np.concatenate([alike + 0.3 * rng.normal(size=(4, 200)), rng.normal(size=(4, 200))])
    c = noise_of_parts(parts).covariance
    difference = np.diag(c)[:, None] + np.diag(c) - 2 * c
    real = np.array([[(a - b).var(ddof=1) / 200 if a is not b else 0 for b in parts] for a in parts])
    np.testing.assert_allclose(difference[~np.eye(8, dtype=bool)], real[~np.eye(8, dtype=bool)], rtol=0.35)
    assert difference[0, 1] < 0.2 * difference[0, 5]


@pytest.mark.peer
def test_shrinkage_is_that_of_scikit_learn():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(7, 5)) + rng.normal(size=5)
    assert 0 < shrinkage(x) < 1
    assert shrinkage(x) == pytest.approx(ledoit_wolf_shrinkage(x.T, assume_centered=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_covariance_it_is(seed):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(6, 5)) * np.array([0.01, 0.1, 1, 1, 0.1, 5])[:, None] + rng.normal(size=5)
    parts[rng.uniform(size=parts.shape) < 0.3] = np.nan
    parts[:, 0] = rng.normal(size=6)
    assert np.linalg.eigvalsh(noise_of_parts(parts).covariance).min() > -1e-9


def test_no_more_noise_is_claimed_than_scores_scatter():
    rng = np.random.default_rng(7)
    scores = 0.01 * rng.normal(size=30)
    assert between(capped(np.eye(30), scores)) < 3 * scores.var()
    np.testing.assert_array_equal(capped(1e-6 * np.eye(30), scores), 1e-6 * np.eye(30))
    # What all share does not scatter them, and does not count.
    shared = np.full((30, 30), 9.0) + 1e-6 * np.eye(30)
    np.testing.assert_array_equal(capped(shared, scores), shared)


def test_what_parts_cannot_tell():
    assert noise_of_parts(np.array([[1.0, 2.0]])) is None
    assert noise_of_parts(np.array([[1.0, np.nan], [np.nan, 2.0]])) is None
    with pytest.raises(DataError, match="one part at least"):
        noise_of_parts(np.array([[1.0, 2.0], [np.nan, np.nan]]))
    with pytest.raises(ShapeError, match="trials, parts"):
        noise_of_parts(np.zeros(3))


def test_equal_scores_have_no_noise():
    found = noise_of_parts(np.ones((3, 4)))
    np.testing.assert_allclose(found.covariance, 0, atol=1e-9)
