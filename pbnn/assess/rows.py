"""What a fit is judged on: its draws, and the rows of the data."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from pbnn.errors import DataError, ModelError, of_estimator
from pbnn.graph.build import BNN, require_same_order
from pbnn.predict.angles import around, mean_direction
from pbnn.predict.forward import TILE_ROWS, Forward, forward_of
from pbnn.predict.mixture import Average
from pbnn.predict.predictions import posterior_of, resolve_seed

BLOCK_BYTES = 2**26
"""Draws are held for about this many bytes of rows at a time."""

ROUNDING = 1e-6
"""Differences of data, in standard deviations, that come from how they were stored."""


def read_draws(
    bnn: BNN | Average,
    idata: xr.DataTree,
    where: str,
    seed: int | None = None,
    *,
    mixed: bool = True,
    raw: bool = False,
) -> tuple[Forward, xr.Dataset]:
    """Return the draws of a fit, ready to run on inputs, and its posterior group.

    An average of models gives a `Mixture`, which is used in the same way, unless `mixed` is False. Predictions are
    recalibrated if the fit is, unless `raw`: that the draws represent the posterior is another matter.

    Raises
    ------
    ModelError
        If it is no fit, or that of another model.
    """
    if isinstance(bnn, Average) and not mixed:
        raise ModelError(
            f"{where}: an average has no posterior of its own; pass each model with its own fit."
        )
    if not isinstance(bnn, BNN | Average):
        raise ModelError(
            f"{where}: the first argument must be what pbnn.build returned; got {type(bnn).__name__}."
            f"{of_estimator(bnn)}"
        )
    posterior = posterior_of(idata, where, bnn)
    seed = resolve_seed(seed, where)
    try:
        forward = forward_of(bnn, idata, posterior, seed)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error
    return forward.unmoved() if raw else forward, posterior


def encode_both(
    bnn: BNN | Average, X: Any, y: Any, where: str, names: tuple[str, str] = ("X", "y")
) -> tuple[np.ndarray, np.ndarray]:
    """Return encoded inputs `(obs, feature)` and responses, in the user's units or as codes.

    `names` are what the caller calls them.

    Raises
    ------
    DataError, ShapeError
        If they do not match the training data, or each other: in number, or in the order of their indexes.
    """
    require_same_order(X, y, where, names)
    inputs, observed = bnn.columns.encode(X, where), bnn.response.encode(y, where)
    if len(inputs) != len(observed):
        raise DataError(
            f"{where}: {names[0]} has {len(inputs)} rows and {names[1]} has {len(observed)}; they must be equal."
        )
    return inputs, observed


def draws_at(
    forward: Forward, posterior: xr.Dataset, inputs: np.ndarray, first_row: int = 0
) -> list[xr.DataArray]:
    """Return what draws say at encoded inputs: `p`, or `mu` and `variance`, `(chain, draw, obs[, class or output])`.

    Angles are laid out around their mean direction, where means and variances over draws have a meaning.
    """
    classes = "p" in forward.cells
    names, last = (("p",), "class") if classes else (("mu", "variance"), "output")
    drawn = forward.allocate(names, len(inputs))
    forward.fill(inputs, drawn, first_row)
    if forward.bnn.response.circular:
        drawn["mu"] = around(drawn["mu"], mean_direction(drawn["mu"]))
    sample = (posterior.sizes["chain"], posterior.sizes["draw"])
    return [
        xr.DataArray(
            values.reshape(*sample, *values.shape[1:]).astype(float),
            dims=("chain", "draw", "obs", last)[: values.ndim + 1],
        )
        for values in drawn.values()
    ]


def spaced(n: int, limit: int | None) -> np.ndarray:
    """Return at most `limit` of the row numbers `0..n-1`, evenly spaced."""
    if limit is None or n <= limit:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, limit).round().astype(int))


def blocks(n_rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Cut rows into whole tiles that fit in memory."""
    size = max(1, BLOCK_BYTES // (bytes_per_row * TILE_ROWS)) * TILE_ROWS
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def same_rows(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return which rows `(obs,)` of two arrays `(obs[, column])` are the same, up to `ROUNDING`."""
    ours, theirs = (np.asarray(values, float).reshape(len(values), -1) for values in (ours, theirs))
    # Beside the spread of a column, not its values: these may all lie far from 0, such as years.
    spread = np.ma.masked_invalid(ours).std(axis=0).filled(0.0)
    return np.isclose(ours, theirs, rtol=0, atol=ROUNDING * spread, equal_nan=True).all(axis=1)


def observed_column(bnn: BNN | Average, observed: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Return encoded responses with their dims: `obs`, and `output`, or `bound` where they are known in part."""
    last = "bound" if bnn.response.censored else "output"
    return ("obs", last)[: observed.ndim], observed


def take(data: dict[str, Any], rows: Any) -> dict[str, Any]:
    """Return some rows of what `Target.bind` made."""
    return {name: values if name == "y_loc" else np.asarray(values)[rows] for name, values in data.items()}
