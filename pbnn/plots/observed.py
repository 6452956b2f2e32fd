"""Predicted against observed."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, PALE, axes_for, one_output, percent, point_alpha


def plot_observed(
    rows: xr.Dataset, *, level: float = 0.9, output: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw what was observed against what was predicted, with a central interval for each row.

    Parameters
    ----------
    rows
        From `assess.pointwise`, of a regression or of counts.
    level
        Probability of the intervals; one of those in `rows`.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        A row lies on the diagonal if the prediction is right; its vertical interval crosses the diagonal if the
        interval contains the observation.
    """
    expect(rows, "plot_observed", "pbnn.assess.pointwise (of numbers)", "observed", "predicted", "level")
    ax = axes_for(ax)
    rows = one_output(rows, output)
    x, y = rows["observed"].to_numpy(), rows["predicted"].to_numpy()
    ends = rows[["lower", "upper"]].sel(level=level, method="nearest")
    alpha = point_alpha(len(x))
    ax.vlines(
        x, ends["lower"], ends["upper"], color=PALE, lw=1.1, alpha=alpha, label=f"{percent(level)} interval"
    )
    ax.scatter(x, y, s=14, color=BLUE, alpha=alpha, linewidths=0, zorder=3, label="predictive mean")
    span = [np.min([x.min(), y.min()]), np.max([x.max(), y.max()])]
    ax.plot(span, span, color=INK, lw=1.0, ls="--", zorder=2, label="observed = predicted")
    ax.set(xlabel="observed" + (f" {output}" if output else ""), ylabel="predicted")
    ax.legend(loc="upper left")
    return ax
