"""Softening: scores below the median on a logarithmic scale, so that networks that broke do not hide the others."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from pbnn.search.observations import Observations

UPPER = 0.8413
"""The quantile that is one standard deviation above the median of a normal distribution."""
FARTHEST = 500.0
"""Widths below the median from where on `back` goes no further: the exponential of more is no number."""


@final
@dataclass(frozen=True, slots=True)
class Softening:
    """A rising function: the identity above the median, a logarithm below, with one slope where they meet.

    A third of the configurations of a search may be broken, and score worse than the rest by a hundred times what the
    rest differ in. They would set the scale of standardised scores, and what is left to be found would look flat. How
    bad the bad ones are matters to nobody, so differences among them are made small; those among the better half, which
    matter, are left as they are.

    Parameters
    ----------
    median
        Where the logarithm begins.
    width
        How far below the slope is a half; infinite for no softening.

    References
    ----------
    Below the median it is the bilogarithm of Eriksson & Poloczek (2021), Scalable constrained Bayesian optimization,
    arXiv:2002.08526, who take it for constraints; for the same end Snelson, Rasmussen & Ghahramani (2003), Warped
    Gaussian processes, NeurIPS 16, learn such a function.

    Examples
    --------
    >>> bend = Softening(median=0.0, width=1.0)
    >>> bend(np.array([2.0, 0.0, -1.0, -1000.0])).round(2)
    array([ 2.  ,  0.  , -0.69, -6.91])
    >>> bend.back(bend(np.array([-1000.0]))).round(6)
    array([-1000.])
    """

    median: float = 0.0
    width: float = np.inf

    def __call__(self, y: np.ndarray) -> np.ndarray:
        """Return scores, softened."""
        y = np.asarray(y, float)
        return y if np.isinf(self.width) else np.where(y >= self.median, y, self._below(y))

    def _below(self, y: np.ndarray) -> np.ndarray:
        return self.median - self.width * np.log1p(self._depth(y))

    def _depth(self, y: np.ndarray) -> np.ndarray:
        return np.maximum(self.median - y, 0.0) / self.width

    def slope(self, y: np.ndarray) -> np.ndarray:
        """Return by how much a small difference at each score shrinks."""
        y = np.asarray(y, float)
        return np.ones(y.shape) if np.isinf(self.width) else 1 / (1 + self._depth(y))

    def back(self, softened: np.ndarray) -> np.ndarray:
        """Return the scores that softened ones were."""
        u = np.asarray(softened, float)
        if np.isinf(self.width):
            return u
        below = self.median - self.width * np.expm1(np.minimum(self._depth(u), FARTHEST))
        return np.where(u >= self.median, u, below)


def soften(told: Observations) -> tuple[Observations, Softening]:
    """Return observations with scores softened, their noise shrunk as the slope is, and how that was done.

    The width is what the better half scatters by: the distance from the median to the quantile that of a normal
    distribution is one standard deviation above it. Where more than a third of all have the median's score, nothing is
    done.
    """
    easier = _easier(told)
    level = told.y - easier
    median, upper = np.quantile(level, [0.5, UPPER])
    width = upper - median
    # What rounding leaves of a constant is no scale.
    if not width > 1e-9 * max(abs(median), abs(upper)):
        return told, Softening()
    bend = Softening(float(median), float(width))
    # The mean over parts must come back as it was, so of a point told several times the mean is softened, and what its
    # scores differ by shrinks alike.
    mean = _mean_of_point(told, level)
    slope = bend.slope(mean)
    softened = bend(mean) + slope * (level - mean) + easier
    return replace(told, y=softened, noise=slope[:, None] * told.noise * slope), bend


def _mean_of_point(told: Observations, level: np.ndarray) -> np.ndarray:
    """Return for each score the mean of those at its point, `(n,)`; the score itself where no parts are learned."""
    if told.parts is None:
        return level
    _, point = told.points.grouped()
    return (np.bincount(point, level) / np.bincount(point))[point]


def _easier(told: Observations) -> np.ndarray:
    """Return by how much each score is of easier parts than others, `(n,)`, or all of a hard part would be softened.

    It is the difference of medians, shrunk by what chance makes of it, since each part has trials of its own.
    """
    if told.parts is None:
        return np.zeros(len(told))
    low, middle, high = np.quantile(told.y, [1 - UPPER, 0.5, UPPER])
    offsets = np.zeros(told.parts.shape[1])
    for part, there in enumerate(told.parts.T):
        if there.any():
            difference = np.median(told.y[there]) - middle
            chance = np.pi / 2 * ((high - low) / 2) ** 2 / there.sum()
            offsets[part] = difference - chance / difference if difference**2 > chance else 0.0
    return told.share @ offsets
