"""Predictions over two inputs, as a map."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pbnn.errors import MethodError, ShapeError, unknown
from pbnn.plots.expect import SUMMARY, expect
from pbnn.plots.style import INK, axes_for, summary_of

MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")


def plot_surface(
    pred: xr.DataTree,
    of: str,
    X: Any = None,
    y: Any = None,
    *,
    output: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one part of a prediction over two inputs, with the training data.

    Parameters
    ----------
    pred
        From `predict(..., kind="summary")` at a grid of inputs with two columns, in any order.
    of
        A variable of it, such as `"mean"` or `"epistemic_sd"`, and of a classifier `"epistemic_entropy"`; or `"p"`,
        the probability of the last class.
    X, y
        Training data: inputs `(obs, 2)`, and responses `(obs,)`; a classifier's classes have different marks.
    output
        Which output, if there are several.

    Raises
    ------
    ShapeError
        If there are not two input columns.
    MethodError
        If the prediction has no such variable.
    """
    expect(pred, "plot_surface", SUMMARY, "predictions/", "predictions_constant_data/X")
    ax = axes_for(ax)
    summary, inputs = summary_of(pred, output), pred["predictions_constant_data"]["X"]
    if of not in summary:
        raise MethodError(unknown("plot_surface", "part", of, map(str, summary.data_vars)))
    if inputs.sizes["feature"] != 2:
        raise ShapeError(f"plots: this figure needs two input columns; got {inputs.sizes['feature']}.")
    values, label = summary[of], NAMES.get(of, of)
    if "class" in values.dims:
        values = values.isel({"class": -1})
        label = f"P({values['class'].item()})"
    cmap, levels = ("Blues", np.linspace(0, 1, 21)) if of == "p" else ("Oranges", 20)
    filled = ax.tricontourf(*inputs.to_numpy().T, values.to_numpy(), levels=levels, cmap=cmap)
    ax.figure.colorbar(filled, ax=ax, label=label, ticks=MaxNLocator(5))
    if X is not None:
        _points(ax, np.asarray(X, dtype=float), None if y is None or "p" not in summary else np.asarray(y))
    names = [str(name) for name in inputs["feature"].values]
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax


NAMES = {
    "mean": "predictive mean",
    "epistemic_sd": "epistemic sd",
    "epistemic_entropy": "epistemic (nats)",
    "entropy": "entropy (nats)",
}


def _points(ax: Axes, X: np.ndarray, labels: np.ndarray | None) -> None:
    style = {"s": 14, "facecolors": "white", "edgecolors": INK, "linewidths": 0.7}
    if labels is None:
        ax.scatter(*X.T, **style)
        return
    for i, label in enumerate(np.unique(labels)):
        ax.scatter(*X[labels == label].T, marker=MARKERS[i % len(MARKERS)], label=str(label), **style)
    ax.legend(loc="best")
