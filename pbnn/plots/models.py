"""Models of the same data beside each other."""

import arviz_plots
import numpy as np
import pandas as pd
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.errors import MethodError, unknown
from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import expect
from pbnn.plots.rows import name_rows
from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for, legend_below, percent

WEIGHTS = {"stacking": "stacking", "pseudo_bma": "pseudo-BMA+", "evidence": "evidence"}
SMALL = 4.0
"""Differences below it, in nats, have errors that are not to be trusted (Sivula et al. 2020)."""


def plot_models(
    table: xr.Dataset,
    *,
    weights: str = "stacking",
    most: int = 20,
    backend: str | None = None,
    ax: Axes | None = None,
) -> Axes | PlotCollection:
    """Draw how much worse each model predicts than the best, with errors, and its weight in an average.

    Parameters
    ----------
    table
        From `pbnn.compare_models`.
    weights
        Which weights stand beside the names: `"stacking"`, `"pseudo_bma"` or `"evidence"`.
    most
        At most so many models, the best.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        Points are differences of the expected log density (elpd) from the best model, with bars of one standard error
        of the difference. Within the shaded 4 nats models are too close to call. Squares are models with rows whose
        Pareto k is too large, so that their point is not to be trusted. Other backends than matplotlib draw points,
        bars and names only (`arviz_plots.plot_compare`), and return ArviZ's collection.

    Raises
    ------
    MethodError
        If there are no such weights.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), 10.1007/s11222-016-9696-4; Sivula, Magnusson, Matamoros & Vehtari (2020),
    arXiv:2008.10296.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_models
    >>> values = {"elpd_difference": [0, -9], "difference_se": [0, 3], "stacking": [0.9, 0.1], "n_bad": [0, 0]}
    >>> table = xr.Dataset({name: ("model", v) for name, v in values.items()}, coords={"model": ["net", "line"]})
    >>> plot_models(table, ax=Figure().subplots()).get_xlabel()
    'elpd less that of the best model (nats)'
    """
    expect(table, "plot_models", "pbnn.compare_models", "model", "elpd_difference", "difference_se", "n_bad")
    if weights not in WEIGHTS or weights not in table:
        known = [name for name in WEIGHTS if name in table]
        raise MethodError(unknown("plot_models", "weights", weights, known))
    other = other_backend("plot_models", backend, ax)
    total = table.sizes["model"]
    table = table.isel(model=slice(0, most))
    shares = zip(table["model"].values, table[weights].values, strict=True)
    names = [f"{name} ({percent(round(float(share), 3))})" for name, share in shares]
    difference, se = table["elpd_difference"].to_numpy(), np.nan_to_num(table["difference_se"].to_numpy())
    if other:
        frame = pd.DataFrame({"elpd_diff": difference, "dse": se}, index=names)
        return arviz_plots.plot_compare(frame, backend=other, figure_kwargs=SIZE, visuals={"title": False})
    ax = axes_for(ax)
    if total > most:
        ax.set_title(f"the {most} best of {total} models")
    heights = name_rows(ax, names)
    bad = table["n_bad"].to_numpy() > 0
    ax.axvspan(-SMALL, 0, color=PALE, alpha=0.4, lw=0, label=f"within {SMALL:g} nats: too close to call")
    ax.axvline(0, color=INK, lw=1, ls="--")
    for mask, colour, marker, label in (
        (~bad, BLUE, "o", "difference ± standard error"),
        (bad, ORANGE, "s", "Pareto k too large"),
    ):
        if mask.any():
            look = {"color": colour, "fmt": marker, "ms": 6, "lw": 1.4}
            ax.errorbar(difference[mask], heights[mask], xerr=se[mask], label=label, **look)
    ax.set_xlabel("elpd less that of the best model (nats)")
    ax.set_ylabel(f"model (weight by {WEIGHTS[weights]})")
    legend_below(ax)
    return ax
