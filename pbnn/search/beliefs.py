"""What a score of a point needs to know: the surrogates, and facts that are computed once for each suggestion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve, solve_triangular

from pbnn.search.gp import (
    JITTER,
    Arrays,
    Rows,
    Surrogate,
    covariance_of_noise,
    covariance_of_scores,
    marginals,
    pad,
    padding,
    posterior,
)
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Points
from pbnn.search.kernel import covariance, embed, variance
from pbnn.target.jaxify import scope


@final
@dataclass(frozen=True)
class Beliefs:
    """What is believed of a search when its next point is chosen.

    Parameters
    ----------
    objectives, constraints
        A surrogate of each; a point is feasible where all constraints are at most 0.
    observed
        Points with a score, those of the surrogates.
    pending
        Points that are being scored by others.
    feasible
        Which of the observed points are, `(n,)`.
    """

    objectives: Sequence[Surrogate]
    constraints: Sequence[Surrogate]
    observed: Points
    pending: Points
    feasible: np.ndarray

    @property
    def known(self) -> Points:
        """Observed and pending points."""
        return Points.joined([self.observed, self.pending])

    def candidates_for_best(self) -> np.ndarray:
        """Return which of the known points may be the best: feasible, or pending and expected to be."""
        expected = np.ones(len(self.pending), bool)
        if len(self.pending):
            for surrogate in self.constraints:
                expected &= surrogate.predict(self.pending)[0] <= 0
        return np.concatenate([self.feasible, expected])

    @cached_property
    def believers(self) -> list[Surrogate]:
        """Return the objectives with pending points scored as they are expected to be.

        The mean stays as it is, and the variance near pending points falls: the "Kriging believer" of Ginsbourger, Le
        Riche & Carraro (2010), 10.1007/978-3-642-10701-6_6, for each draw of the hyperparameters by itself.
        """
        if len(self.pending) == 0:
            return list(self.objectives)
        return [
            s.conditioned_on(self.pending, s.loc + s.scale * means(s.arrays, self.pending))
            for s in self.objectives
        ]


def means(arrays: Arrays, points: Points) -> np.ndarray:
    """Return the posterior mean at points, by draw of the hyperparameters: `(h, m)`, standardised."""
    padded = padding(len(points), points)
    with scope("float64"):
        return np.asarray(_marginals(arrays, padded.x, padded.active)[0])[:, : len(points)]


_marginals = jax.jit(marginals)


def joint_draws(surrogate: Surrogate, points: Points, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the function at points jointly: `(h, n, m)`, standardised, `n` draws for each hyperparameter draw."""
    padded = padding(len(points), points)
    noise = rng.normal(size=(len(surrogate.theta), n, len(padded)))
    with scope("float64"):
        return np.asarray(_joint_draws(surrogate.arrays, padded.x, padded.active, noise))[..., : len(points)]


@jax.jit
def _joint_draws(arrays: Arrays, x: jax.Array, active: jax.Array, noise: jax.Array) -> jax.Array:
    mean, cov = posterior(arrays, x, active)
    # More jitter than in a fit: what is left of the variance near observations is partly rounding.
    size = 1e-6 * jax.vmap(lambda t: variance(t, arrays.layout))(arrays.theta)
    chol = jnp.linalg.cholesky(cov + size[:, None, None] * jnp.eye(len(x)))
    return mean[:, None] + noise @ chol.swapaxes(1, 2)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["theta", "z", "chol", "weights", "best", "mask"],
    meta_fields=["layout"],
)
@dataclass(frozen=True, slots=True)
class Paths:
    """Surrogates that agree with draws of the function at the known points, as a program takes them.

    Parameters
    ----------
    theta
        Hyperparameters, `(h, p)`.
    z
        Embedded known points, `(h, N, e)`.
    chol
        Of the covariance of the function there, without noise, `(h, N, N)`.
    weights
        Of the known points in the mean, for each draw, `(h, j, N)`.
    best
        Highest value of each draw at the points that may be the best, `(h, j)`.
    mask
        `(N,)`, whether a row is a known point.
    """

    theta: Any
    z: Any
    chol: Any
    weights: Any
    best: Any
    mask: Any
    layout: Any

    def marginals(self, x: jax.Array, active: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return mean `(h, j, m)` and variance `(h, 1, m)` at points `(m, d)`."""

        def one(theta: jax.Array, z: jax.Array, chol: jax.Array, weights: jax.Array) -> tuple[jax.Array, ...]:
            cross = covariance(theta, z, embed(theta, x, active, self.layout), self.layout)
            cross = jnp.where(self.mask[:, None], cross, 0.0)
            h = unpack(theta, self.layout)
            half = solve_triangular(chol, cross, lower=True)
            left = variance(theta, self.layout) - (half**2).sum(0)
            return h.mean + weights @ cross, jnp.maximum(left, 1e-12)[None]

        return jax.vmap(one)(self.theta, self.z, self.chol, self.weights)


def paths(beliefs: Beliefs, n: int, rng: np.random.Generator) -> Paths:
    """Draw the function of the first objective at all known points `n` times, and condition on each draw.

    So the unknown scores of pending points are integrated over, and so is which of the noisy points is best. Draws are
    made by correcting a draw of the prior (Matheron's rule; Wilson et al. 2020, arXiv:2002.09309).
    """
    surrogate = beliefs.objectives[0]
    seen, known = len(beliefs.observed), beliefs.known
    if not (may := beliefs.candidates_for_best()).any():
        may = np.ones(len(known), bool)
    y, noise = np.zeros(len(known)), np.zeros((len(known), len(known)))
    y[:seen] = np.asarray(surrogate.rows.y)[:seen]
    noise[:seen, :seen] = np.asarray(surrogate.rows.noise)[:seen, :seen]
    share = np.pad(surrogate.rows.share[:seen], ((0, len(known) - seen), (0, 0)))
    rows = pad(known, y, noise, share, surrogate.rows.layout)
    size = len(rows.mask)
    told = np.arange(size) < seen
    draws = rng.normal(size=(2, len(surrogate.theta), n, size))
    with scope("float64"):
        return _paths(surrogate.theta, rows, told, np.pad(may, (0, size - len(may))), *draws)


@jax.jit
def _paths(
    theta: jax.Array, rows: Rows, told: jax.Array, may: jax.Array, of_f: jax.Array, of_noise: jax.Array
) -> Paths:
    scores = replace(rows, mask=told)
    size = len(rows.mask)

    def one(theta: jax.Array, of_f: jax.Array, of_noise: jax.Array) -> tuple[jax.Array, ...]:
        z, k = covariance_of_scores(theta, scores)
        h = unpack(theta, rows.layout)
        prior = covariance(theta, z, z, rows.layout) + JITTER * jnp.eye(size)
        prior = jnp.where(rows.mask[:, None] & rows.mask, prior, jnp.eye(size))
        root = jnp.linalg.cholesky(prior)
        if rows.layout.exact:
            # All noise is each trial's own; without jitter draws meet exact scores to the last digit.
            noise_root = jnp.diag(jnp.sqrt(jnp.diag(rows.noise)))
        else:
            noise = covariance_of_noise(theta, z, rows) + JITTER * jnp.eye(size)
            noise_root = jnp.linalg.cholesky(jnp.where(told[:, None] & told, noise, jnp.eye(size)))
        f = of_f @ root.T
        missing = jnp.where(told, rows.y - h.mean - f - of_noise @ noise_root.T, 0.0)
        correction = cho_solve((jnp.linalg.cholesky(k), True), missing.T).T
        weights = solve_triangular(root, of_f.T, lower=True, trans=1).T + correction
        values = h.mean + f + correction @ jnp.where(told[:, None], prior, 0.0)
        return z, root, jnp.where(rows.mask, weights, 0.0), jnp.where(may, values, -jnp.inf).max(-1)

    z, chol, weights, best = jax.vmap(one)(theta, of_f, of_noise)
    return Paths(theta, z, chol, weights, best, rows.mask, rows.layout)
