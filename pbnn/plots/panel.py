"""ArviZ's figures on our axes: `arviz_plots` would make its own through pyplot, and so touch the user's backend."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.style import CLASS_COLOURS


def panel(ax: Axes, data: xr.Dataset, aes: Mapping[str, list[str]] | None = None) -> PlotCollection:
    """Return a collection whose only panel is `ax`, for the `plot_collection` argument of an ArviZ figure.

    Parameters
    ----------
    data
        What is drawn: names of variables, and the dims that `aes` maps.
    aes
        Aesthetics and the dims they follow, such as `{"color": ["chain"]}`.
    """
    aes = dict(aes or {})
    places = {
        "/": xr.Dataset({"figure": np.array(ax.figure, dtype=object)}),
        "/plot": xr.Dataset({name: np.array(ax, dtype=object) for name in data}),
        "/row_index": xr.Dataset(dict.fromkeys(data, 0)),
        "/col_index": xr.Dataset(dict.fromkeys(data, 0)),
    }
    values = {"color": list(CLASS_COLOURS)} if "color" in aes else {}
    return PlotCollection(data, xr.DataTree.from_dict(places), aes=aes, backend="matplotlib", **values)
