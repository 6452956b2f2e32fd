"""Which part to score next, and of which point: a new one, or once more one that is promising and not yet sure."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

from pbnn.search.gp import Surrogate, padded_size, padding, posterior
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Points
from pbnn.search.kernel import covariance, covariance_on_a_part, embed
from pbnn.search.maximise import among
from pbnn.search.told import Told
from pbnn.target.jaxify import scope

PROMISING = 96
"""So many points that were not tried are considered."""
NODES = 9
"""Of the quadrature over what a score may turn out to be."""


def gains(surrogate: Surrogate, points: Points) -> np.ndarray:
    """Return how much the highest posterior mean is expected to rise by scoring a point on a part.

    That is the knowledge gradient among `points`, for scores on one part only: a score tells of the mean over all parts
    less what the part adds, as far as that is known from other scores there. A point that was scored on the part
    before has nothing to gain from it.

    Parameters
    ----------
    surrogate
        Fitted to observations with `parts`, `k` of them.
    points
        `(m, d)`: those that may be scored, and may be recommended afterwards.

    Returns
    -------
    ndarray
        `(m, k)`, averaged over the draws of the hyperparameters, in units of the standardised scores.

    References
    ----------
    Frazier, Powell & Dayanik (2009), The knowledge-gradient policy for correlated normal beliefs,
    10.1287/ijoc.1080.0314; Swersky, Snoek & Adams (2013), Multi-task Bayesian optimization, NeurIPS 26.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> from pbnn.search.gp import fit_surrogate
    >>> from pbnn.search.inputs import Inputs
    >>> from pbnn.search.observations import Observations
    >>> inputs = Inputs.of({"x": FloatDistribution(0, 1)})
    >>> points = inputs.points([{"x": x} for x in (0.1, 0.5, 0.9, 0.1)])
    >>> part = np.array([[True, False], [True, False], [False, True], [False, True]])
    >>> found = gains(fit_surrogate(inputs, Observations(points, np.array([2.0, 1, 0, 2]), parts=part)), points)
    >>> found.shape, bool(found[0].max() < 1e-6)  # the first point has both scores
    ((4, 2), True)
    """
    parts = surrogate.rows.layout.parts
    m, n = len(points), len(surrogate.rows.mask)
    told = surrogate.observations.share
    # A part's own share in a score that is of it alone, beside the shares of the scores that are told.
    share = np.eye(parts) - 1 / parts
    beside = share @ np.pad(told, ((0, n - len(told)), (0, 0))).T
    padded = padding(m, points)
    there = np.arange(padded_size(m)) < m
    with scope("float64"):
        return np.asarray(_gains(surrogate.arrays, padded.x, padded.active, there, share.diagonal(), beside))[
            :m
        ]


def again_or_new(
    surrogate: Surrogate, told: Told, new: Points, pool: Points, names: Sequence[str]
) -> tuple[Points, str | None]:
    """Return the point to try next, a new one or one that was tried, and the part on which that gains most.

    Parameters
    ----------
    surrogate
        Fitted to the observations of `told`, which have parts.
    told
        Of the study.
    new
        `(1, d)`: the point that is most promising of those not tried.
    pool
        Other points; those that may be best are considered too.
    names
        The parts that may be scored.

    Returns
    -------
    tuple
        The point, `(1, d)`, and the name of the part; None if it may be any, for none of them is known yet.
    """
    columns = [told.parts.index(name) for name in names if name in told.parts]
    if not columns:
        return new, None
    mean, sd = surrogate.predict(pool)
    points = Points.joined([new, told.points, pool[np.argsort(-mean - sd)[:PROMISING]]])
    points = points[points.distinct()]
    gain = np.where(scored_on(points, told), -np.inf, gains(surrogate, points))[:, columns]
    row, column = np.unravel_index(int(gain.argmax()), gain.shape)
    return points[int(row)], told.parts[columns[column]]


def scored_on(points: Points, told: Told) -> np.ndarray:
    """Return which points were scored on which parts: `(m, k)`."""
    parts = told.observations[0].parts
    found = np.zeros((len(points), parts.shape[1]), bool)
    for i in range(len(told.points)):
        found |= among(points, told.points[[i]])[:, None] & parts[i]
    return found


@jax.jit
def _gains(
    arrays: Any, x: jax.Array, active: jax.Array, there: jax.Array, own: jax.Array, beside: jax.Array
) -> jax.Array:
    """Return the gains `(m, k)`, of parts with shares `own` `(k,)` and `beside` `(k, N)` the observations'."""
    nodes, weights = (jnp.asarray(a) for a in np.polynomial.hermite_e.hermegauss(NODES))
    means, covariances = posterior(arrays, x, active)

    def one(theta: Any, z: Any, chol: Any, mean: jax.Array, cov: jax.Array) -> jax.Array:
        new = embed(theta, x, active, arrays.layout)
        smooth = solve_triangular(chol, _told(arrays, covariance(theta, z, new, arrays.layout)), lower=True)
        by_part = _told(arrays, covariance_on_a_part(theta, z, new, arrays.layout))
        h = unpack(theta, arrays.layout)
        alone = jnp.exp(h.log_common) + jnp.exp(h.log_own + h.log_amplitude) + jnp.exp(h.log_nugget)

        def on(own: jax.Array, beside: jax.Array) -> jax.Array:
            half = solve_triangular(chol, beside[:, None] * by_part, lower=True)
            # Of each point with the score of each: what the scores told leave of their covariance.
            with_score = cov - smooth.T @ half
            spread = jnp.diag(cov) + own * alone - 2 * (smooth * half).sum(0) - (half**2).sum(0)
            slope = jnp.where(
                spread > TOO_SURE * alone, with_score / jnp.sqrt(jnp.maximum(spread, 1e-12)), 0.0
            )
            after = jnp.where(there, mean, -jnp.inf)[:, None, None] + slope[:, :, None] * nodes
            return after.max(0) @ weights / weights.sum() - jnp.where(there, mean, -jnp.inf).max()

        return jax.vmap(on, out_axes=1)(own, beside)

    return jax.vmap(one)(arrays.theta, arrays.z, arrays.chol, means, covariances).mean(0)


TOO_SURE = 1e-4
"""A score whose variance is below this part of what a part may add is known: it was told already."""


def _told(arrays: Any, cross: jax.Array) -> jax.Array:
    return jnp.where(arrays.mask[:, None], cross, 0.0)
