"""Which inputs matter, with intervals."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, PALE, axes_for, percent


def plot_relevance(table: xr.Dataset, *, most: int = 20, ax: Axes | None = None) -> Axes:
    """Draw the relevance of inputs, the largest on top.

    Parameters
    ----------
    table
        From `pbnn.relevance`.
    most
        At most so many inputs.

    Returns
    -------
    matplotlib.axes.Axes
        Points are posterior means, lines intervals.
    """
    expect(table, "plot_relevance", "pbnn.relevance", "feature", "mean", "hdi", "rank", attrs=("prob",))
    ax = axes_for(ax)
    order = np.argsort(table["rank"].to_numpy())[:most]
    table = table.isel(feature=order)
    at = np.arange(len(order))[::-1]
    lower, upper = (table["hdi"].sel(bound=bound) for bound in ("lower", "upper"))
    label = f"{percent(table.attrs['prob'])} of draws"
    ax.hlines(at, lower, upper, color=PALE, lw=3, label=label)
    ax.plot(table["mean"], at, "o", color=BLUE, ms=5, label="mean")
    ax.set_yticks(at, [str(name) for name in table["feature"].to_numpy()])
    ax.set(xlabel="relevance (share of the squared scales)", xlim=(0, None))
    ax.legend(loc="lower right")
    return ax
