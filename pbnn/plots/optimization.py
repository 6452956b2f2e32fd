"""How an optimiser went: the ELBO of ADVI, the log density of MAP, the evidence of a Laplace approximation."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, axes_for

NAMES = {
    "elbo": "ELBO (nats)",
    "log_evidence_and_prior": "log evidence and prior (nats)",
    "log_density": "log density (nats)",
    "loss": "loss (nats)",
}


def plot_optimization(idata: xr.DataTree, *, ax: Axes | None = None) -> Axes:
    """Draw the objective against the step.

    Parameters
    ----------
    idata
        A fit with a group `optimization`.

    Returns
    -------
    matplotlib.axes.Axes
        It should have levelled off. The vertical axis leaves out the steep start.
    """
    expect(idata, "plot_optimization", "pbnn.fit with an optimiser (MAP, ADVI, Laplace)", "optimization/")
    ax = axes_for(ax)
    group = idata["optimization"].to_dataset()
    name = next(name for name in NAMES if name in group)
    values = group[name]
    for line in values.transpose(..., "step").to_numpy().reshape(-1, values.sizes["step"]):
        ax.plot(np.arange(len(line)), line, color=BLUE, lw=0.8, alpha=0.8)
    rest = values.to_numpy()[..., values.sizes["step"] // 20 :]
    finite = rest[np.isfinite(rest)]
    if len(finite) and np.ptp(finite) > 0:
        margin = 0.05 * np.ptp(finite)
        ax.set_ylim(finite.min() - margin, finite.max() + margin)
    ax.set(xlabel="step", ylabel=NAMES[name])
    return ax
