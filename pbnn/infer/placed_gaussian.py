"""A Gaussian of some of a target's variables around a point: draws from it, and how it is kept."""

import json
from dataclasses import dataclass
from math import log, pi
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from pbnn.infer.precisions import Gaussian
from pbnn.target import Target
from pbnn.target.curvature import Subset
from pbnn.target.curvature.blocks import block_rows

BATCH = 16
"""Draws whose log density is computed at once, where memory allows."""


@final
@dataclass(frozen=True, eq=False)
class PlacedGaussian:
    """A Gaussian around a point.

    Attributes
    ----------
    subset
        The variables that are uncertain.
    z
        The point `(dim,)`, at which all others are held.
    gaussian
        Of the subset's variables, around it.
    """

    subset: Subset
    z: np.ndarray
    gaussian: Gaussian

    def draw(self, n: int, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return draws of all variables `(1, n, dim)`, their log density `lp`, and that of the Gaussian, `log_q`."""
        subset, target = self.subset, self.subset.target
        noise = np.random.default_rng(seed).standard_normal((n, subset.dim))
        z = np.repeat(self.z[None].astype(target.dtype), n, axis=0)
        z[:, subset.positions] += self.gaussian.sample(noise).astype(target.dtype)
        with target.scope():
            log_densities = target.once("log densities", lambda: jax.jit(_log_densities(target)))
            lp = np.asarray(log_densities(jnp.asarray(z), target.data))
        log_q = 0.5 * (self.gaussian.logdet - (noise**2).sum(axis=1) - subset.dim * log(2 * pi))
        return z[None], {"lp": lp[None], "log_q": log_q[None]}

    def to_dataset(self, **attrs: Any) -> xr.Dataset:
        """Return point, place and Gaussian as a fit keeps them."""
        dataset = self.gaussian.to_dataset()
        dataset["mode"] = ("z", self.z)
        return dataset.assign_attrs(names=json.dumps(self.subset.names), **attrs)


def _log_densities(target: Target) -> Any:
    """Return the function of draws `(n, dim)` and data, that takes no more at once than fit into memory."""
    of_a_draw = target.n_obs * target.dtype.itemsize * sum(v.shape[-1] for v in target.variables if v.shape)
    batch = min(BATCH, block_rows(of_a_draw))
    return lambda zs, data: jax.lax.map(lambda z: target.log_density(z, data), zs, batch_size=batch)
