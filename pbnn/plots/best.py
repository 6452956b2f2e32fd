"""The best few configurations of a search, and how sure one can be of them."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.rows import name_rows
from pbnn.plots.style import BLUE, INK, PALE, axes_for, legend_below, percent

LEVEL, Z = 0.9, 1.6449


def plot_best(table: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the posterior of the true scores of the best few configurations, beside what was observed.

    Parameters
    ----------
    table
        From `pbnn.search.best`.

    Returns
    -------
    matplotlib.axes.Axes
        Points are posterior means, lines the central 90 %, open diamonds the scores that were observed: the luckier
        a trial, the further its diamond lies from its point. Names carry the probability of being the best of all.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_best
    >>> columns = {"score": [3.0, 3.4], "mean": [2.6, 2.5], "sd": [0.3, 0.4], "p_best": [0.6, 0.3]}
    >>> columns["regret"] = [0.1, 0.2]
    >>> table = xr.Dataset({name: ("trial", v) for name, v in columns.items()}, {"trial": [7, 2]}, {"n": 9})
    >>> [label.get_text() for label in plot_best(table, ax=Figure().subplots()).get_yticklabels()][0][:7]
    'trial 7'
    """
    expect(table, "plot_best", "pbnn.search.best", "trial", "score", "p_best", "regret", attrs=("n",))
    ax = axes_for(ax)
    shares = zip(table["trial"].to_numpy().tolist(), table["p_best"].to_numpy().tolist(), strict=True)
    heights = name_rows(ax, [f"{_name(number)} ({percent(round(share, 2))})" for number, share in shares])
    mean, sd, score = (table[name].to_numpy() for name in ("mean", "sd", "score"))
    ax.hlines(heights, mean - Z * sd, mean + Z * sd, color=PALE, lw=5, label=percent(LEVEL))
    ax.plot(mean, heights, "o", color=BLUE, ms=7, label="belief")
    seen = np.isfinite(score)
    ax.plot(score[seen], heights[seen], "D", mfc="none", color=INK, ms=7, label="observed")
    left_out = table.attrs["n"] - table.sizes["trial"]
    if left_out > 0:
        ax.set_title(f"the {table.sizes['trial']} best of {table.attrs['n']}")
    ax.set(xlabel="score", ylabel="configuration (probability of being the best)")
    legend_below(ax, 3)
    return ax


def _name(number: int) -> str:
    return f"trial {number}" if number >= 0 else f"untried {-number}"
