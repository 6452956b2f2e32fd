"""Whether the chains of a general model agree, parameter by parameter, as PyMC's users expect to be told."""

from math import isnan

import pymc as pm
import xarray as xr
from arviz_stats.base import array_stats

from pbnn.errors import warn

R_HAT = 1.05
FEWEST_DRAWS = 4


def warn_of_disagreement(tree: xr.DataTree, model: pm.Model) -> None:
    """Warn if the split R-hat of a free variable is above 1.05, and name the worst (10.1214/20-BA1221).

    Not of the weights of a network: hidden units permute, and those of a `BNN` are judged by what they predict, by
    `pbnn.diagnose`.
    """
    posterior = tree["posterior"].to_dataset()
    few = posterior.sizes["chain"] < 2 or posterior.sizes["draw"] < FEWEST_DRAWS
    if tree.attrs["sampling"] != "mcmc" or few:
        return
    r_hat = {}
    for rv in model.free_RVs:
        if any(dim.endswith("_unit") for dim in model.named_vars_to_dims.get(rv.name) or ()):
            continue
        draws = posterior[rv.name].to_numpy().astype(float)
        series = draws.reshape(*draws.shape[:2], -1)
        values = [float(array_stats.rhat(series[..., i])) for i in range(series.shape[2])]
        r_hat[rv.name] = max((value for value in values if not isnan(value)), default=0.0)
    worst = max(r_hat, key=lambda name: r_hat[name], default=None)
    if worst is None or r_hat[worst] <= R_HAT:
        return
    flat = [rv.name for rv in model.free_RVs if getattr(rv.owner.op, "name", "") in ("flat", "halfflat")]
    improper = f" The prior of {', '.join(flat)} is flat: is the posterior proper?" if flat else ""
    warn(
        f"fit: the chains do not agree on {worst!r} (R-hat {r_hat[worst]:.2f}; it should be at most {R_HAT}), so these "
        f"are not yet draws from the posterior. Tune and draw longer.{improper}"
    )
