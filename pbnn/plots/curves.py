"""Curves and the band in which they should lie, by plotly or bokeh through `arviz_plots`."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection, visuals

from pbnn.plots.backends import SIZE
from pbnn.plots.style import BLUE, CLASS_COLOURS, INK, PALE


def curves_with_band(
    backend: str,
    curves: Mapping[str, np.ndarray],
    x: np.ndarray,
    band: tuple[np.ndarray, np.ndarray],
    expected: tuple[float, float],
    words: tuple[str, str],
) -> PlotCollection:
    """Return a collection with one panel.

    Parameters
    ----------
    curves
        By name `(point,)`; several have colours and dashes of their own, and a legend.
    x
        `(point,)`, where.
    band
        Its lower and upper end `(point,)`.
    expected
        Where the dashed line is at the first and the last `x`.
    words
        What stands along the horizontal and the vertical axis.
    """
    ways = np.stack([[x, y] for y in curves.values()])
    data = xr.Dataset(
        {"value": (("curve", "plot_axis", "point"), ways)},
        coords={"curve": list(curves), "plot_axis": ["x", "y"]},
    )
    several = len(curves) > 1
    data = data if several else data.isel(curve=0)
    aes = {"color": ["curve"], "linestyle": ["curve"]}
    by = {"aes": aes, "color": list(CLASS_COLOURS)} if several else {}
    collection = PlotCollection.wrap(data, backend=backend, figure_kwargs=SIZE, **by)
    one = {"data": xr.Dataset({"value": 0.0}), "ignore_aes": "all"}
    lower, upper = band
    collection.map(
        visuals.fill_between_y, "band", x=x, y_bottom=lower, y_top=upper, color=PALE, alpha=0.4, **one
    )
    ends = {"x": np.array([x[0], x[-1]]), "y": np.array(expected)}
    collection.map(visuals.line_xy, "expected", color=INK, linestyle="C1", width=1, **ends, **one)
    collection.map(visuals.line_xy, "curve", data=data, **({} if several else {"color": BLUE}))
    collection.map(visuals.labelled_x, "xlabel", text=words[0], **one)
    collection.map(visuals.labelled_y, "ylabel", text=words[1], **one)
    if several:
        collection.add_legend("curve")
    return collection
