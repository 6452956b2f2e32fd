"""How far each row is from being predictable by the others without fitting again."""

from types import SimpleNamespace

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection, visuals
from matplotlib.axes import Axes

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import expect
from pbnn.plots.panel import panel
from pbnn.plots.style import BLUE, INK, axes_for


def plot_pareto_k(
    table: xr.Dataset, *, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw the Pareto k of each row (`arviz_plots.plot_khat`).

    Parameters
    ----------
    table
        From `pbnn.loo`.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        Rows above the dashed line are so influential that their leave-one-out prediction is not to be trusted. Rows
        whose k is infinite are left out, and the label says so. Of other backends than matplotlib ArviZ's collection.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, JMLR 25(72).

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_pareto_k
    >>> table = xr.Dataset({"pareto_k": ("obs", [0.1, 0.9, float("inf")])}, attrs={"k_threshold": 0.7})
    >>> plot_pareto_k(table, ax=Figure().subplots()).get_xlabel()
    'row (1 with an infinite k left out)'
    """
    expect(table, "plot_pareto_k", "pbnn.loo", "pareto_k", attrs=("k_threshold",))
    other = other_backend("plot_pareto_k", backend, ax)
    k = table["pareto_k"]
    finite = k.where(abs(k) < float("inf"), drop=True)
    limit = table.attrs["k_threshold"]
    lost = k.size - finite.size
    elpd = SimpleNamespace(pareto_k=finite, good_k=limit)
    look = {
        "khat": {"color": BLUE},
        "xlabel": {"text": f"row ({lost} with an infinite k left out)" if lost else "row"},
        "ylabel": {"text": f"Pareto k, to be trusted below {limit:.2g}"},
    }
    if other:
        place = {"backend": other, "figure_kwargs": SIZE}
    else:
        ax = axes_for(ax)
        place = {"plot_collection": panel(ax, finite.to_dataset(name="pareto_k"))}
    collection = arviz_plots.plot_khat(elpd, visuals=look, **place)
    # ArviZ draws its lines before the points, where plotly drops them.
    line = {"data": xr.Dataset({"pareto_k": limit}), "ignore_aes": "all", "color": INK, "linestyle": "C1"}
    collection.map(visuals.hline, "limit", **line)
    return collection if other else ax
