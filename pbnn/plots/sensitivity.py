"""How predictions move with the prior and with the data."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, ORANGE, axes_for, legend_below


def plot_sensitivity(sensitivity: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the power-scaling sensitivity of each quantity to the prior and to the likelihood.

    Parameters
    ----------
    sensitivity
        From `prior_sensitivity`. The prior is the group that it was asked for; right of the dashed line, it counts.
        Hollow points do not exceed what quantities show that have nothing to do with it.
    """
    expect(sensitivity, "plot_sensitivity", "pbnn.prior_sensitivity", "sensitivity", attrs=("group",))
    ax = axes_for(ax)
    group = sensitivity.attrs["group"]
    names = [str(name) for name in sensitivity["quantity"].values]
    places = np.arange(len(names))[::-1]
    looks = {group: (ORANGE, "o", group), "likelihood": (BLUE, "s", "likelihood")}
    shown = sensitivity.get("beyond_chance", xr.ones_like(sensitivity["sensitivity"], dtype=bool))
    for component, (colour, marker, label) in looks.items():
        values = sensitivity["sensitivity"].sel(component=component)
        faces = [colour if beyond else "none" for beyond in shown.sel(component=component).values]
        look = {"marker": marker, "s": 40, "label": label, "zorder": 3}
        ax.scatter(values, places, facecolors=faces, edgecolors=colour, **look)
    ax.axvline(sensitivity.attrs["threshold"], color=GREY, lw=1.0, ls="--")
    ax.set_yticks(places, names)
    ax.set_xlabel("sensitivity to power scaling")
    ax.set_xlim(left=0)
    legend_below(ax)
    return ax
