"""Which parameters of a search matter, with intervals."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.rows import name_rows
from pbnn.plots.style import BLUE, ORANGE, PALE, axes_for, legend_below, percent


def plot_importance(table: xr.Dataset, *, most: int = 12, ax: Axes | None = None) -> Axes:
    """Draw how much of the variance of the score each parameter is behind, the most important on top.

    Parameters
    ----------
    table
        From `pbnn.search.importance`.
    most
        At most so many parameters.

    Returns
    -------
    matplotlib.axes.Axes
        Points are shares with all interactions, lines their intervals; triangles are shares of the parameter alone.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_importance
    >>> ends = (("parameter", "bound"), [[0.5, 0.9], [0.1, 0.4]])
    >>> table = xr.Dataset({"total": ("parameter", [0.7, 0.2]), "total_interval": ends,
    ...                     "main": ("parameter", [0.6, 0.2]), "main_interval": ends},
    ...                    {"parameter": ["width", "depth"], "bound": ["lower", "upper"]}, {"prob": 0.9})
    >>> plot_importance(table, ax=Figure().subplots()).get_xlabel()
    'share of the variance of the score'
    """
    expect(
        table,
        "plot_importance",
        "pbnn.search.importance",
        "parameter",
        "total",
        "total_interval",
        "main",
        attrs=("prob",),
    )
    ax = axes_for(ax)
    total = table.sizes["parameter"]
    table = table.isel(parameter=slice(0, most))
    if total > most:
        ax.set_title(f"the {most} most important of {total} parameters")
    heights = name_rows(ax, table["parameter"].to_numpy().tolist())
    lower, upper = (table["total_interval"].sel(bound=bound) for bound in ("lower", "upper"))
    ax.hlines(heights, lower, upper, color=PALE, lw=5, label=f"{percent(table.attrs['prob'])} of functions")
    ax.plot(table["total"], heights, "o", color=BLUE, ms=7, label="with interactions")
    ax.plot(table["main"], heights, "^", color=ORANGE, ms=5, label="by itself")
    ax.set(xlabel="share of the variance of the score", xlim=(0, None))
    legend_below(ax, 3)
    return ax
