"""Reliability diagram of a classifier."""

import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import other_backend
from pbnn.plots.curves import curves_with_band
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, PALE, axes_for, percent


def plot_reliability(
    table: xr.Dataset,
    *,
    of: str = "the predicted class",
    backend: str | None = None,
    ax: Axes | None = None,
) -> Axes | PlotCollection:
    """Draw how often a class occurs against the probability it was given.

    Parameters
    ----------
    table
        From `assess.reliability`.
    of
        What the probability is of, for the label.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        On the diagonal the probabilities are right. Vertical bars show where a point would lie 95 times in 100 if
        they were; they are long where there are few rows. Other backends than matplotlib draw a band in their
        place, and return the collection of `arviz_plots`.

    References
    ----------
    Bröcker and Smith (2007), 10.1175/WAF993.1.
    """
    expect(table, "plot_reliability", "pbnn.assess.reliability", "bin", "predicted", "observed")
    other = other_backend("plot_reliability", backend, ax)
    x = table["predicted"].to_numpy()
    words = (f"probability of {of}", "how often it was so")
    if other:
        curve, band = table["observed"].to_numpy(), (table["lower"].to_numpy(), table["upper"].to_numpy())
        return curves_with_band(other, {"observed": curve}, x, band, (x[0], x[-1]), words)
    ax = axes_for(ax)
    ax.plot([0, 1], [0, 1], color=INK, lw=1, ls="--", label="probabilities right")
    ax.vlines(
        x, table["lower"], table["upper"], color=PALE, lw=6, alpha=0.7, label=f"{percent(0.95)} if right"
    )
    ax.plot(x, table["observed"], color=BLUE, marker="o", ms=5, lw=1.2, label="this fit", zorder=3)
    ax.set(xlabel=words[0], ylabel=words[1], xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(loc="upper left")
    return ax
