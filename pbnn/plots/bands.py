"""The fit along one input, with bands of uncertainty."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import SUMMARY, expect
from pbnn.plots.style import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    axes_for,
    column_values,
    legend_below,
    only_column,
    percent,
    point_alpha,
    quantile_pairs,
    summary_of,
)


def plot_bands(
    pred: xr.DataTree,
    X: Any = None,
    y: Any = None,
    *,
    X_test: Any = None,
    y_test: Any = None,
    output: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the predictive mean along one input, with a band for the mean and a wider one for the response.

    Parameters
    ----------
    pred
        From `predict(..., kind="summary")` at a grid of inputs with one column; regression or counts.
    X, y
        Training data, drawn as dots: `(obs, 1)` or `(obs,)`, and `(obs,)`.
    X_test, y_test
        Held-out data, drawn as open circles.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        The inner, darker band is epistemic: what more data would narrow. The outer one, with dashed edges, adds the
        noise, and should contain new observations with the probability in the legend.
    """
    expect(pred, "plot_bands", SUMMARY, "predictions/", "predictions_constant_data/X")
    ax = axes_for(ax)
    summary, (x, name) = summary_of(pred, output), only_column(pred)
    expect(summary, "plot_bands", f"{SUMMARY} of numbers", "mean", "mu_quantiles")
    order = np.argsort(x)
    x, summary = x[order], summary.isel(obs=order)
    level, low, high = quantile_pairs(summary["quantiles"])[0]
    ax.fill_between(x, low, high, color=PALE, alpha=0.45, lw=0, label=f"response, {percent(level)}")
    ax.plot(x, np.stack([low, high], axis=1), color=BLUE, lw=0.8, ls=(0, (4, 3)))
    level, low, high = quantile_pairs(summary["mu_quantiles"])[0]
    ax.fill_between(x, low, high, color=BLUE, alpha=0.5, lw=0, label=f"mean (epistemic), {percent(level)}")
    ax.plot(x, summary["mean"], color=INK, lw=1.6, label="predictive mean")
    _points(ax, X, y, "training data", color=ORANGE, marker="o", linewidths=0)
    _points(ax, X_test, y_test, "test data", facecolors="none", edgecolors=INK, marker="o", linewidths=0.8)
    ax.set(xlabel=name, ylabel=output or "response")
    ax.margins(x=0.01)
    legend_below(ax)
    return ax


def _points(ax: Axes, X: Any, y: Any, label: str, **style: Any) -> None:
    if X is None or y is None:
        return
    alpha = point_alpha(len(np.asarray(y)))
    ax.scatter(column_values(X), np.asarray(y), s=16, alpha=alpha, label=label, zorder=3, **style)
