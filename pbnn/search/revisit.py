"""Which part to score next, and of which point: a new one, or once more one that is promising and not yet sure."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

from pbnn.search.beliefs import joint_draws, means
from pbnn.search.gp import Surrogate, padded_size, padding, posterior
from pbnn.search.inputs import Points
from pbnn.search.kernel import covariance, covariance_on_a_part, embed, variance_on_a_part
from pbnn.search.maximise import among
from pbnn.search.told import Told
from pbnn.search.trials import Cells
from pbnn.target.jaxify import scope

TOO_SURE = 1e-4
"""A score whose variance is below this part of what a part may add is known: it was told already."""
DRAWS = 256
"""Of what points are worth."""
NODES = 41
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
    m = len(points)
    # Shares of the parts in a score of one part alone, and times those in the scores that are told.
    share = np.eye(parts) - 1 / parts
    beside = share @ surrogate.rows.share.T
    padded = padding(m, points)
    there = np.arange(padded_size(m)) < m
    with scope("float64"):
        return np.asarray(_gains(surrogate.arrays, padded.x, padded.active, there, share.diagonal(), beside))[
            :m
        ]


def again_or_new(
    surrogate: Surrogate,
    told: Told,
    new: Points,
    names: Sequence[str],
    given: Cells,
    left: int | None,
    rng: np.random.Generator,
) -> tuple[Points, str | None]:
    """Return the point to try next, the new one or one that was tried, and of such a one the part that gains most.

    The gain of one more score on a point that was tried is small, even where several together would show that another
    is the best. So where it is known how many trials are left, only points that were tried are scored as soon as
    knowing them all for certain would gain more than new ones in all trials that are left. What these gain falls as
    records do: of points in no order, the n-th is the best so far with probability 1/n.

    Parameters
    ----------
    surrogate
        Fitted to the observations of `told`, which have parts.
    told
        Of the study.
    new
        `(1, d)`: the point that is most promising of those not tried.
    names
        The parts that may be scored.
    given
        Points and the part each was given to be scored on, whatever came of it: none is given twice.
    left
        How many trials there will be from now on, this one included; None if that is not known.
    rng
        Of the draws of what tried points are worth.

    Returns
    -------
    tuple
        The point, `(1, d)`, and the name of the part; None if it may be any. So it is of a new point: where all new
        ones are of the part that tells most, nothing is learned of how parts differ.
    """
    columns = [told.parts.index(name) for name in names if name in told.parts]
    points = Points.joined([new, told.points[told.points.distinct()]])
    free = ~scored_on(points, told, given)[:, columns]
    if not free[1:].any():
        return new, None
    gain = np.where(free, gains(surrogate, points)[:, columns], -np.inf)
    newer, again = max(gain[0].max(), 0.0), gain[1:]
    confirm = left is not None and gain_of_certainty(
        surrogate, points[1:], free[1:].any(1), rng
    ) > gain_of_untried(surrogate, points, newer, left)
    if newer >= again.max() and not confirm:
        return new, None
    row, column = np.unravel_index(int(again.argmax()), again.shape)
    return points[1 + int(row)], told.parts[columns[column]]


def gain_of_certainty(
    surrogate: Surrogate, points: Points, free: np.ndarray, rng: np.random.Generator
) -> float:
    """Return how much the highest mean of points is expected to rise by knowing those that are `free`, `(m,)`."""
    mean = means(surrogate.arrays, points)[:, None]
    values = np.where(free, joint_draws(surrogate, points, DRAWS, rng), mean)
    best = mean.argmax(-1)[..., None]
    return float((values.max(-1) - np.take_along_axis(values, best, -1)[..., 0]).mean())


def gain_of_untried(surrogate: Surrogate, points: Points, gain: float, left: int) -> float:
    """Return about how much the highest mean of tried points rises if `left` trials are of new ones.

    The first of `points` is new, and a score of it gains `gain` over the highest mean of all; later ones gain less as
    records are rarer.
    """
    mean = means(surrogate.arrays, points)
    ahead = np.maximum(mean[:, 0] - mean[:, 1:].max(-1), 0.0).mean()
    n = len(points) - 1
    return float(ahead + gain * n * np.log1p(left / n))


def scored_on(points: Points, told: Told, given: Cells) -> np.ndarray:
    """Return which points were scored, or given to be, on which parts: `(m, k)`."""
    by_part = told.observations[0].parts.T
    found = np.zeros((len(points), len(by_part)), bool)
    for column, (name, scored) in enumerate(zip(told.parts, by_part, strict=True)):
        asked = given.points[np.array([part == name for part in given.parts], bool)]
        found[:, column] = among(points, Points.joined([told.points[scored], asked]))
    return found


@jax.jit
def _gains(
    arrays: Any, x: jax.Array, active: jax.Array, there: jax.Array, own: jax.Array, beside: jax.Array
) -> jax.Array:
    """Return the gains `(m, k)`.

    A score of point c on a part is `y = f(c) + d(c)`, where `d`, what the part adds, is independent of `f`; its
    covariance with that of others is `share . share'` times that of `covariance_on_a_part`. Given the scores told, of
    covariance `L L'`, with `a = inv(L) cov(told, f)` and `b = inv(L) cov(told, d)`,

    - `cov(f(x), y) = cov(f(x), f(c)) - a(x)' b(c)`,
    - `var(y) = var(f(c)) + own alone - 2 a(c)' b(c) - b(c)' b(c)`,

    with covariances of `f` after what was told. The means then move along `cov(f, y) / sd(y)` by a standard normal.
    `own` `(k,)` and `beside` `(k, N)` are a part's shares times its own, and those of the scores told.
    """
    nodes, weights = (jnp.asarray(a) for a in np.polynomial.hermite_e.hermegauss(NODES))
    means, covariances = posterior(arrays, x, active)

    def one(theta: Any, z: Any, chol: Any, mean: jax.Array, cov: jax.Array) -> jax.Array:
        new = embed(theta, x, active, arrays.layout)
        a = solve_triangular(chol, _told(arrays, covariance(theta, z, new, arrays.layout)), lower=True)
        added = _told(arrays, covariance_on_a_part(theta, z, new, arrays.layout))
        alone = variance_on_a_part(theta, arrays.layout)
        mean = jnp.where(there, mean, -jnp.inf)

        def on(own: jax.Array, beside: jax.Array) -> jax.Array:
            b = solve_triangular(chol, beside[:, None] * added, lower=True)
            variance = jnp.diag(cov) + own * alone - 2 * (a * b).sum(0) - (b**2).sum(0)
            known = variance <= TOO_SURE * alone
            slope = jnp.where(known, 0.0, (cov - a.T @ b) / jnp.sqrt(jnp.where(known, 1.0, variance)))
            best = (mean[:, None, None] + slope[:, :, None] * nodes).max(0)
            return best @ weights / weights.sum() - mean.max()

        return jax.vmap(on, out_axes=1)(own, beside)

    return jax.vmap(one)(arrays.theta, arrays.z, arrays.chol, means, covariances).mean(0)


def _told(arrays: Any, cross: jax.Array) -> jax.Array:
    return jnp.where(arrays.mask[:, None], cross, 0.0)
