"""Energy of Hamiltonian chains."""

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import expect
from pbnn.plots.panel import panel
from pbnn.plots.style import BLUE, ORANGE, axes_for


def plot_energy(
    idata: xr.DataTree, *, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw the distribution of the energy and of its changes from draw to draw (`arviz_plots.plot_energy`).

    Parameters
    ----------
    idata
        A fit by NUTS, with `sample_stats["energy"]`.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        If the changes are much narrower than the energy itself, the chains move too slowly through the tails. Of other
        backends than matplotlib ArviZ's collection.

    References
    ----------
    Betancourt (2016), arXiv:1604.00695.
    """
    expect(idata, "plot_energy", "pbnn.fit with NUTS", "sample_stats/energy")
    other = other_backend("plot_energy", backend, ax)
    if other:
        return arviz_plots.plot_energy(
            idata, show_bfmi=False, backend=other, figure_kwargs=SIZE, color=[BLUE, ORANGE]
        )
    ax = axes_for(ax)
    parts = xr.Dataset({"Energy": ("energy", [0.0, 0.0])}, coords={"energy": ["marginal", "transition"]})
    arviz_plots.plot_energy(
        idata,
        show_bfmi=False,
        plot_collection=panel(ax, parts, {"color": ["energy"], "linestyle": ["energy"]}),
        visuals={"title": False, "legend": False},
    )
    handles = [
        Patch(facecolor=(colour, 0.6), edgecolor=colour, ls=line_style, lw=1.5)
        for colour, line_style in ((BLUE, "-"), (ORANGE, "--"))
    ]
    ax.legend(handles, ["energy, centred", "change between draws"], loc="upper right")
    ax.set(xlabel="energy (nats)")
    return ax
