"""Where over two inputs a model is unsure, and of what kind its doubt is."""

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from pbnn.errors import MethodError, unknown
from pbnn.plots.expect import expect
from pbnn.plots.style import INK, axes_for, one_output

NAMES = {
    "total": "total",
    "epistemic": "epistemic (weights)",
    "aleatoric": "aleatoric (noise)",
    "within": "within modes",
    "between": "between modes",
}
# The darkest fifth of the palette would hide dark lines.
SHADES = LinearSegmentedColormap.from_list("pale blues", colormaps["Blues"](np.linspace(0.03, 0.72, 64)))
EVEN = 1e-6
"""A map that differs by less than this share of its values has no lines."""


def plot_decomposition_map(
    table: xr.Dataset,
    *,
    of: str = "epistemic",
    lines: str | None = "aleatoric",
    output: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one part of the uncertainty over two inputs as shades, and another as lines of equal height.

    Parameters
    ----------
    table
        From `assess.decomposition_map`.
    of
        What the shades are: `"epistemic"`, `"aleatoric"`, `"total"`, `"within"` or `"between"`.
    lines
        What the lines are; None draws none.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        The darker, the more uncertainty. Numbers along the lines are in the units of the shades; a part that is the
        same everywhere has no lines, and its value stands above.

    Raises
    ------
    MethodError
        If there is no such part.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_decomposition_map
    >>> x = np.linspace(-1, 1, 5)
    >>> parts = {"epistemic": (("a", "b"), np.add.outer(x, x) ** 2), "aleatoric": (("a", "b"), np.ones((5, 5)))}
    >>> table = xr.Dataset(parts, coords={"a": x, "b": x})
    >>> plot_decomposition_map(table, ax=Figure().subplots()).get_title()
    'aleatoric (noise): 1 everywhere'
    """
    expect(table, "plot_decomposition_map", "pbnn.assess.decomposition_map", "epistemic", "aleatoric")
    for part in (of, lines):
        if part is not None and (part not in NAMES or part not in table):
            known = [name for name in NAMES if name in table]
            raise MethodError(unknown("plot_decomposition_map", "part", part, known))
    ax = axes_for(ax)
    table = one_output(table, output)
    first, second = table[of].dims[:2]
    x, y = table[first].to_numpy(), table[second].to_numpy()
    units = {"nat": "nats", "1": ""}.get(table[of].attrs.get("units", ""), "sd")
    shades = ax.contourf(x, y, table[of].to_numpy().T, levels=14, cmap=SHADES)
    label = NAMES[of] + (f", {units}" if units else "")
    ax.figure.colorbar(shades, ax=ax, label=label, ticks=MaxNLocator(5))
    said = [f"lines: {NAMES[lines]}"] if lines else []
    if lines is not None:
        heights = table[lines].to_numpy().T
        if np.ptp(heights) > EVEN * np.abs(heights).max():
            drawn = ax.contour(x, y, heights, levels=6, colors=INK, linewidths=0.9, linestyles="--")
            ax.clabel(drawn, fontsize=9)
        else:
            said = [f"{NAMES[lines]}: {heights.mean():.3g} everywhere"]
    if table.attrs.get("at"):
        said.append(f"at {table.attrs['at']}")
    ax.set_title("\n".join(said))
    ax.set(xlabel=str(first), ylabel=str(second))
    return ax
