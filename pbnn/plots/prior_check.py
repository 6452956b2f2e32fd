"""Where the data lie in what the prior expects."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, ORANGE, axes_for, one_output


def plot_prior_check(
    checked: xr.Dataset, *, output: str | None = None, level: float = 0.98, ax: Axes | None = None
) -> Axes:
    """Draw the prior predictive p-values of summary statistics; beyond the dashed lines prior and data disagree.

    Parameters
    ----------
    checked
        From `check_prior`.
    output
        Which output, if there are several.
    level
        Probability between the dashed lines.
    """
    expect(checked, "plot_prior_check", "pbnn.check_prior", "statistic", "p_value")
    ax = axes_for(ax)
    table = one_output(checked, output)
    p, names = table["p_value"].to_numpy(), [str(name) for name in table["statistic"].values]
    edges = (1 - level) / 2, (1 + level) / 2
    inside = (p >= edges[0]) & (p <= edges[1])
    places = np.arange(len(p))[::-1]
    ax.hlines(places, 0, 1, color=GREY, lw=0.8, alpha=0.5)
    ax.scatter(p, places, s=60, color=np.where(inside, BLUE, ORANGE), zorder=3)
    for edge in edges:
        ax.axvline(edge, color=GREY, lw=1.0, ls="--")
    ax.set_yticks(places, names)
    ax.set(xlabel="prior probability of a value at least as large", xlim=(-0.02, 1.02))
    ax.set_ylim(-0.6, len(p) - 0.4)
    return ax
