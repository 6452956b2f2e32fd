"""Simulation-based calibration, as curves that should lie within a band."""

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import other_backend
from pbnn.plots.curves import curves_with_band
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for, legend_below, percent

NAMED = 6
"""Curves that leave the band and are named; more would hide the figure."""
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))


def plot_sbc(
    table: xr.Dataset, *, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw the distribution of the ranks of each quantity, less that of uniform ranks.

    Parameters
    ----------
    table
        From `pbnn.sbc`.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        A curve for each quantity, blue where it stays within the band, orange and named where it leaves it. A hump to
        one side means draws that lie too low or too high; first up, then down, posteriors that are too narrow; first
        down, then up, too wide. Other backends than matplotlib draw all curves, each in its colour, and return the
        collection of `arviz_plots`.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), 10.1007/s11222-022-10090-6.
    """
    expect(table, "plot_sbc", "pbnn.sbc", "quantity", "ecdf_difference", attrs=("level",))
    other = other_backend("plot_sbc", backend, ax)
    points = np.concatenate([[0.0], table["point"].to_numpy(), [1.0]])
    lower, upper = (np.pad(table[end].to_numpy(), 1) for end in ("lower", "upper"))
    curves, words = table["ecdf_difference"], ("rank of the truth, as a share", "ECDF less uniform")
    if other:
        named_curves = {
            str(name): np.pad(curves.isel(quantity=i).to_numpy(), 1)
            for i, name in enumerate(table["quantity"].values)
        }
        return curves_with_band(other, named_curves, points, (lower, upper), (0.0, 0.0), words)
    ax = axes_for(ax)
    level = percent(table.attrs["level"])
    ax.fill_between(
        points, lower, upper, color=PALE, alpha=0.4, lw=0, label=f"{level} of curves, if calibrated"
    )
    ax.axhline(0, color=INK, lw=1, ls="--")
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
    ax.set(xlabel=words[0], ylabel=words[1], xlim=(0, 1))
    legend_below(ax)
    return ax
