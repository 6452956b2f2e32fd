"""Confusion matrix of a classifier."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import INK, axes_for, percent


def plot_confusion(table: xr.Dataset, *, most: int = 20, ax: Axes | None = None) -> Axes:
    """Draw predicted against observed classes: counts, coloured by their share of the observed class.

    Parameters
    ----------
    table
        From `assess.confusion`.
    most
        At most so many classes: those that are most often taken for another, or another for them.
    """
    expect(table, "plot_confusion", "pbnn.assess.confusion", "observed_class", "share", "count")
    ax = axes_for(ax)
    table = _most_confused(table.transpose("observed_class", "predicted_class"), most, ax)
    share, count = np.nan_to_num(table["share"].to_numpy()), table["count"].to_numpy()
    labels = [str(label) for label in table["observed_class"].values]
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= 12:
        for i, j in np.ndindex(count.shape):
            text = f"{int(count[i, j])}\n{percent(round(share[i, j], 2))}"
            ax.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                color="white" if share[i, j] > 0.55 else INK,
                fontsize=10,
            )
    upright = sum(map(len, labels)) > 32
    size = 9 if len(labels) > 8 else None
    ax.set_xticks(range(len(labels)), labels, rotation=90 if upright else 0, fontsize=size)
    ax.set_yticks(range(len(labels)), labels, fontsize=size)
    ax.set(xlabel="predicted", ylabel="observed")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _most_confused(table: xr.Dataset, most: int, ax: Axes) -> xr.Dataset:
    """Return the part of the table of the classes with the most mistakes, in their order, and say so."""
    count = table["count"].to_numpy()
    if len(count) <= most:
        return table
    mistakes = count.sum(axis=0) + count.sum(axis=1) - 2 * np.diag(count)
    shown = np.sort(np.argsort(-mistakes, kind="stable")[:most])
    ax.set_title(f"the {most} most confused of {len(count)} classes")
    return table.isel(observed_class=shown, predicted_class=shown)
