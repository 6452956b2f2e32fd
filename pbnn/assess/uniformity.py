"""Whether ranks, or numbers in (0, 1), are uniform: the ECDF of many at once, with a simultaneous band. NumPy only."""

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from scipy.stats import binom

SIMULATIONS = 20_000
MAX_POINTS = 100
REACH = 9
"""Standard deviations from what is expected beyond which a count is not told from one at this distance."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Uniform:
    """The test of uniformity of Säilynoja, Bürkner & Vehtari (2022), 10.1007/s11222-022-10090-6.

    At each point the number of values below it is binomial; the statistic is the smallest of its two-sided tail
    probabilities over all points, whose distribution is simulated. So the band has the right size for few values and
    for few ranks too, where counts and points are coarse.

    Attributes
    ----------
    n
        Number of values.
    cuts
        `(point,)`: values below each are counted.
    points
        `(point,)`: the probability of a value below each cut.
    first
        `(point,)`: the least count whose tail probability is kept.
    tails
        `(point, count)`: twice the smaller tail probability of the counts from `first` on.
    simulated
        The statistic of sets of uniform values, sorted.

    Examples
    --------
    >>> test = Uniform.of_ranks(60, 20, seed=1)
    >>> rng = np.random.default_rng(1)
    >>> test.p_value(rng.integers(0, 21, 60)) > 0.05, test.p_value(np.zeros(60, int)) < 0.001
    (True, True)
    """

    n: int
    cuts: np.ndarray
    points: np.ndarray
    first: np.ndarray
    tails: np.ndarray
    simulated: np.ndarray

    @classmethod
    def of_ranks(cls, n: int, draws: int, seed: int = 0) -> Self:
        """Make the test of `n` ranks among `draws` draws, each of `0..draws`."""
        cuts = np.unique(np.linspace(1, draws, min(draws, MAX_POINTS)).round().astype(int))
        return cls._of(n, cuts, cuts / (draws + 1), seed)

    @classmethod
    def of_numbers(cls, n: int, seed: int = 0) -> Self:
        """Make the test of `n` numbers between 0 and 1, such as probability integral transforms."""
        points = np.arange(1, min(n, MAX_POINTS)) / min(n, MAX_POINTS)
        return cls._of(n, points, points, seed)

    @classmethod
    def _of(cls, n: int, cuts: np.ndarray, points: np.ndarray, seed: int) -> Self:
        reach = int(REACH * n**0.5 / 2) + REACH  # no binomial count has a larger standard deviation
        first = np.round(n * points).astype(int) - reach
        counts = first[:, None] + np.arange(2 * reach + 1)
        below = binom.cdf(counts, n, points[:, None])
        above = binom.sf(counts - 1, n, points[:, None])
        tails = np.minimum(1.0, 2 * np.minimum(below, above))
        shares = np.diff(points, prepend=0, append=1)
        drawn = np.random.default_rng(seed).multinomial(n, shares, SIMULATIONS)[:, :-1].cumsum(axis=1)
        simulated = np.sort(_least_tail(tails, drawn - first))
        return cls(n, cuts, points, first, tails, simulated)

    def ecdf(self, values: np.ndarray) -> np.ndarray:
        """Return the share of values below each cut."""
        return self._counts(values) / self.n

    def p_value(self, values: np.ndarray) -> float:
        """Return the probability of values as uneven as these."""
        statistic = _least_tail(self.tails, self._counts(values) - self.first)
        lower = np.searchsorted(self.simulated, statistic * (1 + 1e-9), side="right")
        return float((lower + 1) / (len(self.simulated) + 1))

    def band(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest share of values below each cut, within which the curve lies that often."""
        least = np.quantile(self.simulated, 1 - level, method="lower")
        fine = self.tails >= least
        last = self.first + self.tails.shape[1] - 1
        return (self.first + fine.argmax(axis=1)) / self.n, (last - fine[:, ::-1].argmax(axis=1)) / self.n

    def _counts(self, values: np.ndarray) -> np.ndarray:
        return np.searchsorted(np.sort(values), self.cuts, side="left")


def _least_tail(tails: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the smallest tail probability over the points, of counts `(..., point)` past the first ones."""
    at = np.clip(at, 0, tails.shape[1] - 1)
    return tails[np.arange(len(tails)), at].min(axis=-1)
