"""How a search went, trial by trial."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.scores_axis import leave_room, mark_beyond
from pbnn.plots.style import BLUE, GREY, INK, ORANGE, PALE, axes_for, legend_below, percent


def plot_history(table: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the scores of a search's trials, and what was believed of the best one after each.

    Parameters
    ----------
    table
        From `pbnn.search.history`.

    Returns
    -------
    matplotlib.axes.Axes
        Points are observed scores, with bars of one standard deviation of their noise. The line is the posterior mean
        of the incumbent, the trial that would have been recommended then, its band a central interval; the dotted line
        is the best score so far, which luck lifts. The square is the trial recommended in the end. Crosses are trials
        without a score that counts; triangles have scores far worse than shown.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_history
    >>> columns = {"score": [1.0, 3.0], "noise_sd": [0.5, 0.5], "luckiest": [1.0, 3.0], "incumbent": [0, 1],
    ...            "mean": [1.0, 2.6], "lower": [0.4, 2.1], "upper": [1.6, 3.1], "hindsight": [1.2, 2.6]}
    >>> table = xr.Dataset({name: ("trial", v) for name, v in columns.items()}, {"trial": [0, 1]},
    ...                    {"direction": "maximize", "prob": 0.9, "not_counted": []})
    >>> plot_history(table, ax=Figure().subplots()).get_xlabel()
    'trial'
    """
    expect(
        table,
        "plot_history",
        "pbnn.search.history",
        "trial",
        "luckiest",
        "incumbent",
        "noise_sd",
        "hindsight",
        attrs=("direction", "not_counted", "prob"),
    )
    ax = axes_for(ax)
    trial = table["trial"].to_numpy()
    score, noise, mean = (table[name].to_numpy() for name in ("score", "noise_sd", "mean"))
    beyond = leave_room(ax, score, noise, table.attrs["direction"])
    band = (trial, table["lower"].to_numpy(), table["upper"].to_numpy())
    level = percent(table.attrs["prob"])
    ax.fill_between(*band, step="post", color=PALE, alpha=0.7, lw=0, label=f"{level} of it")
    ax.plot(trial, mean, color=BLUE, lw=2, drawstyle="steps-post", label="belief in the best")
    ax.plot(
        trial,
        table["luckiest"].to_numpy(),
        ":",
        color=GREY,
        lw=1.6,
        drawstyle="steps-post",
        label="best score so far",
    )
    ax.errorbar(
        trial[~beyond],
        score[~beyond],
        yerr=noise[~beyond],
        fmt="o",
        color=INK,
        ms=4,
        lw=0.8,
        alpha=0.7,
        label="score ± noise",
    )
    chosen = int(np.flatnonzero(trial == table["incumbent"].to_numpy()[-1])[0])
    ax.plot(
        trial[chosen],
        mean[-1],
        "s",
        color=ORANGE,
        ms=9,
        mec="white",
        zorder=5,
        label=f"recommended: trial {trial[chosen]}",
    )
    mark_beyond(ax, trial[beyond], table.attrs["direction"])
    failed = np.asarray(table.attrs["not_counted"], float)
    if len(failed):
        edge = np.zeros(len(failed))
        ax.plot(
            failed,
            edge,
            "x",
            color=INK,
            ms=6,
            label="no score",
            transform=ax.get_xaxis_transform(),
            clip_on=False,
        )
    ax.set(xlabel="trial", ylabel="score")
    ax.xaxis.get_major_locator().set_params(integer=True)
    legend_below(ax)
    return ax
