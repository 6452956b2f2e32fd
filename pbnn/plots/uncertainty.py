"""Epistemic and aleatoric uncertainty: what the weights leave open, and what noise there is."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

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
        The epistemic part shrinks with more data, above all where there are none; the aleatoric part does not.
    """
    ax = axes_for(ax)
    tree = isinstance(pred, xr.DataTree)
    summary = summary_of(pred, output) if tree else one_output(pred, output)
    kind = "entropy" if "entropy" in summary else "sd"
    unit = "nats" if kind == "entropy" else "sd"
    epistemic, aleatoric = (summary[f"{part}_{kind}"].to_numpy() for part in ("epistemic", "aleatoric"))
    if tree and pred["predictions_constant_data"]["X"].sizes["feature"] == 1:
        x, name = only_column(pred)
        order = np.argsort(x)
        ax.plot(x[order], epistemic[order], color=BLUE, lw=1.8, label="epistemic (weights)")
        ax.plot(x[order], aleatoric[order], color=ORANGE, lw=1.8, ls="--", label="aleatoric (noise)")
        ax.plot(x[order], summary[kind].to_numpy()[order], color=GREY, lw=1.2, ls=":", label="together")
        ax.set(xlabel=name, ylabel=f"uncertainty ({unit})")
        ax.set_ylim(bottom=0)
        ax.margins(x=0.01)
        legend_below(ax, columns=3)
        return ax
    ax.scatter(
        aleatoric, epistemic, s=14, color=BLUE, alpha=point_alpha(len(epistemic)), linewidths=0, zorder=3
    )
    top = max(epistemic.max(), aleatoric.max())
    ax.plot([0, top], [0, top], color=INK, lw=1, ls="--", label="equal parts")
    ax.set(xlabel=f"aleatoric ({unit})", ylabel=f"epistemic ({unit})")
    ax.set_ylim(bottom=0, top=1.08 * epistemic.max() or None)
    ax.set_xlim(left=0, right=1.08 * aleatoric.max() or None)
    ax.legend(loc="best")
    return ax
