"""The energy distance against closed forms and plain loops, and its standard error against the spread of repeats."""

import jax
import numpy as np
import pytest
from scipy.stats import norm

from pbnn.prior.distance import energy_distance, energy_loss

N = 400
REPEATS = 40


def mean_distance(shift: float, sd: float) -> float:
    """E|N(shift, sd**2)|."""
    return sd * np.sqrt(2 / np.pi) * np.exp(-0.5 * (shift / sd) ** 2) + shift * (
        1 - 2 * norm.cdf(-shift / sd)
    )


def between_normals(shift: float, sd: float) -> float:
    """The squared energy distance of N(0, 1) and N(shift, sd**2)."""
    own = mean_distance(0, np.sqrt(2)) + mean_distance(0, sd * np.sqrt(2))
    return 2 * mean_distance(shift, np.hypot(1, sd)) - own


@pytest.mark.parametrize(("shift", "sd"), [(0.0, 1.0), (0.3, 1.0), (0.0, 3.0), (2.0, 0.5)])
@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_unbiased_and_as_precise_as_it_says(shift, sd, bias):
    """Functions that are one number at all points: a distance on the line."""
    rng = np.random.default_rng(0)
    found = [
        energy_distance(np.repeat(f, 3, axis=1), np.repeat(shift + sd * g, 3, axis=1))
        for f, g in zip(rng.normal(size=(REPEATS, N, 1)), rng.normal(size=(REPEATS, N, 1)), strict=True)
    ]
    values = np.asarray([d.squared for d in found]) + bias * found[0].squared_se
    se = values.std(ddof=1) / np.sqrt(REPEATS)
    assert (abs(values.mean() - between_normals(shift, sd)) < 4 * se) == (bias == 0)
    # The variance of a variance from 40 values that are nearly normal, or of a weighted sum of chi squares.
    ratio = np.mean([d.squared_se**2 for d in found]) / values.var(ddof=1)
    assert abs(np.log(ratio)) < 4 * np.sqrt(2 / (REPEATS - 1)) * 1.5


def test_loss_is_the_same_estimate():
    rng = np.random.default_rng(1)
    f, g = rng.normal(size=(20, 5)), 2 * rng.normal(size=(20, 5))
    by_hand = 0.0
    for i in range(20):
        for j in range(20):
            if i != j:
                distances = [
                    np.sqrt(np.mean((a - b) ** 2))
                    for a, b in ((f[i], g[j]), (f[j], g[i]), (f[i], f[j]), (g[i], g[j]))
                ]
                by_hand += (distances[0] + distances[1] - distances[2] - distances[3]) / (20 * 19)
    assert energy_distance(f, g).squared == pytest.approx(by_hand, rel=1e-12)
    with jax.enable_x64(True):
        assert float(energy_loss(f, g)) == pytest.approx(by_hand, rel=1e-12)


def test_gradient_is_finite_where_functions_coincide():
    f = np.zeros((4, 3), np.float32)
    slope = jax.grad(lambda s: energy_loss(s * f, f + 1.0))(1.0)
    assert np.isfinite(slope)


def test_a_distance_of_nothing_has_a_root_of_zero():
    rng = np.random.default_rng(3)
    found = [energy_distance(*rng.normal(size=(2, 50, 2))) for _ in range(20)]
    assert min(d.squared for d in found) < 0
    assert min(d.root for d in found) == 0.0
    assert all(np.isfinite(d.root_se) and d.root_se > 0 for d in found)
