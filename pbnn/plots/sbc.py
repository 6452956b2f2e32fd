"""Simulation-based calibration, as curves that should lie within a band."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for, legend_below, percent

NAMED = 6
"""Curves that leave the band and are named; more would hide the figure."""
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


def plot_sbc(table: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the distribution of the ranks of each quantity, less that of uniform ranks.

    Parameters
    ----------
    table
        From `pbnn.sbc`.

    Returns
    -------
    matplotlib.axes.Axes
        A curve for each quantity, blue where it stays within the band, orange and named where it leaves it. A hump to
        one side means draws that lie too low or too high; first up, then down, posteriors that are too narrow; first
        down, then up, too wide.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), 10.1007/s11222-022-10090-6.
    """
    ax = axes_for(ax)
    points = np.concatenate([[0.0], table["point"].to_numpy(), [1.0]])
    lower, upper = (np.pad(table[end].to_numpy(), 1) for end in ("lower", "upper"))
    level = percent(table.attrs["level"])
    ax.fill_between(
        points, lower, upper, color=PALE, alpha=0.4, lw=0, label=f"{level} of curves, if calibrated"
    )
    ax.axhline(0, color=INK, lw=1, ls="--")
    curves = table["ecdf_difference"]
    outside = (curves < table["lower"]) | (curves > table["upper"])
    worst = table["p_value"].to_numpy().argsort()
    named = [i for i in worst if bool(outside.isel(quantity=i).any())]
    for i in worst[::-1]:
        values = np.pad(curves.isel(quantity=i).to_numpy(), 1)
        place = named.index(i) if i in named else None
        ax.plot(
            points,
            values,
            color=BLUE if place is None else ORANGE,
            lw=1 if place is None else 1.6,
            ls="-" if place is None else LINES[place % len(LINES)],
            alpha=0.7 if place is None else 1.0,
            label=str(table["quantity"].values[i]) if place is not None and place < NAMED else None,
        )
    more = len(named) - NAMED
    title = f"{table.sizes['quantity']} quantities, {len(named)} outside"
    ax.set_title(title + (f", {NAMED} of them named" if more > 0 else ""))
    ax.set(xlabel="rank of the truth, as a share", ylabel="ECDF less uniform", xlim=(0, 1))
    legend_below(ax)
    return ax
