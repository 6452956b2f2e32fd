"""Predictions against observations, row by row: what scores, calibration tables and residual plots are made of."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from pbnn.graph.build import BNN

LEVELS = (0.5, 0.8, 0.9, 0.95)


def pointwise(
    bnn: BNN, idata: xr.DataTree, X: Any, y: Any, *, seed: int | None = None, levels: Sequence[float] = LEVELS
) -> xr.Dataset:
    """Compare predictions with observations, row by row. Pass the result to `coverage`, `pit_histogram`,
    `reliability`, `confusion`, or draw it.

    Returns
    -------
    xarray.Dataset
        Regression and counts, dims `(obs[, output])`, in the units of `y`: `observed`; `predicted`, the predictive
        mean; `sd` of the predictive distribution; `residual = observed - predicted`; `standardized = residual / sd`;
        `pit` in [0, 1], the share of the predictive distribution below the observation (randomised within ties);
        `crps`; `lower` and `upper` `(level, obs[, output])` of central intervals.
        Classes: `observed` and `predicted` `(obs,)`, labels; `observed_code`, `predicted_code`; `p` `(obs, class)`;
        `confidence`, the largest of `p`; `correct` (0/1); `brier`.
        Both: `lpd` `(obs,)`, the log predictive density in nats, of all outputs together.
    """
    raise NotImplementedError
