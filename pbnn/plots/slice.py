"""How the score of a search hangs on one parameter."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, ScalarFormatter

from pbnn.errors import ShapeError, unknown
from pbnn.plots.expect import expect
from pbnn.plots.scores_axis import leave_room, mark_beyond
from pbnn.plots.style import BLUE, INK, PALE, axes_for, legend_below, percent


def plot_slice(table: xr.Dataset, parameter: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the posterior of the score along one parameter, the others being as in the best trial, and all trials.

    Parameters
    ----------
    table
        From `pbnn.search.slices`.
    parameter
        Which one; the first if None.

    Returns
    -------
    matplotlib.axes.Axes
        The line is the posterior mean of the true score, the band a central interval; of categories, points with bars.
        Dots are scores of trials: their other parameters differ, so they need not lie in the band.

    Raises
    ------
    ShapeError
        If there is no such parameter.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_slice
    >>> along = {"value": [[0.0, 1.0]], "mean": [[1.0, 2.0]], "lower": [[0.9, 1.9]], "upper": [[1.1, 2.1]],
    ...          "label": [["0", "1"]]}
    >>> table = xr.Dataset({name: (("parameter", "place"), v) for name, v in along.items()}
    ...     | {"trial_value": (("trial", "parameter"), [[0.5]]), "score": ("trial", [1.4]),
    ...        "noise_sd": ("trial", [0.1]), "log": ("parameter", [False]), "categorical": ("parameter", [False])},
    ...     {"parameter": ["x"]}, {"direction": "maximize", "prob": 0.9})
    >>> plot_slice(table, "x", ax=Figure().subplots()).get_xlabel()
    'x'
    """
    expect(
        table,
        "plot_slice",
        "pbnn.search.slices",
        "parameter",
        "trial_value",
        "score",
        "noise_sd",
        "label",
        "categorical",
        attrs=("direction", "prob"),
    )
    names = table["parameter"].to_numpy().tolist()
    if parameter is None:
        parameter = names[0]
    if parameter not in names:
        raise ShapeError(unknown("plot_slice", "parameter", parameter, names))
    ax = axes_for(ax)
    one = table.sel(parameter=parameter)
    there = np.isfinite(one["mean"].to_numpy())
    value, mean, low, high = (one[name].to_numpy()[there] for name in ("value", "mean", "lower", "upper"))
    has = np.isfinite(one["trial_value"].to_numpy())
    tried, score = one["trial_value"].to_numpy()[has], one["score"].to_numpy()[has]
    if has.any():
        beyond = leave_room(ax, score, 0 * score, table.attrs["direction"], low, high)
        look = {"color": INK, "ms": 4, "alpha": 0.6, "label": "scores of trials"}
        ax.plot(tried[~beyond], score[~beyond], "o", **look)
        mark_beyond(ax, tried[beyond], table.attrs["direction"])
    if bool(one["categorical"]):
        ax.errorbar(
            value,
            mean,
            yerr=np.abs([mean - low, high - mean]),
            fmt="D",
            color=BLUE,
            ms=7,
            lw=1.6,
            label=f"belief, {percent(table.attrs['prob'])}",
        )
        ax.set_xticks(value, one["label"].to_numpy()[there].tolist())
        ax.set_xlim(-0.6, max(value.max(), 0) + 0.6)
    else:
        ax.fill_between(value, low, high, color=PALE, alpha=0.7, lw=0, label=percent(table.attrs["prob"]))
        ax.plot(value, mean, color=BLUE, lw=2, label="belief, others at the best")
        if bool(one["log"]):
            ax.set_xscale("log")
            if value.min() >= 1e-3 and value.max() < 1e4:
                ax.xaxis.set_major_formatter(ScalarFormatter())
                ax.xaxis.set_minor_formatter(NullFormatter())
        elif np.all(value == value.round()):
            ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel=parameter, ylabel="score")
    legend_below(ax)
    return ax
