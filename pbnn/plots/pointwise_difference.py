"""Which rows make the difference between models."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.errors import DataError
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, ORANGE, axes_for, point_alpha

FAR = 10.0
"""Nats beyond which the axis becomes logarithmic, so that one surprising row does not hide the others."""


def plot_pointwise_difference(table: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the log density that each model gives each row, less that of the best.

    Parameters
    ----------
    table
        From `pbnn.compare_models`, of at least two models.

    Returns
    -------
    matplotlib.axes.Axes
        A point for each row, scattered up and down; the orange one is their mean. Left of the dashed line the best
        model predicts the row better, right of it worse. Beyond 10 nats the axis is logarithmic; rows that a model
        thinks impossible are not drawn.

    Raises
    ------
    DataError
        If there is one model only.
    """
    expect(table, "plot_pointwise_difference", "pbnn.compare_models", "model", "pointwise")
    names = [str(name) for name in table["model"].to_numpy()]
    if len(names) < 2:
        raise DataError("plot_pointwise_difference: there is one model only, and nothing to compare it with.")
    ax = axes_for(ax)
    values = table["pointwise"].transpose("obs", "model").to_numpy()
    with np.errstate(invalid="ignore"):
        apart = values[:, 1:] - values[:, :1]
    scatter = np.random.default_rng(0).uniform(-0.28, 0.28, len(apart))
    ax.axvline(0.0, color=INK, lw=1, ls="--")
    for row, of_one in enumerate(apart.T):
        shown = np.isfinite(of_one)
        x = of_one[shown]
        ax.scatter(x, row + scatter[shown], s=11, lw=0, color=BLUE, alpha=point_alpha(len(x)))
        if len(x):
            ax.plot(x.mean(), row, "D", color=ORANGE, ms=7, markeredgecolor="white")
    if np.abs(apart[np.isfinite(apart)]).max(initial=0) > FAR:
        ax.set_xscale("symlog", linthresh=FAR)
    ax.set(
        xlabel=f"log density of a row, less that by {names[0]} (nats)",
        yticks=range(len(names) - 1),
        yticklabels=names[1:],
    )
    ax.set_ylim(len(names) - 1.5, -0.5)
    return ax
