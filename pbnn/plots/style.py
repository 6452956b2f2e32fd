"""What the figures share: colours, axes, and the inputs of a prediction.

Colours are steps of lightness, so that they stay apart in grey and for every kind of colour vision: ink, blue, orange
and pale blue. Grey is as light as orange, and only for dashed or dotted lines.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from pbnn.errors import ShapeError

BLUE = "#00507F"
ORANGE = "#E06A00"
INK = "#222222"
GREY = "#767676"
PALE = "#A9CBE6"
"""Light blue, for wide intervals: in grey clearly lighter than BLUE."""

CLASS_COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8A6D00")
CLASS_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (7, 3)))

RC: dict[str, Any] = {
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": True,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "legend.fontsize": 11,
    "figure.facecolor": "white",
    "text.parse_math": False,  # names of columns may hold dollar signs
}
"""For `matplotlib.rc_context`: how the report draws. In a notebook the user's own settings hold."""


def axes_for(ax: Axes | None) -> Axes:
    """Return `ax`, or axes of a new pyplot figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(6.4, 4.0), layout="constrained")[1]


def legend_below(ax: Axes, columns: int = 2) -> None:
    """Put the legend below the axes, where it hides no data."""
    # Below the name of the axis, whose height is in points and not a share of that of the axes.
    down = ScaledTranslation(0, -3.5 * rcParams["font.size"] / 72, ax.figure.dpi_scale_trans)
    place = {"bbox_to_anchor": (0.5, 0.0), "bbox_transform": ax.transAxes + down}
    ax.legend(loc="upper center", ncols=columns, borderaxespad=0, handlelength=1.6, **place)


def summary_of(pred: xr.DataTree, output: str | None = None) -> xr.Dataset:
    """Return the summary of one output from `predict(..., kind="summary")`.

    Raises
    ------
    ShapeError
        If the tree holds draws instead of a summary, or several outputs of which none is named.
    """
    summary = pred["predictions"].to_dataset()
    if "quantile" not in summary.dims:
        raise ShapeError('plots: draw a summary of the predictions; call predict(..., kind="summary").')
    return one_output(summary, output)


def one_output(table: xr.Dataset, output: str | None = None) -> xr.Dataset:
    """Return the part of `table` that concerns one output; the only one, if there is but one.

    Raises
    ------
    ShapeError
        If there are several and none is named.
    """
    if "output" not in table.dims:
        return table
    names = [str(name) for name in table["output"].values]
    if output is None and len(names) > 1:
        raise ShapeError(f"plots: the response has several outputs; name one, output=... of {names}.")
    return table.sel(output=output if output is not None else names[0])


def only_column(pred: xr.DataTree) -> tuple[np.ndarray, str]:
    """Return the inputs `(obs,)` of a prediction from one column, and the column's name.

    Raises
    ------
    ShapeError
        If there are several columns.
    """
    X = pred["predictions_constant_data"]["X"]
    if X.sizes["feature"] != 1:
        raise ShapeError(f"plots: this figure needs one input column; got {X.sizes['feature']}.")
    return X.isel(feature=0).to_numpy(), str(X["feature"].values[0])


def column_values(X: Any) -> np.ndarray:
    """Return data of one column, shape `(obs, 1)` or `(obs,)`, as a vector."""
    values = np.asarray(X)
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim == 1:
        return values
    raise ShapeError(f"plots: X must have one column; got shape {values.shape}.")


def quantile_pairs(quantiles: xr.DataArray) -> list[tuple[float, xr.DataArray, xr.DataArray]]:
    """Return the central intervals among quantiles, widest first: probability, lower end, upper end."""
    levels = np.round(quantiles["quantile"].to_numpy(), 6)
    pairs = []
    for i, low in enumerate(levels):
        match = np.flatnonzero(np.isclose(levels, 1 - low, atol=1e-6))
        if low < 0.5 and len(match):
            pairs.append(
                (float(1 - 2 * low), quantiles.isel(quantile=i), quantiles.isel(quantile=int(match[0])))
            )
    return sorted(pairs, key=lambda pair: -pair[0])


def percent(share: float) -> str:
    """Write a probability: `90 %`, with a space that does not break."""
    return f"{100 * share:.3g}\u00a0%"


def point_alpha(n: int) -> float:
    """Opacity of `n` points in one scatter."""
    return float(np.clip(30 / max(n, 1) ** 0.6, 0.15, 0.85))
