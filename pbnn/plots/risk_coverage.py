"""What is gained by predicting only where the model is sure."""

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, ORANGE, axes_for, legend_below, one_output


def plot_risk_coverage(table: xr.Dataset, *, output: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the risk of the rows kept against their share, the most certain kept first.

    Parameters
    ----------
    table
        From `assess.risk_coverage`.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        The curve should lie below the dotted line, an order that has nothing to do with the loss, and cannot lie below
        the dashed one, the order of the loss itself. The area under each stands in the legend.

    References
    ----------
    Geifman & El-Yaniv (2017), Selective classification for deep neural networks, arXiv:1705.08500.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from matplotlib.figure import Figure
    >>> from pbnn.assess import risk_coverage
    >>> from pbnn.plots import plot_risk_coverage
    >>> doubt = ("obs", np.linspace(0, 1, 50))
    >>> table = risk_coverage(xr.Dataset({"sd": doubt, "residual": doubt}))
    >>> plot_risk_coverage(table, ax=Figure().subplots()).get_ylabel()
    'mean squared residual'
    """
    expect(table, "plot_risk_coverage", "pbnn.assess.risk_coverage", "risk", "oracle", "aurc")
    ax = axes_for(ax)
    table = one_output(table, output)
    area, se, least, random = (
        float(table[name]) for name in ("aurc", "aurc_se", "aurc_oracle", "aurc_random")
    )
    share = table["coverage"]
    error = "" if se != se else f" ± {se:.2g}"  # of one row there is none
    ax.plot(share, table["risk"], color=BLUE, lw=1.8, label=f"by certainty: {area:.3g}{error}")
    ax.plot(share, table["oracle"], color=ORANGE, lw=1.4, ls="--", label=f"by the loss itself: {least:.3g}")
    ax.axhline(random, color=GREY, lw=1.4, ls=":", label=f"at random: {random:.3g}")
    classes = table["risk"].attrs.get("units") == "1"
    ax.set(
        xlabel="share of rows kept, most certain first",
        ylabel="share of wrong classes" if classes else "mean squared residual",
        xlim=(0, 1),
    )
    ax.set_ylim(bottom=0)
    legend_below(ax)
    return ax
