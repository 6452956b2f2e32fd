"""`risk_coverage`: what is gained by predicting only where the model is sure."""

import numpy as np
import xarray as xr

from pbnn.assess.rows import spaced
from pbnn.errors import DataError, unknown

RESAMPLES = 200


def risk_coverage(rows: xr.Dataset, *, by: str | None = None, points: int = 100, seed: int = 0) -> xr.Dataset:
    """Tell what is gained by leaving the most uncertain predictions to someone else.

    Parameters
    ----------
    rows
        From `pointwise`.
    by
        A variable of `rows` that is larger for less certain predictions, such as `"epistemic_sd"`; None takes `sd` of
        numbers, and one minus `confidence` of classes.
    points
        At most so many shares of kept rows.
    seed
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        By `coverage`, the share of rows kept, most certain first (and by `output`): `risk`, their share of wrong
        classes, or the mean squared residual; `oracle`, the same if they were kept in the order of what they cost.
        Scalars (by `output`): `aurc`, the mean of `risk` over all numbers of kept rows; `aurc_oracle` and
        `aurc_random`, the least possible and that of any order unrelated to the risk; `aurc_se`, by bootstrap.

    Raises
    ------
    DataError
        If there is no such variable.

    References
    ----------
    Geifman & El-Yaniv (2017), Selective classification for deep neural networks, arXiv:1705.08500. Geifman, Uziel &
    El-Yaniv (2019), Bias-reduced uncertainty estimation for deep neural classifiers, arXiv:1805.08206: AURC.
    """
    classes = "p" in rows
    if by is not None and (by not in rows or "obs" not in rows[by].dims):
        raise DataError(
            unknown("risk_coverage", "variable", by, [n for n in map(str, rows) if "obs" in rows[n].dims])
        )
    doubt = rows[by] if by is not None else 1 - rows["confidence"] if classes else rows["sd"]
    loss = 1 - rows["correct"] if classes else rows["residual"] ** 2
    if "output" in loss.dims:
        parts = [
            _curve(doubt.sel(output=o) if "output" in doubt.dims else doubt, loss.sel(output=o), points, seed)
            for o in loss["output"]
        ]
        table = xr.concat(parts, loss["output"])
    else:
        table = _curve(doubt, loss, points, seed)
    units = "1" if classes else "y^2"
    for name, words in _CURVE.items():
        table[name].attrs = {"long_name": words, "units": units}
    return table.assign_attrs(n_obs=rows.sizes["obs"])


_CURVE = {
    "risk": "mean loss of the rows kept, most certain first",
    "oracle": "mean loss of the rows kept, in the order of their loss",
    "aurc": "area under the risk-coverage curve",
    "aurc_se": "standard error of the area under the risk-coverage curve",
    "aurc_oracle": "least possible area under the risk-coverage curve",
    "aurc_random": "area under the risk-coverage curve of an order unrelated to the loss",
}


def _curve(doubt: xr.DataArray, loss: xr.DataArray, points: int, seed: int) -> xr.Dataset:
    known = loss.notnull().to_numpy() & doubt.notnull().to_numpy()
    d, cost = doubt.to_numpy()[known], loss.to_numpy()[known]
    n = len(cost)
    if n == 0:
        raise DataError("risk_coverage: no row has both a prediction and an observation.")
    risk, oracle = _kept(d, cost), _kept(cost, cost)
    rng = np.random.default_rng(seed)
    again = (rng.integers(n, size=n) for _ in range(RESAMPLES))
    areas = [_kept(d[r], cost[r]).mean() for r in again] if n > 1 else []
    at = spaced(n, points)
    return xr.Dataset(
        {
            "risk": ("coverage", risk[at]),
            "oracle": ("coverage", oracle[at]),
            "aurc": risk.mean(),
            "aurc_se": np.std(areas, ddof=1) if areas else np.nan,
            "aurc_oracle": oracle.mean(),
            "aurc_random": cost.mean(),
        },
        coords={"coverage": (at + 1) / n},
    )


def _kept(doubt: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return the mean cost of the first rows by doubt, for each number of them; ties share their costs."""
    _, of, count = np.unique(doubt, return_inverse=True, return_counts=True)
    shared = (np.bincount(of, cost) / count)[of]
    return np.cumsum(shared[np.argsort(doubt, kind="stable")]) / np.arange(1, len(cost) + 1)
