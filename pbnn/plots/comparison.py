"""How far fits are from a reference, input by input."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.errors import MethodError, unknown
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, ORANGE, axes_for, one_output, point_alpha

LABELS = {
    "total_variation": "total variation of the predictions",
    "agreement": "agreement",
    "wasserstein": "Wasserstein-2 distance of the predictions",
    "mean_difference": "difference of the means",
    "sd_ratio": "ratio of the predictive sd",
    "epistemic_ratio": "ratio of the epistemic sd",
}
RATIOS = ("sd_ratio", "epistemic_ratio")


def plot_comparison(
    table: xr.Dataset, *, of: str = "epistemic_ratio", output: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a measure of each fit at every input, and its median.

    Parameters
    ----------
    table
        From `compare`.
    of
        `"total_variation"`, `"agreement"`, `"wasserstein"`, `"mean_difference"`, `"sd_ratio"` or `"epistemic_ratio"`.
    output
        Which output, if there are several.

    Returns
    -------
    matplotlib.axes.Axes
        The dashed line is where the reference stands.
    """
    expect(table, "plot_comparison", "pbnn.compare", "fit", attrs=("reference",))
    known = [name for name in LABELS if name in table]
    if of not in known:
        raise MethodError(unknown("plot_comparison", "measure", of, known))
    ax = axes_for(ax)
    reference = table.attrs["reference"]
    values = one_output(table[[of]], output)[of]
    names = [str(n) for n in values["fit"].to_numpy() if n != reference]
    scatter = np.random.default_rng(0).uniform(-0.25, 0.25, values.sizes["obs"])
    for row, name in enumerate(names):
        x = values.sel(fit=name).to_numpy()
        shown = np.isfinite(x) & ((x > 0) | (of not in RATIOS))
        ax.scatter(x[shown], row + scatter[shown], s=9, lw=0, color=BLUE, alpha=point_alpha(len(x)))
        ax.plot(
            np.median(x[np.isfinite(x)]) if np.isfinite(x).any() else np.nan, row, "o", color=ORANGE, ms=7
        )
    if of in RATIOS:
        ax.set_xscale("log")
    ax.axvline(1.0 if of in (*RATIOS, "agreement") else 0.0, color=INK, lw=1, ls="--")
    ax.set(xlabel=f"{LABELS[of]}, against {reference}", yticks=range(len(names)), yticklabels=names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    return ax
