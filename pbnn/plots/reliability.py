"""Reliability diagram of a classifier."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.style import BLUE, INK, PALE, axes_for, percent


def plot_reliability(table: xr.Dataset, *, of: str = "the predicted class", ax: Axes | None = None) -> Axes:
    """Draw how often a class occurs against the probability it was given.

    Parameters
    ----------
    table
        From `assess.reliability`.
    of
        What the probability is of, for the label.

    Returns
    -------
    matplotlib.axes.Axes
        On the diagonal the probabilities are right. Vertical bars show where a point would lie 95 times in 100 if
        they were; they are long where there are few rows.

    References
    ----------
    Bröcker and Smith (2007), 10.1175/WAF993.1.
    """
    ax = axes_for(ax)
    x = table["predicted"].to_numpy()
    ax.plot([0, 1], [0, 1], color=INK, lw=1, ls="--", label="probabilities right")
    ax.vlines(
        x, table["lower"], table["upper"], color=PALE, lw=6, alpha=0.7, label=f"{percent(0.95)} if right"
    )
    ax.plot(x, table["observed"], color=BLUE, marker="o", ms=5, lw=1.2, label="this fit", zorder=3)
    ax.set(
        xlabel=f"probability of {of}", ylabel="how often it was so", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02)
    )
    ax.legend(loc="upper left")
    return ax
