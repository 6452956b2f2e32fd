"""Whether predictions are as honest in every part of the data."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.rows import name_rows, say_which, worst
from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for, legend_below, one_output, percent


def plot_by_group(
    table: xr.Dataset, *, most: int = 20, output: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the coverage of intervals, or the accuracy of classes, group by group.

    Parameters
    ----------
    table
        From `assess.by_group`.
    most
        At most so many groups: those furthest from what was promised, on the scale of what chance allows.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        Points with bars of one standard error; squares lie outside of what chance allows for all groups together,
        which pale bars show. What was promised is the dashed line, or of classes a tick, the mean confidence. Behind
        each name stands the number of rows; a group with one row has no bar, since nothing can be said of it.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.assess import by_group
    >>> from pbnn.plots import plot_by_group
    >>> rows = xr.Dataset(
    ...     {name: ("obs", np.linspace(0.01, 0.99, 40)) for name in ("pit", "lpd", "standardized")},
    ...     attrs={"kind": "continuous"},
    ... )
    >>> ax = plot_by_group(by_group(rows, np.tile(["a", "b"], 20)), ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a (20)', 'b (20)']
    """
    expect(table, "plot_by_group", "pbnn.assess.by_group", "group", "count", "lower", "upper")
    ax = axes_for(ax)
    table = one_output(table, output)
    of = "coverage" if "coverage" in table else "accuracy"
    # `gap` is mean confidence minus accuracy.
    promised = (
        table["accuracy"] + table["gap"] if of == "accuracy" else table["count"] * 0 + table.attrs["level"]
    )
    off = np.abs(table[of] - promised) / (table["upper"] - table["lower"])
    shown = worst(off.where(table["count"] > 1), most)
    say_which(ax, len(shown), table.sizes["group"], "groups")
    part, promised = table.isel(group=shown), promised.isel(group=shown)
    names = zip(part["group"].values, part["count"].values, strict=True)
    heights = name_rows(ax, [f"{name} ({int(n)})" for name, n in names])
    value, se = part[of].to_numpy(), part[f"{of}_se"].to_numpy()
    lower, upper = part["lower"].to_numpy(), part["upper"].to_numpy()
    several = part["count"].to_numpy() > 1
    ax.hlines(
        heights[several],
        lower[several],
        upper[several],
        color=PALE,
        lw=6,
        alpha=0.7,
        label=f"{percent(0.95)} if right, all groups",
    )
    outside = ((value < lower) | (value > upper)) & several
    for mask, colour, marker, label in (
        (~outside, BLUE, "o", f"{of} ± standard error"),
        (outside, ORANGE, "s", "outside of the band"),
    ):
        if mask.any():
            look = {"color": colour, "fmt": marker, "ms": 6, "lw": 1.4}
            ax.errorbar(value[mask], heights[mask], xerr=se[mask], label=label, **look)
    if of == "coverage":
        ax.axvline(
            table.attrs["level"], color=INK, lw=1, ls="--", label=f"promised, {percent(table.attrs['level'])}"
        )
    else:
        ax.plot(promised, heights, "|", color=INK, ms=14, mew=1.6, label="mean confidence")
    ax.set_xlabel("share of observations inside the intervals" if of == "coverage" else "accuracy")
    legend_below(ax)
    return ax
