import numpy as np
import pytest
from scipy import stats

from pbnn.assess.scoring_rules import brier, crps, pit


def crps_of_normal(y, mean, sd):
    """Gneiting & Raftery (2007), eq. 21."""
    z = (y - mean) / sd
    return sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


@pytest.mark.parametrize(("bias", "ok"), [(0.0, True), (0.3, False)])
def test_crps_of_draws_matches_the_closed_form_of_a_normal(bias, ok):
    rng = np.random.default_rng(0)
    y = np.linspace(-3, 3, 7)
    repeats = np.stack([crps(1 + bias + 2 * rng.normal(size=(7, 400)), y) for _ in range(50)])
    error = repeats.mean(axis=0) - crps_of_normal(y, 1.0, 2.0)
    close = np.abs(error) < 4 * repeats.std(axis=0, ddof=1) / np.sqrt(50)
    assert close.all() == ok


def test_crps_of_draws_is_the_mean_distance_less_half_that_among_draws():
    rng = np.random.default_rng(1)
    draws, y = rng.normal(size=30), 0.4
    pairs = np.abs(draws[:, None] - draws[None]).sum() / (30 * 29)
    np.testing.assert_allclose(crps(draws, np.array(y)), np.abs(draws - y).mean() - pairs / 2)


@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (0.7, False)])
@pytest.mark.parametrize("draw", [lambda rng, n: rng.normal(size=n), lambda rng, n: rng.poisson(1.5, size=n)])
def test_ranks_are_uniform_if_y_is_one_of_the_draws(draw, factor, ok):
    rng = np.random.default_rng(2)
    sample = draw(rng, (3000, 100)).astype(float)
    u = pit(factor * sample[:, 1:], sample[:, 0], rng.uniform(size=3000))
    assert u.min() > 0
    assert u.max() < 1
    assert (stats.kstest(u, "uniform").pvalue > 0.001) == ok


def test_brier_score_runs_from_perfect_to_certain_and_wrong():
    p = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(brier(p, np.array([0, 1, 1])), [0.0, 2.0, 0.5])
