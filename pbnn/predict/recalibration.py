"""A correction of predictive distributions, learned on held-out data, that a fit carries and every prediction applies.

It moves the predictive distribution of a row as a whole, and its draws with it.
"""

from dataclasses import dataclass
from typing import Literal, Self, final

import numpy as np
import xarray as xr

Method = Literal["temperature", "isotonic", "variance"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Recalibration:
    """What `pbnn.recalibrate` learned; in a fit it is the group `recalibration`.

    Attributes
    ----------
    method
        Its name.
    temperature
        Of classes: probabilities are raised to its inverse, and normalised. 1 if unused.
    factor
        Of each output `(output,)`: the predictive standard deviation is multiplied by it, before all else. Empty if
        unused.
    before, after
        Knots of an increasing, piecewise linear map: of the predictive distribution function `(knot,)`, or of the
        probability of each class `(class, knot)`. Empty if unused.
    """

    method: Method
    temperature: float
    factor: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, idata: xr.DataTree) -> Self | None:
        """Read it from a fit; None if there is none."""
        if "recalibration" not in idata.children:
            return None
        found, none = idata["recalibration"].to_dataset(), xr.DataArray(np.empty(0))
        return cls(
            found.attrs["method"],
            float(found.get("temperature", 1.0)),
            *(np.asarray(found.get(name, none), dtype=float) for name in ("factor", "before", "after")),
        )

    def probabilities(self, p: np.ndarray) -> np.ndarray:
        """Return the corrected probabilities `(obs, class)`."""
        if self.method == "temperature":
            logits = np.log(np.maximum(p, np.finfo(np.float32).tiny)) / self.temperature
            moved = np.exp(logits - logits.max(axis=1, keepdims=True))
        else:
            knots = zip(self.before, self.after, strict=True)
            moved = np.stack([np.interp(p[:, c], *of) for c, of in enumerate(knots)], axis=1)
        return moved / moved.sum(axis=1, keepdims=True)

    def move_probabilities(self, p: np.ndarray) -> None:
        """Move draws `(draw, obs, class)` so that their mean is the corrected one.

        Each keeps its distance from the mean, or as much of it as leaves no probability of the row below 0.
        """
        mean = p.mean(axis=0, dtype=float)
        mean /= mean.sum(axis=1, keepdims=True)
        goal = self.probabilities(mean)
        below = (mean - p.min(axis=0)).clip(min=0)  # the furthest that a draw lies below the mean
        room = np.divide(goal, below, out=np.ones_like(goal), where=below > goal).min(axis=1)
        p[:] = np.maximum(goal + room[:, None] * (p - mean), 0)

    def stretch(self, drawn: dict[str, np.ndarray]) -> None:
        """Multiply the spread of `y` and `mu` `(draw, obs[, output])` about the mean of `mu`, and scale `variance`."""
        factor = self.factor if drawn["mu"].ndim == 3 else self.factor[0]
        mean = drawn["mu"].mean(axis=0, dtype=float)
        for name in ("y", "mu"):
            if name in drawn:
                drawn[name][:] = mean + factor * (drawn[name] - mean)
        if "variance" in drawn:
            drawn["variance"] *= factor**2

    def move_ranks(self, drawn: dict[str, np.ndarray], responses: np.ndarray) -> None:
        """Move `y` `(draw, obs)` to where its rank belongs, and `mu` and `variance` by the moments of that.

        `responses` `(response, obs)` are many draws of `y`, from which the distribution function is read.
        """
        n = len(responses)
        level = np.interp((np.arange(n) + 0.5) / n, self.after, self.before) * n - 0.5
        old = np.sort(responses.astype(float), axis=0)
        low = np.clip(np.floor(level).astype(int), 0, n - 2)
        share = np.clip(level - low, 0, 1)[:, None]
        new = (1 - share) * old[low] + share * old[low + 1]
        shift = new.mean(axis=0) - old.mean(axis=0)
        ratio = np.divide(
            new.var(axis=0), old.var(axis=0), out=np.ones(old.shape[1]), where=old.var(axis=0) > 0
        )
        if "y" in drawn:
            for row in range(old.shape[1]):
                drawn["y"][:, row] = np.interp(drawn["y"][:, row], old[:, row], new[:, row])
        if "mu" in drawn:
            mean = drawn["mu"].mean(axis=0, dtype=float)
            drawn["mu"][:] = mean + shift + np.sqrt(ratio) * (drawn["mu"] - mean)
        if "variance" in drawn:
            drawn["variance"] *= ratio

    def log_slope(self, rank: np.ndarray) -> np.ndarray:
        """Return the logarithm of the map's slope at values of the predictive distribution function."""
        slope = np.diff(self.after) / np.diff(self.before)
        return np.log(slope[np.clip(np.searchsorted(self.before, rank) - 1, 0, len(slope) - 1)])
