"""Whether the probability of each class is what it says."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.rows import name_rows, say_which, worst
from pbnn.plots.style import BLUE, INK, axes_for, legend_below


def plot_class_calibration(table: xr.Dataset, *, most: int = 20, ax: Axes | None = None) -> Axes:
    """Draw the calibration error of each class, beside what chance alone gives.

    Parameters
    ----------
    table
        From `assess.class_calibration`.
    most
        At most so many classes: those with the largest debiased errors.

    Returns
    -------
    matplotlib.axes.Axes
        Points are errors (ECE) with bars of one standard error. A point that is not clearly right of its tick is no
        sign of miscalibration. Behind each name stands the number of rows of the class.

    References
    ----------
    Kull et al. (2019), Beyond temperature scaling, arXiv:1910.12656.

    Examples
    --------
    >>> import xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.plots import plot_class_calibration
    >>> errors = {name: ("class", [0.1, 0.02]) for name in ("ece", "ece_se", "ece_debiased", "ece_if_calibrated")}
    >>> table = xr.Dataset({**errors, "count": ("class", [30, 70])}, coords={"class": ["cat", "dog"]})
    >>> plot_class_calibration(table, most=1, ax=Figure().subplots()).get_title()
    'the 1 worst of 2 classes'
    """
    expect(table, "plot_class_calibration", "pbnn.assess.class_calibration", "class", "ece_debiased")
    ax = axes_for(ax)
    shown = worst(table["ece_debiased"], most)
    say_which(ax, len(shown), table.sizes["class"], "classes")
    part = table.isel({"class": shown})
    names = zip(part["class"].values, part["count"].values, strict=True)
    heights = name_rows(ax, [f"{name} ({int(n)})" for name, n in names])
    ax.errorbar(
        part["ece"],
        heights,
        xerr=part["ece_se"],
        fmt="o",
        color=BLUE,
        ms=6,
        lw=1.4,
        label="ECE ± standard error",
    )
    ax.plot(part["ece_if_calibrated"], heights, "|", color=INK, ms=14, mew=1.6, label="by chance alone")
    ax.set_xlabel("calibration error of the probability")
    ax.set_xlim(left=0)
    legend_below(ax)
    return ax
