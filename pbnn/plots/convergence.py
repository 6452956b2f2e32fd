"""Convergence in function space."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.errors import MethodError, unknown
from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, INK, ORANGE, axes_for

LIMIT = {"r_hat": 1.01, "ess_bulk": 400.0, "ess_tail": 400.0}
"""Vehtari et al. (2021), 10.1214/20-BA1221: R-hat at most 1.01; 100 effective draws for each of four chains."""

NAMES = {"r_hat": "R-hat", "ess_bulk": "effective draws (bulk)", "ess_tail": "effective draws (tail)"}


def plot_convergence(diagnosis: xr.Dataset, *, of: str = "r_hat", ax: Axes | None = None) -> Axes:
    """Draw a histogram, over inputs, of a diagnostic of the predicted mean or probabilities.

    Parameters
    ----------
    diagnosis
        From `diagnose`.
    of
        `"r_hat"`, `"ess_bulk"` or `"ess_tail"`.

    Returns
    -------
    matplotlib.axes.Axes
        The dashed line is the limit: R-hat should lie left of it, effective draws right of it.

    Raises
    ------
    MethodError
        If there is no such diagnostic.
    """
    if of not in LIMIT:
        raise MethodError(unknown("plot_convergence", "diagnostic", of, LIMIT))
    expect(diagnosis, "plot_convergence", "pbnn.diagnose", of)
    ax = axes_for(ax)
    values = diagnosis[of].to_numpy().ravel()
    values = values[np.isfinite(values)]
    limit = LIMIT[of]
    counts, _, _ = ax.hist(
        values, bins=min(30, max(5, len(values) // 4)), color=BLUE, alpha=0.8, edgecolor="white"
    )
    ax.axvline(limit, color=ORANGE, lw=1.6, ls="--", label=f"limit {limit:g}")
    ax.axvline(
        values.max() if of == "r_hat" else values.min(), color=INK, lw=1.2, ls=":", label="worst input"
    )
    ax.set(xlabel=f"{NAMES[of]} of the prediction", ylabel="number of inputs")
    ax.locator_params(axis="x", nbins=6)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.set_ylim(top=1.22 * counts.max())
    ax.legend(loc="upper center", ncols=2)
    return ax
