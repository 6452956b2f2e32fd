"""Functions drawn from a target, and from a network's prior before and after it was calibrated."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.expect import expect
from pbnn.plots.style import BLUE, GREY, ORANGE, axes_for

LOOKS = {
    "target": (ORANGE, "--", "target"),
    "before": (GREY, ":", "prior before"),
    "after": (BLUE, "-", "prior, calibrated"),
}


def plot_calibration(
    functions: xr.Dataset | Any,
    *,
    sources: tuple[str, ...] = ("target", "after"),
    n_draws: int = 12,
    ax: Axes | None = None,
) -> Axes:
    """Draw functions of the target and of the calibrated prior along the input, or their spread if there are several.

    Parameters
    ----------
    functions
        What `priors.calibrate` returned, or the `functions` of it.
    sources
        Which to draw, of `"target"`, `"before"` and `"after"`. Functions of uncalibrated priors are often so large that
        nothing else is seen beside them.
    n_draws
        Number of functions of each.
    """
    functions = getattr(functions, "functions", functions)
    expect(functions, "plot_calibration", "pbnn.priors.calibrate", "X", "f", "source")
    ax = axes_for(ax)
    X = functions["X"]
    if X.sizes["feature"] == 1:
        x = X.isel(feature=0).to_numpy()
        order = np.argsort(x)
        for source in sources:
            colour, line_style, label = LOOKS[source]
            for i, line in enumerate(functions["f"].sel(source=source).to_numpy()[:n_draws]):
                ax.plot(
                    x[order],
                    line[order],
                    color=colour,
                    ls=line_style,
                    lw=1.0,
                    alpha=0.7,
                    label=None if i else label,
                )
        ax.set(xlabel=str(X["feature"].values[0]), ylabel="function")
        ax.margins(x=0.01)
    else:
        for source in sources:
            colour, line_style, label = LOOKS[source]
            values = np.sort(functions["f"].sel(source=source).to_numpy().ravel())
            ax.plot(values, np.linspace(0, 1, len(values)), color=colour, ls=line_style, lw=1.6, label=label)
        ax.set(xlabel="function at the rows of X", ylabel="share below")
    ax.legend(loc="best")
    return ax
