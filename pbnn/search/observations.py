"""What a surrogate is fitted to: points, scores, and what is known of the scores' noise."""

from dataclasses import dataclass
from typing import final

import numpy as np

from pbnn.errors import DataError, ShapeError
from pbnn.search.inputs import Points


@final
@dataclass(frozen=True, slots=True)
class Observations:
    """Scores at points, larger being better.

    Parameters
    ----------
    points
        `(n, d)`.
    y
        Scores, `(n,)`.
    noise
        Covariance of the scores' noise, `(n, n)`, in the square of their units; None, zero: nothing is known.
    level
        Variance of what all scores have in common, which `noise` does not hold: it moves all of them alike, so it says
        nothing on which is better.
    parts
        Where each score is of some of `k` parts only, and what they add is to be learned: `(n, k)`, whether a score is
        of a part; of none means of all alike. None: nothing is learned of parts.
    exact
        Whether there is no noise beyond `noise`. Otherwise it is learned.

    Raises
    ------
    ShapeError
        If the sizes differ.
    DataError
        If there are no scores, one is not finite, the noise is not symmetric, or its diagonal negative; or if scores
        are exact and yet of parts.
    """

    points: Points
    y: np.ndarray
    noise: np.ndarray | None = None
    level: float = 0.0
    parts: np.ndarray | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        n = len(self.points)
        y = np.asarray(self.y, float)
        noise = np.zeros((n, n)) if self.noise is None else np.asarray(self.noise, float)
        if y.shape != (n,) or noise.shape != (n, n):
            raise ShapeError(
                f"Observations: of {n} points, y must have shape ({n},) and noise ({n}, {n}); got {y.shape} and "
                f"{noise.shape}."
            )
        if not n:
            raise DataError("Observations: there are none; a surrogate needs one score at least.")
        if not np.isfinite(y).all():
            raise DataError(
                f"Observations: scores must be finite; that of point {np.flatnonzero(~np.isfinite(y))[0]} is not. "
                "Leave such points out."
            )
        if not (np.isfinite(noise).all() and np.allclose(noise, noise.T) and (np.diag(noise) >= 0).all()):
            raise DataError(
                "Observations: noise must be a covariance matrix: finite, symmetric, no variance below 0."
            )
        if self.parts is not None and (self.parts.ndim != 2 or len(self.parts) != n):
            raise ShapeError(
                f"Observations: of {n} points, parts must have shape ({n}, k); got {self.parts.shape}."
            )
        if self.exact and self.parts is not None:
            raise DataError("Observations: scores of parts are not exact; leave one of the two out.")
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "noise", (noise + noise.T) / 2)

    @property
    def share(self) -> np.ndarray:
        """How much each part counts in each score, less how much it does in the mean over all parts: `(n, k)`."""
        if self.parts is None:
            return np.zeros((len(self), 0))
        there = np.where(self.parts.any(1, keepdims=True), self.parts, True)
        return there / there.sum(1, keepdims=True) - 1 / there.shape[1]

    def __len__(self) -> int:
        return len(self.y)
