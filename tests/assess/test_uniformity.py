"""The band of uniform numbers and ranks: it holds curves as often as it says."""

import numpy as np
import pytest
from arviz_stats import ecdf_utils
from scipy import stats

from pbnn.assess import uniformity
from pbnn.assess.uniformity import SIMULATIONS, Uniform

SETS = 1500
CASES = {
    "few numbers": (lambda: Uniform.of_numbers(15), lambda rng: rng.uniform(size=15)),
    "numbers": (lambda: Uniform.of_numbers(300), lambda rng: rng.uniform(size=300)),
    "few ranks": (lambda: Uniform.of_ranks(25, 10), lambda rng: rng.integers(0, 11, 25)),
    "ranks": (lambda: Uniform.of_ranks(200, 250), lambda rng: rng.integers(0, 251, 200)),
}


def share_inside(test: Uniform, draw, level: float, spoil=lambda values: values) -> float:
    rng = np.random.default_rng(5)
    low, high = test.band(level)
    curves = np.stack([test.ecdf(spoil(draw(rng))) for _ in range(SETS)])
    return float(((curves >= low) & (curves <= high)).all(axis=1).mean())


def error(level: float) -> float:
    """Return the Monte Carlo error of a share, the placing of the band included."""
    return float(np.sqrt(level * (1 - level) * (1 / SETS + 1 / SIMULATIONS)))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_band_holds_curves_as_often_as_it_says(case, level):
    make, draw = CASES[case]
    test = make()
    # Counts are whole, so no band holds them exactly as often: the smallest that does not hold fewer.
    promised = float((test.simulated >= np.quantile(test.simulated, 1 - level, method="lower")).mean())
    assert level <= promised < level + 0.06
    assert abs(share_inside(test, draw, level) - promised) < 4 * error(level)


@pytest.mark.parametrize("case", ["numbers", "ranks"])
def test_uneven_values_leave_the_band(case):
    make, draw = CASES[case]
    top = 1.0 if case == "numbers" else 250

    def spoil(values):
        return 0.85 * values + 0.075 * top

    assert share_inside(make(), draw, 0.95, spoil) < 0.95 - 4 * error(0.95)


def test_p_values_of_uniform_numbers_are_uniform():
    test, rng = Uniform.of_numbers(100), np.random.default_rng(6)
    p = [test.p_value(rng.uniform(size=100)) for _ in range(400)]
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 1e-3
    assert stats.kstest(p, "uniform").statistic < 0.1, "nor are they much larger"
    assert test.p_value(rng.uniform(size=100) ** 2) < 1e-3


def test_counts_that_do_not_happen_need_no_table(monkeypatch):
    kept = Uniform.of_numbers(3000)
    monkeypatch.setattr(uniformity, "REACH", 200)
    whole = Uniform.of_numbers(3000)
    assert kept.tails.shape[1] < whole.tails.shape[1]
    np.testing.assert_array_equal(kept.band(0.95), whole.band(0.95))
    np.testing.assert_array_equal(kept.simulated, whole.simulated)


@pytest.mark.peer
def test_arviz_places_the_band_in_the_same_place():
    n = 100
    x, _, lower, upper = ecdf_utils.ecdf_pit(np.linspace(0, 1, n), 0.95, 2000)
    low, high = Uniform.of_numbers(n).band(0.95)
    np.testing.assert_allclose(x[1:-1], Uniform.of_numbers(n).points)
    # Its counts are cut off by rounding now and then, and it simulates less often.
    np.testing.assert_allclose(lower[1:-1], low, atol=2.5 / n)
    np.testing.assert_allclose(upper[1:-1], high, atol=2.5 / n)
