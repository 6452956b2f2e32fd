"""All trials of a search, a line for each across its parameters."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, INK, ORANGE, PALE, axes_for

UNUSED = -0.16
"""Height of trials in which a parameter is not active."""


def plot_parallel(table: xr.Dataset, *, top: int = 5, ax: Axes | None = None) -> Axes:
    """Draw each trial as a line across all parameters, the best ones in front.

    Parameters
    ----------
    table
        From `pbnn.search.parallel`.
    top
        How many of the best posterior means stand out.

    Returns
    -------
    matplotlib.axes.Axes
        Each parameter has an axis of its own, from its low to its high end on its own scale. Where a parameter is not
        active, the line passes below its axis.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_parallel
    >>> table = xr.Dataset({"place": (("trial", "parameter"), [[0.2, 1.0], [0.7, 0.0]]),
    ...     "tick_place": (("parameter", "tick"), [[0, 1], [0, 1]]),
    ...     "label": (("parameter", "tick"), [["8", "64"], ["relu", "tanh"]]), "mean": ("trial", [2.0, 1.0])},
    ...     {"trial": [1, 0], "parameter": ["width", "activation"]})
    >>> len(plot_parallel(table, ax=Figure().subplots()).lines) >= 2
    True
    """
    expect(
        table, "plot_parallel", "pbnn.search.parallel", "trial", "parameter", "place", "tick_place", "label"
    )
    ax = axes_for(ax)
    place = table["place"].to_numpy()
    unused = np.isnan(place)
    at = np.arange(table.sizes["parameter"])
    # Lines that take one way would hide each other.
    shift = np.linspace(-0.015, 0.015, len(place))[:, None] if len(place) > 1 else np.zeros((1, 1))
    height = np.where(unused, UNUSED, place) + shift
    ax.vlines(at, 0, 1, color=GREY, lw=1)
    looks = [
        ({"color": PALE, "lw": 1.0, "label": "other trials"}, range(len(place) - 1, top - 1, -1)),
        ({"color": BLUE, "lw": 1.8, "label": "next best"}, range(min(top, len(place)) - 1, 0, -1)),
        (
            {
                "color": ORANGE,
                "lw": 3.2,
                "marker": "s",
                "ms": 6,
                "label": f"best: trial {int(table['trial'][0])}",
            },
            range(1),
        ),
    ]
    for look, rows in looks:
        for i in rows:
            ax.plot(at, height[i], **look)
            look = look | {"label": None}
    for j in at:
        ticks = table["tick_place"].to_numpy()[j]
        for where, label in zip(ticks, table["label"].to_numpy()[j], strict=True):
            if np.isfinite(where):
                box = {"facecolor": "white", "alpha": 0.75, "lw": 0, "pad": 1}
                ax.text(j + 0.04, where, label, va="center", fontsize=9, color=INK, bbox=box, zorder=6)
    names = table["parameter"].to_numpy().tolist()
    ax.set_xticks(
        at, names, rotation=0 if len(names) <= 3 else 25, ha="center" if len(names) <= 3 else "right"
    )
    ax.set_yticks([UNUSED] if unused.any() else [], ["not used"] if unused.any() else [])
    ax.set_ylim(UNUSED - 0.06 if unused.any() else -0.06, 1.06)
    ax.set_xlim(-0.2, at[-1] + 0.45)
    ax.spines["left"].set_visible(False)
    # Above, for names below may stand aslant.
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return ax
