"""Epistemic and aleatoric uncertainty: what the weights leave open, and what noise there is."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import SUMMARY, expect
from pbnn.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    axes_for,
    legend_below,
    one_output,
    only_column,
    point_alpha,
    summary_of,
)


def plot_uncertainty(
    pred: xr.DataTree | xr.Dataset, *, output: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the two parts of predictive uncertainty: along the input if there is one, else row against row.

    Parameters
    ----------
    pred
        From `predict(..., kind="summary")`; or, of a regression or counts, from `assess.pointwise`. Standard deviations
        are drawn, or entropies in nats for classes.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        The epistemic part shrinks with more data, above all where there are none; the aleatoric part does not. Where
        all rows share the same noise, a histogram of the epistemic part is drawn beside it.
    """
    tree = isinstance(pred, xr.DataTree)
    if tree:
        expect(pred, "plot_uncertainty", SUMMARY, "predictions/", "predictions_constant_data/X")
    else:
        either = f"{SUMMARY}, or pbnn.assess.pointwise (of numbers),"
        expect(pred, "plot_uncertainty", either, "epistemic_sd", "aleatoric_sd")
    ax = axes_for(ax)
    summary = summary_of(pred, output) if tree else one_output(pred, output)
    kind = "entropy" if "entropy" in summary else "sd"
    unit = "nats" if kind == "entropy" else "sd"
    epistemic, aleatoric = (summary[f"{part}_{kind}"].to_numpy() for part in ("epistemic", "aleatoric"))
    if tree and pred["predictions_constant_data"]["X"].sizes["feature"] == 1:
        x, name = only_column(pred)
        order = np.argsort(x)
        _along(ax, x[order], epistemic[order], aleatoric[order], summary[kind].to_numpy()[order])
        ax.set(xlabel=name, ylabel=f"uncertainty ({unit})")
    elif np.ptp(aleatoric) <= 1e-3 * aleatoric.max():
        _against_one_noise(ax, epistemic, float(aleatoric.mean()))
        ax.set(xlabel=f"epistemic ({unit})", ylabel="number of rows")
    else:
        _row_by_row(ax, epistemic, aleatoric)
        ax.set(xlabel=f"aleatoric ({unit})", ylabel=f"epistemic ({unit})")
    return ax


def _along(
    ax: Axes, x: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray, together: np.ndarray
) -> None:
    ax.plot(x, epistemic, color=BLUE, lw=1.8, label="epistemic (weights)")
    ax.plot(x, aleatoric, color=ORANGE, lw=1.8, ls="--", label="aleatoric (noise)")
    ax.plot(x, together, color=GREY, lw=1.2, ls=":", label="together")
    ax.set_ylim(bottom=0)
    ax.margins(x=0.01)
    legend_below(ax, columns=3)


def _against_one_noise(ax: Axes, epistemic: np.ndarray, noise: float) -> None:
    """Draw a histogram beside the noise that all rows share: a scatter would be a vertical line."""
    bins = min(30, max(5, len(epistemic) // 10))
    ax.hist(epistemic, bins=bins, color=BLUE, alpha=0.8, edgecolor="white")
    ax.axvline(noise, color=ORANGE, lw=1.8, ls="--", label=f"aleatoric, the same for all rows: {noise:.3g}")
    ax.set_xlim(left=0)
    legend_below(ax)


def _row_by_row(ax: Axes, epistemic: np.ndarray, aleatoric: np.ndarray) -> None:
    alpha = point_alpha(len(epistemic))
    ax.scatter(aleatoric, epistemic, s=14, color=BLUE, alpha=alpha, linewidths=0, zorder=3)
    top = max(epistemic.max(), aleatoric.max())
    ax.plot([0, top], [0, top], color=INK, lw=1, ls="--", label="equal parts")
    ax.set_ylim(bottom=0, top=1.08 * epistemic.max() or None)
    ax.set_xlim(left=0, right=1.08 * aleatoric.max() or None)
    ax.legend(loc="best")
