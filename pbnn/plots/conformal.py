"""Conformal intervals and sets at new inputs."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.errors import ShapeError
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, ORANGE, PALE, axes_for, legend_below, one_output, percent


def plot_conformal(
    table: xr.Dataset,
    y: Any = None,
    *,
    x: Any = None,
    most: int = 80,
    output: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw conformal intervals with what was observed, or of classes how large the sets are.

    Parameters
    ----------
    table
        From `pbnn.conformal(...).predict(X)`.
    y
        What was observed at these rows `(obs,)`, drawn where given: dots inside of the intervals, crosses outside.
    x
        Where along the horizontal axis `(obs,)`, such as the only input; a Series gives its name to the axis.
        None ranks rows by the middle of their interval. Not for classes.
    most
        At most so many intervals, evenly spaced in that order.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        Intervals or sets should be as small as they can while the share that the level promises holds. Intervals
        without an end, of which too few calibration rows are the reason, are left out, and the title says so.

    Raises
    ------
    ShapeError
        If `y` or `x` does not have a value for each row.

    References
    ----------
    Vovk, Gammerman & Shafer (2005), Algorithmic learning in a random world, 10.1007/b106715.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_conformal
    >>> table = xr.Dataset(
    ...     {"lower": ("obs", [0.0, 1.0, -np.inf]), "upper": ("obs", [2.0, 3.0, np.inf])}, attrs={"level": 0.9}
    ... )
    >>> plot_conformal(table, [1.0, 9.0, 0.0], ax=Figure().subplots()).get_title()
    '1 of 3 intervals has no end'
    """
    made_by = "pbnn.conformal(...).predict(X)"
    expect(table, "plot_conformal", made_by, "obs", attrs=("level",))
    ax = axes_for(ax)
    if "contains" in table:
        _sizes(ax, table)
        return ax
    expect(table, "plot_conformal", made_by, "lower", "upper")
    table = one_output(table, output)
    n = table.sizes["obs"]
    xlabel = (
        "rows, by the middle of their interval" if x is None else str(getattr(x, "name", None) or "input")
    )
    x, y = _one_each(x, n, "x"), _one_each(y, n, "y")
    lower, upper = table["lower"].to_numpy(), table["upper"].to_numpy()
    finite = np.flatnonzero(np.isfinite(lower) & np.isfinite(upper))
    place = lower[finite] + upper[finite] if x is None else x[finite]
    order = finite[np.argsort(place, kind="stable")]
    shown = order[np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int)]
    at = np.arange(len(shown)) if x is None else x[shown]
    label = f"{percent(table.attrs['level'])} conformal interval"
    ax.vlines(at, lower[shown], upper[shown], color=PALE, lw=2, label=label)
    if y is not None:
        inside = (y[shown] >= lower[shown]) & (y[shown] <= upper[shown])
        ax.plot(at[inside], y[shown][inside], "o", color=BLUE, ms=4, label="observed, inside")
        ax.plot(at[~inside], y[shown][~inside], "x", color=ORANGE, ms=7, mew=1.8, label="observed, outside")
    ax.set_title(_left_out(n, len(finite), len(shown)))
    ax.set(xlabel=xlabel, ylabel=output or "response")
    legend_below(ax)
    return ax


def _sizes(ax: Axes, table: xr.Dataset) -> None:
    classes = table.sizes["class"]
    count = np.bincount(table["size"].to_numpy().astype(int), minlength=classes + 1)
    sizes = np.arange(len(count)) if classes <= 20 else np.arange(count.nonzero()[0].max() + 1)
    ax.bar(sizes, count[sizes] / count.sum(), color=BLUE, alpha=0.8, edgecolor="white")
    ax.axvline(1, color=INK, lw=1, ls="--", zorder=0)
    ax.locator_params(axis="x", integer=True)
    ax.set_title(f"{percent(table.attrs['level'])} conformal sets of {classes} classes")
    ax.set(xlabel="number of classes in the set", ylabel="share of rows")


def _left_out(n: int, finite: int, shown: int) -> str:
    said = []
    if finite < n:
        said.append(f"{n - finite} of {n} intervals {'has' if n - finite == 1 else 'have'} no end")
    if shown < finite:
        said.append(f"{shown} of {finite} intervals shown")
    return "; ".join(said)


def _one_each(values: Any, n: int, name: str) -> np.ndarray | None:
    if values is None:
        return None
    values = np.asarray(values, dtype=float)
    if values.shape == (n, 1):
        values = values[:, 0]
    if values.shape != (n,):
        raise ShapeError(
            f"plot_conformal: {name} must have a number for each of {n} rows; got shape {values.shape}."
        )
    return values
