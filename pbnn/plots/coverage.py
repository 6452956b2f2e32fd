"""Whether intervals contain what they promise."""

import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import other_backend
from pbnn.plots.curves import curves_with_band
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, PALE, axes_for, one_output, percent


def plot_coverage(
    table: xr.Dataset, *, output: str | None = None, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw the share of observations inside central intervals against the probability of the intervals.

    Parameters
    ----------
    table
        From `assess.coverage`.
    output
        Which output, if there are several.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        On the diagonal the intervals are right; below it they are too narrow, which is overconfidence. Of other
        backends than matplotlib the collection of `arviz_plots`.
    """
    expect(table, "plot_coverage", "pbnn.assess.coverage", "level", "coverage", "lower", "upper")
    other = other_backend("plot_coverage", backend, ax)
    table = one_output(table, output)
    level = table["level"].to_numpy()
    words = ("probability of the interval", "share of observations inside")
    if other:
        curve, band = table["coverage"].to_numpy(), (table["lower"].to_numpy(), table["upper"].to_numpy())
        return curves_with_band(other, {"coverage": curve}, level, band, (level[0], level[-1]), words)
    ax = axes_for(ax)
    ax.fill_between(
        level, table["lower"], table["upper"], color=PALE, alpha=0.5, lw=0, label=f"{percent(0.95)} if right"
    )
    ax.plot([0, 1], [0, 1], color=INK, lw=1, ls="--")
    ax.plot(level, table["coverage"], color=BLUE, marker="o", ms=4, lw=1.4, label="this fit")
    ax.set(xlabel=words[0], ylabel=words[1], xlim=(0, 1), ylim=(0, 1))
    ax.legend(loc="upper left")
    return ax
