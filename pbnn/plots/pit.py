"""Histogram of probability integral transforms."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, PALE, axes_for, percent


def plot_pit(histogram: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw how far into its predictive distribution each observation falls.

    Parameters
    ----------
    histogram
        From `assess.pit_histogram`.

    Returns
    -------
    matplotlib.axes.Axes
        Flat if the predictive distributions are right, within the shaded band 95 times in 100 for each bar; a hump
        means too wide, a U too narrow, a slope too high or too low.

    References
    ----------
    Dawid (1984), 10.2307/2981683.
    """
    expect(histogram, "plot_pit", "pbnn.assess.pit_histogram", "left", "right", "density", "lower", "upper")
    ax = axes_for(ax)
    left, right = histogram["left"].to_numpy(), histogram["right"].to_numpy()
    low, high = (float(histogram[end]) for end in ("lower", "upper"))
    ax.axhspan(low, high, color=PALE, alpha=0.4, lw=0, label=f"{percent(0.95)} if right")
    ax.bar(
        left, histogram["density"], width=right - left, align="edge", color=BLUE, alpha=0.8, edgecolor="white"
    )
    ax.axhline(1, color=INK, lw=1, ls="--", zorder=3)
    ax.set(xlabel="predictive probability below the observation", ylabel="density", xlim=(0, 1))
    ax.set_ylim(top=1.2 * max(high, float(histogram["density"].max())))
    ax.legend(loc="upper right")
    return ax
