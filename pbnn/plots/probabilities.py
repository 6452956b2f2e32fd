"""Class probabilities along one input."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import SUMMARY, expect
from pbnn.plots.style import (
    CLASS_COLOURS,
    CLASS_LINES,
    axes_for,
    column_values,
    legend_below,
    only_column,
    percent,
    quantile_pairs,
    summary_of,
)


def plot_probabilities(pred: xr.DataTree, X: Any = None, y: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw the probability of each class along one input, with bands for what the weights leave open.

    Parameters
    ----------
    pred
        From `predict(..., kind="summary")` of a classifier at a grid of inputs with one column.
    X, y
        Training data, inputs `(obs, 1)` and labels `(obs,)`, drawn as ticks along the bottom.

    Notes
    -----
    Of two classes only the second, the event, is drawn.
    """
    expect(pred, "plot_probabilities", SUMMARY, "predictions/p", "predictions_constant_data/X")
    ax = axes_for(ax)
    summary, (x, name) = summary_of(pred), only_column(pred)
    order = np.argsort(x)
    x, summary = x[order], summary.isel(obs=order)
    labels = list(summary["class"].values)
    shown = labels[1:] if len(labels) == 2 else labels
    level, low, high = quantile_pairs(summary["p_quantiles"])[0]
    for label in shown:
        i = labels.index(label) % len(CLASS_COLOURS)
        of_class = {"class": label}
        ax.fill_between(x, low.sel(of_class), high.sel(of_class), color=CLASS_COLOURS[i], alpha=0.22, lw=0)
        ax.plot(
            x,
            summary["p"].sel(of_class),
            color=CLASS_COLOURS[i],
            ls=CLASS_LINES[i],
            label=f"P({label}), {percent(level)} band",
        )
    if X is not None and y is not None:
        _ticks(ax, column_values(X), np.asarray(y), labels)
    ax.set(xlabel=name, ylabel="probability", ylim=(-0.02 - 0.05 * len(labels) * (X is not None), 1.02))
    ax.margins(x=0.01)
    legend_below(ax)
    return ax


def _ticks(ax: Axes, x: np.ndarray, y: np.ndarray, labels: list) -> None:
    """Mark where the data of each class lie, one row of ticks for each class below zero."""
    for i, label in enumerate(labels):
        own = x[y == label]
        colour = CLASS_COLOURS[i % len(CLASS_COLOURS)]
        ax.plot(own, np.full(len(own), -0.04 - 0.05 * i), "|", color=colour, ms=7, alpha=0.6)
