"""How well uncertainty tells unfamiliar inputs from familiar ones."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.errors import MethodError, unknown
from pbnn.plots.expect import expect
from pbnn.plots.style import (
    BLUE,
    CLASS_COLOURS,
    CLASS_LINES,
    GREY,
    ORANGE,
    PALE,
    axes_for,
    legend_below,
)

BINS = 30
SPAN = 100
"""Ratio of the largest score to a small one from which the axis is logarithmic."""


def plot_ood(table: xr.Dataset, *, measure: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how well measures of uncertainty separate unfamiliar inputs from familiar ones.

    Parameters
    ----------
    table
        From `assess.ood` or `assess.separation`.
    measure
        None draws the ROC curve of each measure, at most of the best 8; the name of one draws its values in both sets.

    Returns
    -------
    matplotlib.axes.Axes
        ROC: the nearer to the upper left corner, the better; on the dotted diagonal a measure tells nothing. The area
        under each stands in the legend, with its standard error. Values: the less the two histograms overlap, the
        better.

    Raises
    ------
    MethodError
        If there is no such measure.

    References
    ----------
    Hendrycks & Gimpel (2017), arXiv:1610.02136.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from pbnn.assess import separation
    >>> from pbnn.plots import plot_ood
    >>> table = separation({"distance": np.array([0.0, 1, 2, 1, 3, 4])}, np.arange(6) >= 3)
    >>> plot_ood(table, ax=Figure().subplots()).get_xlabel()
    'familiar inputs flagged (share)'
    """
    expect(table, "plot_ood", "pbnn.assess.ood", "measure", "auroc", "roc")
    names = [str(name) for name in table["measure"].values]
    if measure is not None and measure not in names:
        raise MethodError(unknown("plot_ood", "measure", measure, names))
    ax = axes_for(ax)
    if measure is None:
        _curves(ax, table)
    else:
        _values(ax, table.sel(measure=measure))
    legend_below(ax)
    return ax


def _curves(ax: Axes, table: xr.Dataset) -> None:
    best = np.argsort(-table["auroc"].to_numpy(), kind="stable")[: len(CLASS_LINES)]
    if len(best) < table.sizes["measure"]:
        ax.set_title(f"the {len(best)} best of {table.sizes['measure']} measures")
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    for i, place in enumerate(best):
        one = table.isel(measure=place)
        se = float(one["auroc_se"])
        error = f" ± {se:.2g}" if np.isfinite(se) else ""
        label = f"{_words(one)}, {float(one['auroc']):.3f}{error}"
        ax.plot(table["flagged"], one["roc"], color=CLASS_COLOURS[i], ls=CLASS_LINES[i], lw=1.6, label=label)
    ax.set(
        xlabel="familiar inputs flagged (share)",
        ylabel="unfamiliar inputs flagged",
        xlim=(0, 1),
        ylim=(0, 1),
    )


def _values(ax: Axes, one: xr.Dataset) -> None:
    inside, outside = (one[name].to_numpy() for name in ("in_score", "out_score"))
    both = np.concatenate([inside, outside])
    low, high = np.quantile(both, 0.005), both.max()
    if low > 0 and high > SPAN * low:
        ax.set_xscale("log")
        edges = np.geomspace(low, high, BINS + 1)
    else:
        edges = np.linspace(both.min(), high, BINS + 1) if high > both.min() else BINS
    for values, label, look in (
        (inside, "familiar", {"color": PALE, "edgecolor": BLUE, "histtype": "stepfilled"}),
        (outside, "unfamiliar", {"color": ORANGE, "histtype": "step", "lw": 1.8}),
    ):
        held = (
            np.clip(values, edges[0], None) if np.ndim(edges) else values
        )  # the few below are in the first bar
        ax.hist(
            held,
            edges,
            weights=np.full(len(values), 1 / len(values)),
            label=f"{label} ({len(values)})",
            **look,
        )
    ax.set(xlabel=str(one["meaning"].item()), ylabel="share of inputs")


def _words(one: xr.Dataset) -> str:
    return str(one["measure"].item()).replace("_", " ")
