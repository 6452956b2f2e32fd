"""How much worse than the best model the others predict."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for


def plot_models(table: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the elpd of each model less that of the best, with its standard error.

    Parameters
    ----------
    table
        From `pbnn.compare_models`.

    Returns
    -------
    matplotlib.axes.Axes
        Points are differences in nats, dark lines one standard error of the paired differences, pale ones two. The
        dashed line is where the best model stands: a line that crosses it could do so by chance.
    """
    ax = axes_for(ax)
    names = [str(name) for name in table["model"].to_numpy()]
    at = np.arange(len(names))
    gap, se = table["elpd_difference"].to_numpy(), table["difference_se"].to_numpy()
    known = np.isfinite(gap) & np.isfinite(se)
    ax.axvline(0.0, color=INK, lw=1, ls="--")
    for width, colour, times in ((7, PALE, 2), (3, BLUE, 1)):
        low, high = (gap + sign * times * se for sign in (-1, 1))
        label = "1 standard error" if times == 1 else f"{times} standard errors"
        ax.hlines(at[known], low[known], high[known], color=colour, lw=width, label=label)
    ax.plot(gap[1:], at[1:], "o", color=BLUE, ms=7)
    ax.plot(gap[:1], at[:1], "D", color=ORANGE, ms=7, label="the best")
    ax.set(
        xlabel=f"log density of {table.attrs['n_obs']:,} rows, less that of {names[0]} (nats)",
        yticks=at,
        yticklabels=names,
    )
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0, handlelength=1.2)
    return ax
