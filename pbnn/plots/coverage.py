"""Whether intervals contain what they promise."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.style import BLUE, INK, PALE, axes_for, one_output, percent


def plot_coverage(table: xr.Dataset, *, output: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of observations inside central intervals against the probability of the intervals.

    Parameters
    ----------
    table
        From `assess.coverage`.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        On the diagonal the intervals are right; below it they are too narrow, which is overconfidence.
    """
    ax = axes_for(ax)
    table = one_output(table, output)
    level = table["level"].to_numpy()
    ax.fill_between(
        level, table["lower"], table["upper"], color=PALE, alpha=0.5, lw=0, label=f"{percent(0.95)} if right"
    )
    ax.plot([0, 1], [0, 1], color=INK, lw=1, ls="--")
    ax.plot(level, table["coverage"], color=BLUE, marker="o", ms=4, lw=1.4, label="this fit")
    ax.set(
        xlabel="probability of the interval", ylabel="share of observations inside", xlim=(0, 1), ylim=(0, 1)
    )
    ax.legend(loc="upper left")
    return ax
