"""A network linearised at the mode of a Laplace approximation: a Gaussian process in function space."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self, final

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from pbnn.graph.build import BNN
from pbnn.infer.precisions import Gaussian
from pbnn.target import Precision, Target
from pbnn.target.curvature import Subset, jacobian
from pbnn.target.curvature.blocks import block_rows
from pbnn.target.jaxify import scope

BLOCK_BYTES = 2**26
"""Of a block of Jacobians."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Linearization:
    """Where a network is linearised, and the Gaussian of its weights there.

    Attributes
    ----------
    predictive
        `"glm"` or `"probit"`: what predictions are made of.
    mode
        Unconstrained variables `(dim,)`.
    names
        The variables that are uncertain.
    gaussian
        Of these, around the mode.
    """

    predictive: Literal["glm", "probit"]
    mode: np.ndarray
    names: tuple[str, ...]
    gaussian: Gaussian

    @classmethod
    def of(cls, idata: xr.DataTree) -> Self | None:
        """Read it from a fit; None if predictions are to be made with the network itself."""
        if "gaussian" not in idata.children or idata["gaussian"].attrs.get("predictive") == "mc":
            return None
        return cls.stored(idata)

    @classmethod
    def stored(cls, idata: xr.DataTree) -> Self:
        """Read it from the fit of a Laplace approximation."""
        found = idata["gaussian"].to_dataset()
        names = tuple(json.loads(found.attrs["names"]))
        return cls(found.attrs["predictive"], found["mode"].to_numpy(), names, Gaussian.of(found))

    def jacobians(self, bnn: BNN, x: np.ndarray, precision: Precision) -> tuple[np.ndarray, np.ndarray]:
        """Return outputs `(obs, n_outputs)` at the mode and their derivatives `(obs, n_outputs, dim)`."""
        both = _compiled(bnn, self.names, precision)
        with scope(precision):
            f, j = both(jnp.asarray(self.mode, precision), jnp.asarray(x, precision))
            return np.asarray(f), np.asarray(j)

    def moments(self, bnn: BNN, x: np.ndarray, precision: Precision) -> tuple[np.ndarray, np.ndarray]:
        """Return mean `(obs, n_outputs)` and covariance `(obs, n_outputs, n_outputs)` of the outputs at each input."""
        n = block_rows(8 * self.gaussian.dim * Target.of(bnn, precision).n_outputs, BLOCK_BYTES)
        means, covariances = [], []
        for start in range(0, len(x), n):
            f, j = self.jacobians(bnn, x[start : start + n], precision)
            means.append(f)
            covariances.append(self.gaussian.covariance(j))
        return np.concatenate(means), np.concatenate(covariances)

    def logits(self, bnn: BNN, x: np.ndarray, precision: Precision) -> np.ndarray:
        """Return outputs `(obs, n_outputs)` whose class probabilities are about the mean ones.

        MacKay's approximation of the integral of a sigmoid over a Gaussian (1992, 10.1162/neco.1992.4.5.720), for
        several classes applied to each output.
        """
        mean, covariance = self.moments(bnn, x, precision)
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        return mean / np.sqrt(1 + np.pi / 8 * variance)


def _compiled(bnn: BNN, names: tuple[str, ...], precision: Precision) -> Callable[..., Any]:
    """Return the function of mode and inputs that gives outputs and derivatives; made once for each BNN."""
    target = Target.of(bnn, precision)

    def both(z: Any, x: Any) -> tuple[Any, Any]:
        return target.outputs(z, x), jacobian(Subset.of(target, names), z, x)

    return target.once(("jacobians", names), lambda: jax.jit(both))
