"""Whether ranks are uniform: the ECDF of many at once, with a simultaneous band. NumPy only."""

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from scipy.stats import binom

SIMULATIONS = 20_000
MAX_POINTS = 100


@final
@dataclass(frozen=True, slots=True, eq=False)
class Uniform:
    """The test of uniform ranks of Säilynoja, Bürkner & Vehtari (2022), 10.1007/s11222-022-10090-6.

    At each point the number of ranks below it is binomial; the statistic is the smallest of its two-sided tail
    probabilities over all points, whose distribution is simulated.

    Attributes
    ----------
    n, draws
        Number of ranks, each of `0..draws`.
    cuts
        Ranks below which are counted.
    points
        The probability of a rank below each cut, `(point,)`.
    tails
        Twice the smaller tail probability of each count at each point, `(point, n + 1)`.
    simulated
        The statistic of sets of uniform ranks, sorted.

    Examples
    --------
    >>> test = Uniform.of(60, 20, seed=1)
    >>> rng = np.random.default_rng(1)
    >>> test.p_value(rng.integers(0, 21, 60)) > 0.05, test.p_value(np.zeros(60, int)) < 0.001
    (True, True)
    """

    n: int
    draws: int
    cuts: np.ndarray
    points: np.ndarray
    tails: np.ndarray
    simulated: np.ndarray

    @classmethod
    def of(cls, n: int, draws: int, seed: int = 0) -> Self:
        """Make the test of `n` ranks among `draws` draws."""
        cuts = np.unique(np.linspace(1, draws, min(draws, MAX_POINTS)).round().astype(int))
        points = cuts / (draws + 1)
        counts = np.arange(n + 1)
        below = binom.cdf(counts, n, points[:, None])
        above = binom.sf(counts - 1, n, points[:, None])
        tails = np.minimum(1.0, 2 * np.minimum(below, above))
        shares = np.diff(points, prepend=0, append=1)
        drawn = np.random.default_rng(seed).multinomial(n, shares, SIMULATIONS)[:, :-1].cumsum(axis=1)
        simulated = np.sort(tails[np.arange(len(points)), drawn].min(axis=1))
        return cls(n, draws, cuts, points, tails, simulated)

    def ecdf(self, ranks: np.ndarray) -> np.ndarray:
        """Return the share of ranks below each cut."""
        return self._counts(ranks) / self.n

    def p_value(self, ranks: np.ndarray) -> float:
        """Return the probability of ranks as uneven as these."""
        statistic = self.tails[np.arange(len(self.points)), self._counts(ranks)].min()
        lower = np.searchsorted(self.simulated, statistic * (1 + 1e-9), side="right")
        return float((lower + 1) / (len(self.simulated) + 1))

    def band(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest share of ranks below each cut, within which the curve lies that often."""
        least = np.quantile(self.simulated, 1 - level, method="lower")
        fine = self.tails >= least
        return fine.argmax(axis=1) / self.n, (self.n - fine[:, ::-1].argmax(axis=1)) / self.n

    def _counts(self, ranks: np.ndarray) -> np.ndarray:
        return (np.asarray(ranks)[:, None] < self.cuts).sum(axis=0)
