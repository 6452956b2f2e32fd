"""The bias of a sampler without a Metropolis step, from draws at half its step size."""

from typing import NamedTuple, Self

import numpy as np

RICHARDSON = 4 / 3
"""The bias is of second order: at half the step size a quarter is left, and the difference is three quarters."""
FEWEST_BLOCKS = 4
SETTLING = 4
"""One part in so many of the check is left out: it begins where the full step size led, and has yet to settle."""


class Bias(NamedTuple):
    """Bias of means and its Monte Carlo error, `(...)` each, in the units of the draws."""

    mean: np.ndarray
    mcse: np.ndarray

    @classmethod
    def of(cls, draws: np.ndarray, check: np.ndarray) -> Self:
        """Compare draws `(..., chain, draw)` with fewer of the same chains at half the step size.

        Notes
        -----
        Richardson's extrapolation: with a bias of second order (Robnik et al. 2024, arXiv:2412.08876, for MCLMC),
        `mean(draws) - mean(check)` is three quarters of the bias of `mean(draws)`. Each chain is compared with its own
        continuation, so that chains in different modes do not count as bias; its first quarter, in which it settles,
        is left out. The error comes from the means of blocks of the draws that are as long as the check, so it knows
        how slowly they move, up to that length. Where chains move more slowly, a part of the bias is missed. NaN where
        there are fewer than 4 blocks.
        """
        check = check[..., check.shape[-1] // SETTLING :]
        n, length = draws.shape[-1], check.shape[-1]
        count = n // length if length else 0
        if count < FEWEST_BLOCKS:
            unknown = np.full(draws.shape[:-2], np.nan)
            return cls(unknown, unknown)
        blocks = draws[..., n - count * length :].reshape(*draws.shape[:-1], count, length).mean(-1)
        difference = (draws.mean(-1) - check.mean(-1)).mean(-1)
        # One block for the check, and the mean of all of them for the draws.
        variance = (blocks.var(-1, ddof=1) * (1 + 1 / count)).sum(-1) / draws.shape[-2] ** 2
        return cls(RICHARDSON * difference, RICHARDSON * variance**0.5)

    def overall(self, sd: np.ndarray) -> tuple[float, float]:
        """Return its root mean square over all series, without what chance contributes, and that of chance.

        Parameters
        ----------
        sd
            Standard deviations of the draws, which are the unit. Series that do not move are left out.
        """
        moving = np.isfinite(self.mean) & (sd > 0)
        if not moving.any():
            return float("nan"), float("nan")
        square = np.mean((self.mean[moving] / sd[moving]) ** 2)
        chance = np.mean((self.mcse[moving] / sd[moving]) ** 2)
        return float(max(square - chance, 0.0) ** 0.5), float(chance**0.5)
