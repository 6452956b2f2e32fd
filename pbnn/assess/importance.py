"""How close an approximation is to the posterior, by importance weights, or to another Gaussian."""

import json

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from pbnn.graph.build import BNN
from pbnn.infer.precisions import Gaussian
from pbnn.target import Target
from pbnn.target.curvature import Subset, weight_scales

MIN_WEIGHTS = 25
"""Fewer draws have too short a tail to fit."""
EQUAL_WEIGHTS = 0.01
"""Log importance weights that differ less are rounding, and have no tail to fit."""
LARGEST = 5000
"""Variables whose covariance is written out for a divergence."""


def k_hat(stats: xr.Dataset) -> float | None:
    """Return the Pareto shape of the importance weights from an approximation to the posterior.

    Vehtari et al. 2024 (JMLR 25(72)); None where the fit is none, or has too few draws.
    """
    if "log_q" not in stats or stats["log_q"].size < MIN_WEIGHTS:
        return None
    log_weights = (stats["lp"] - stats["log_q"]).to_numpy().astype(float).ravel()
    if not np.isfinite(log_weights).all():
        return float("inf")
    if np.ptp(log_weights) < EQUAL_WEIGHTS:
        return 0.0
    found = float(array_stats.psislw(-log_weights)[1])
    # Not a number where all but a few weights vanish.
    return found if np.isfinite(found) else float("inf")


def gaussian_kl(bnn: BNN, q: xr.DataTree, p: xr.DataTree) -> float:
    """Return the Kullback–Leibler divergence KL(q || p) of two fits that are Gaussian in the same weights, in nats.

    Of weights alone on their own scale, since the unconstrained ones are in units of prior scales, which are held and
    may differ. NaN where one is no Gaussian, or they are of other variables.
    """
    if any("gaussian" not in idata.children for idata in (q, p)):
        return float("nan")
    stored = [idata["gaussian"].to_dataset() for idata in (q, p)]
    names = [json.loads(s.attrs["names"]) for s in stored]
    if names[0] != names[1] or stored[0].attrs["dim"] > LARGEST:
        return float("nan")
    target = Target.of(bnn)
    (mean_q, scale_q), (mean_p, scale_p) = (_weights(target, s, names[0]) for s in stored)
    gaussian_q, gaussian_p = (Gaussian.of(s) for s in stored)
    # The columns of a root of q's covariance, on the scale of the weights, then in the units of p.
    root = gaussian_q.whiten(np.diag(scale_q)).T / scale_p
    trace = float(gaussian_p.squares(root).sum())
    shift = float(gaussian_p.squares(((mean_q - mean_p) / scale_p)[None])[0])
    logdet_q, logdet_p = (
        g.logdet - 2 * np.log(np.abs(s)).sum() for g, s in ((gaussian_q, scale_q), (gaussian_p, scale_p))
    )
    return 0.5 * (trace - gaussian_q.dim + shift + logdet_q - logdet_p)


def _weights(target: Target, stored: xr.Dataset, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean on the weights' own scale, and by how much they move with the unconstrained ones.

    Where scales of priors are variables too, the two fits share the unconstrained scale.
    """
    z = stored["mode"].to_numpy().astype(float)
    if not set(names) <= set(target.weights):
        mean = z[Subset.of(target, names).positions]
        return mean, np.ones_like(mean)
    with target.scope():
        values, scales = target.constrain(z), weight_scales(target, z, names)
        return tuple(
            np.concatenate([np.ravel(np.asarray(of[name])) for name in names]) for of in (values, scales)
        )
