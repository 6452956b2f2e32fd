"""Whether observations fall where the predictions expect them, at all levels together."""

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import other_backend
from pbnn.plots.curves import curves_with_band
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for, legend_below, one_output, percent


def plot_pit_ecdf(
    table: xr.Dataset, *, output: str | None = None, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw the distribution function of the probability integral transforms, less that of uniform ones.

    Parameters
    ----------
    table
        From `assess.pit_ecdf`, of `assess.pointwise` or of `assess.loo_pit`.
    output
        Which output, if there are several.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        The curve should stay within the band, as a whole. First up, then down: predictive distributions are too narrow;
        first down, then up: too wide; a hump to one side: too high (up) or too low (down). Where it leaves the band, it
        is marked. Of other backends than matplotlib the collection of `arviz_plots`.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), 10.1007/s11222-022-10090-6.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.assess import pit_ecdf
    >>> from pbnn.plots import plot_pit_ecdf
    >>> even = xr.Dataset({"pit": ("obs", (np.arange(200) + 0.5) / 200)})
    >>> plot_pit_ecdf(pit_ecdf(even), ax=Figure().subplots()).get_title()
    'inside the band'
    """
    expect(table, "plot_pit_ecdf", "pbnn.assess.pit_ecdf", "x", "difference", "inside")
    other = other_backend("plot_pit_ecdf", backend, ax)
    table = one_output(table, output)
    x = np.concatenate([[0.0], table["x"].to_numpy(), [1.0]])
    lower, upper, curve = (np.pad(table[name].to_numpy(), 1) for name in ("lower", "upper", "difference"))
    words = ("predictive probability below the observation", "ECDF less uniform")
    if other:
        return curves_with_band(other, {"ECDF": curve}, x, (lower, upper), (0.0, 0.0), words)
    ax = axes_for(ax)
    label = f"{percent(table.attrs['prob'])} of curves, if right"
    ax.fill_between(x, lower, upper, color=PALE, alpha=0.4, lw=0, label=label)
    ax.axhline(0, color=INK, lw=1, ls="--")
    ax.plot(x, curve, color=BLUE, lw=1.6, label=f"{table.attrs['n_obs']} observations")
    outside = (curve < lower) | (curve > upper)
    if outside.any():
        ax.plot(x[outside], curve[outside], "x", color=ORANGE, ms=6, mew=1.6, label="outside")
    ax.set_title("inside the band" if bool(table["inside"]) else "leaves the band")
    ax.set(xlabel=words[0], ylabel=words[1], xlim=(0, 1))
    legend_below(ax)
    return ax
