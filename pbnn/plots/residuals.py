"""Residuals against predictions."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, INK, axes_for, one_output, point_alpha


def plot_residuals(rows: xr.Dataset, *, output: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw residuals, in predictive standard deviations, against the predicted mean.

    Parameters
    ----------
    rows
        From `assess.pointwise`, of a regression or of counts.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        A good fit has no pattern, and about one row in twenty beyond the dashed lines at ±2.
    """
    expect(rows, "plot_residuals", "pbnn.assess.pointwise (of numbers)", "predicted", "standardized")
    ax = axes_for(ax)
    rows = one_output(rows, output)
    x, r = rows["predicted"], rows["standardized"]
    ax.axhline(0, color=INK, lw=1)
    for at in (-2, 2):
        ax.axhline(at, color=GREY, lw=1, ls="--")
    ax.scatter(x, r, s=14, color=BLUE, alpha=point_alpha(rows.sizes["obs"]), linewidths=0, zorder=3)
    ax.set(xlabel="predicted" + (f" {output}" if output else ""), ylabel="residual / predictive sd")
    return ax
