"""The Gaussian process over the scores of a search: fitted, conditioned, and asked."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve, solve_triangular

from pbnn.errors import MethodError, ShapeError, unknown
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Inputs, Layout, Points
from pbnn.search.kernel import covariance, covariance_on_a_part, embed, variance
from pbnn.search.observations import Observations

JITTER = 1e-8
"""Added to every variance, of standardised scores: rounding must not make a covariance indefinite."""
STEPS = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Numbers of rows that programs are compiled for; a study that grows meets a new one now and then."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["x", "active", "y", "noise", "share", "mask"],
    meta_fields=["layout"],
)
@dataclass(frozen=True, slots=True)
class Rows:
    """Observations as a program takes them: standardised, and padded with rows that count for nothing.

    Parameters
    ----------
    x, active
        `(N, d)`.
    y
        `(N,)`, or `(h, N)` when each hyperparameter draw has fantasies of its own.
    noise
        `(N, N)`.
    share
        `(N, k)`: how much each part counts in each score, less how much it does in the mean over all parts.
    mask
        `(N,)`, whether a row is one of the observations.
    """

    x: Any
    active: Any
    y: Any
    noise: Any
    share: Any
    mask: Any
    layout: Layout


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["theta", "z", "chol", "alpha", "mask"],
    meta_fields=["layout"],
)
@dataclass(frozen=True, slots=True)
class Arrays:
    """A fitted Gaussian process as a program takes it, for `h` draws of its hyperparameters.

    Parameters
    ----------
    theta
        Hyperparameters, `(h, p)`; `hyperparameters.unpack` names them.
    z
        Embedded observations, `(h, N, e)`.
    chol
        Lower Cholesky factor of the covariance of the scores, `(h, N, N)`.
    alpha
        That covariance's inverse times the scores less their mean, `(h, N)`.
    mask
        `(N,)`, whether a row is an observation; others count for nothing.
    """

    theta: Any
    z: Any
    chol: Any
    alpha: Any
    mask: Any
    layout: Layout


def covariance_of_scores(theta: jax.Array, rows: Rows) -> tuple[jax.Array, jax.Array]:
    """Return the embedded rows `(N, e)` and the covariance of their scores `(N, N)`: function and noise."""
    z = embed(theta, rows.x, rows.active, rows.layout)
    k = covariance(theta, z, z, rows.layout) + covariance_of_noise(theta, z, rows) + JITTER * jnp.eye(len(z))
    # Rows of the padding are independent of all others, have variance 1 and score 0: exactly neutral.
    both = rows.mask[:, None] & rows.mask
    return z, jnp.where(both, k, jnp.eye(len(z)))


def covariance_of_noise(theta: jax.Array, z: jax.Array, rows: Rows) -> jax.Array:
    """Return the covariance of the scores less the function `(N, N)`: what is known of it, and what is learned.

    What is learned is a nugget, unless scores are exact; or, where they are told by parts, what their parts add to the
    mean over all parts.
    """
    if rows.layout.exact:
        return rows.noise
    if not rows.layout.parts:
        return rows.noise + jnp.exp(unpack(theta, rows.layout).log_nugget) * jnp.eye(len(z))
    return rows.noise + rows.share @ rows.share.T * covariance_on_a_part(theta, z, z, rows.layout)


@jax.jit
def condition(theta: jax.Array, rows: Rows) -> Arrays:
    """Condition on rows, for each of the hyperparameter draws `(h, p)`."""

    def one(theta: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        z, k = covariance_of_scores(theta, rows)
        chol = jnp.linalg.cholesky(k)
        residual = jnp.where(rows.mask, y - unpack(theta, rows.layout).mean, 0.0)
        return z, chol, cho_solve((chol, True), residual)

    ys = jnp.broadcast_to(rows.y, (len(theta), rows.y.shape[-1]))
    z, chol, alpha = jax.vmap(one)(theta, ys)
    return Arrays(theta, z, chol, alpha, rows.mask, rows.layout)


def _at(arrays: Arrays, x: jax.Array, active: jax.Array, *, joint: bool) -> tuple[jax.Array, jax.Array]:
    def one(theta: jax.Array, z: jax.Array, chol: jax.Array, alpha: jax.Array) -> tuple[jax.Array, jax.Array]:
        new = embed(theta, x, active, arrays.layout)
        cross = jnp.where(arrays.mask[:, None], covariance(theta, z, new, arrays.layout), 0.0)
        half = solve_triangular(chol, cross, lower=True)
        mean = unpack(theta, arrays.layout).mean + alpha @ cross
        if joint:
            return mean, covariance(theta, new, new, arrays.layout) - half.T @ half
        # Rounding may leave a little less than nothing of a variance that the observations have used up.
        return mean, jnp.maximum(variance(theta, arrays.layout) - (half**2).sum(0), 1e-12)

    return jax.vmap(one)(arrays.theta, arrays.z, arrays.chol, arrays.alpha)


def posterior(arrays: Arrays, x: jax.Array, active: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return mean `(h, m)` and covariance `(h, m, m)` of the function at points `(m, d)`, without noise.

    Pure, differentiable in the numbers of `x`, to be called in a float64 scope (`jax.enable_x64(True)`). In
    standardised units: times `scale`, plus `loc` of the surrogate makes scores.
    """
    return _at(arrays, x, active, joint=True)


def marginals(arrays: Arrays, x: jax.Array, active: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return mean `(h, m)` and variance `(h, m)` of the function at points, as `posterior` but each by itself."""
    return _at(arrays, x, active, joint=False)


_marginals = jax.jit(marginals)
_posterior = jax.jit(posterior)


@final
@dataclass(frozen=True, slots=True)
class Surrogate:
    """A Gaussian process fitted to the scores of a search.

    Parameters
    ----------
    inputs, observations
        What it was fitted to.
    loc, scale
        `(y - loc) / scale` are the standardised scores.
    rows, arrays
        Observations and fit as programs take them.
    log_posterior
        Of the hyperparameters, at each draw, up to a constant; NaN where nobody asked.
    idata
        The fit of the hyperparameters by NUTS; None of their mode.
    """

    inputs: Inputs
    observations: Observations
    loc: float
    scale: float
    rows: Rows
    arrays: Arrays
    log_posterior: np.ndarray = field(repr=False)
    idata: Any = field(default=None, repr=False)

    @property
    def theta(self) -> np.ndarray:
        """Hyperparameters, `(h, p)`: what the next fit may begin at."""
        return np.asarray(self.arrays.theta)

    @property
    def noise_variance(self) -> np.ndarray:
        """Variance of each score beside the function, known or learned, in the square of the units of y: `(n,)`."""
        with jax.enable_x64(True):
            found = jax.vmap(lambda theta, z: jnp.diag(covariance_of_noise(theta, z, self.rows)))(
                self.arrays.theta, self.arrays.z
            )
        return self.scale**2 * np.asarray(found).mean(0)[: len(self.observations)]

    def conditioned_on(self, points: Points, fantasies: np.ndarray) -> "Surrogate":
        """Return the surrogate with running trials, whose scores are made up, beside the observations.

        Parameters
        ----------
        points
            `(q, d)`.
        fantasies
            Scores in the units of y: `(q,)`, or `(s, q)`, where `s` is a multiple of the number of hyperparameter
            draws; each of these is then repeated `s / h` times.

        Raises
        ------
        ShapeError
            If the fantasies do not fit points and draws.
        """
        h, n, q = len(self.theta), int(np.sum(self.rows.mask)), len(points)
        made_up = np.atleast_2d(np.asarray(fantasies, float))
        if made_up.ndim != 2 or made_up.shape[1] != q or (len(made_up) > 1 and len(made_up) % h):
            raise ShapeError(
                f"Surrogate.conditioned_on: fantasies must have shape ({q},) or (s, {q}), s a multiple of {h}; got "
                f"{np.shape(fantasies)}."
            )
        theta = np.repeat(self.theta, max(len(made_up) // h, 1), axis=0)
        told = np.atleast_2d(self.rows.y)[:, :n]
        told = np.repeat(told, len(theta) // len(told), axis=0)
        made_up = np.broadcast_to((made_up - self.loc) / self.scale, (len(theta), q))
        noise = np.zeros((n + q, n + q))
        noise[:n, :n] = self.rows.noise[:n, :n]
        # What is made up is the mean over all parts.
        share = np.pad(self.rows.share[:n], ((0, q), (0, 0)))
        before = Points(np.asarray(self.rows.x)[:n], np.asarray(self.rows.active)[:n])
        rows = pad(
            Points.joined([before, points]),
            np.concatenate([told, made_up], 1),
            noise,
            share,
            self.rows.layout,
        )
        with jax.enable_x64(True):
            arrays = condition(theta, rows)
        repeated = np.repeat(self.log_posterior, len(theta) // h)
        return replace(self, rows=rows, arrays=arrays, log_posterior=repeated)

    def predict(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the true score at each point, `(n,)` both, in the units of y.

        Over the hyperparameter draws too, if there are several.
        """
        n = len(points)
        padded = padding(n, points)
        with jax.enable_x64(True):
            mean, variance = (np.asarray(v)[:, :n] for v in _marginals(self.arrays, padded.x, padded.active))
        total = variance.mean(0) + mean.var(0)
        return self.loc + self.scale * mean.mean(0), self.scale * np.sqrt(total)

    def joint(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Return mean `(h, n)` and covariance `(h, n, n)` of the true scores, in the units of y, for each draw."""
        n = len(points)
        padded = padding(n, points)
        with jax.enable_x64(True):
            mean, cov = (np.asarray(v) for v in _posterior(self.arrays, padded.x, padded.active))
        return self.loc + self.scale * mean[:, :n], self.scale**2 * cov[:, :n, :n]


def padded_size(n: int) -> int:
    """Return the number of rows that a program for `n` of them has."""
    return next((size for size in STEPS if size >= n), -(-n // STEPS[-1]) * STEPS[-1])


def padding(n: int, points: Points) -> Points:
    """Return the points with repeats of nothing behind them, as many as programs are compiled for."""
    extra = padded_size(n) - n
    return Points(
        np.pad(points.x, ((0, extra), (0, 0))),
        np.pad(points.active, ((0, extra), (0, 0)), constant_values=False),
    )


def pad(
    points: Points,
    y: np.ndarray,
    noise: np.ndarray,
    share: np.ndarray,
    layout: Layout,
    size: int | None = None,
) -> Rows:
    """Return standardised observations as a program takes them, padded to one of few sizes."""
    n = len(points)
    size = padded_size(n) if size is None else size
    more = size - n
    return Rows(
        np.pad(points.x, ((0, more), (0, 0))),
        np.pad(points.active, ((0, more), (0, 0))),
        np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, more)]),
        np.pad(noise, (0, more)),
        np.pad(share, ((0, more), (0, 0))),
        np.arange(size) < n,
        layout,
    )


def standardise(observations: Observations) -> tuple[float, float]:
    """Return the location and scale of the scores; the scale of scores that are all one is 1."""
    y = observations.y
    scale = float(y.std()) if len(y) > 1 else 0.0
    # Of a constant what is left is rounding, which is not to be blown up.
    if not scale > 1e-12 * max(float(np.abs(y).max()), 1e-300):
        scale = 1.0
    return float(y.mean()), scale


def rows_of(inputs: Inputs, observations: Observations, loc: float, scale: float) -> Rows:
    """Return observations as a program takes them."""
    y, noise, share = (observations.y - loc) / scale, observations.noise / scale**2, observations.share
    layout = replace(inputs.layout, parts=share.shape[1], exact=observations.exact)
    return pad(observations.points, y, noise, share, layout)


def fit_surrogate(
    inputs: Inputs,
    observations: Observations,
    how: Literal["map", "nuts"] = "map",
    seed: int = 0,
    *,
    start: Surrogate | None = None,
) -> Surrogate:
    """Fit a Gaussian process to the scores of a search.

    Scores are standardised; the function has a constant mean and the kernel of `pbnn.search.kernel`, with priors of
    `pbnn.search.hyperparameters`; the noise is the covariance that is known and, unless scores are exact, a nugget that
    is learned. Where each trial was scored on some of several parts only (one fold, one seed), what parts add is
    learned too (`pbnn.search.kernel.covariance_on_a_part`), and the function is the mean over all parts.

    Parameters
    ----------
    inputs, observations
        Of the search.
    how
        `"map"`, the posterior mode of the hyperparameters, or `"nuts"`, draws of them by `pbnn.fit` (`h` of them).
    seed
        Of a place where the climb to the mode begins, or of the draws.
    start
        An earlier surrogate of the same inputs: the climb begins at its hyperparameters, and mostly there alone.

    Returns
    -------
    Surrogate

    Raises
    ------
    MethodError
        If `how` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> from optuna.distributions import FloatDistribution
    >>> inputs = Inputs.of({"x": FloatDistribution(0, 1)})
    >>> points = inputs.points([{"x": x} for x in np.linspace(0, 1, 9)])
    >>> surrogate = fit_surrogate(inputs, Observations(points, np.sin(6 * points.x[:, 0])))
    >>> mean, sd = surrogate.predict(inputs.points([{"x": 0.3}]))
    >>> bool(abs(mean[0] - np.sin(1.8)) < 0.1)
    True
    """
    if how not in ("map", "nuts"):
        raise MethodError(unknown("fit_surrogate", "how", how, ("map", "nuts")))
    loc, scale = standardise(observations)
    rows = rows_of(inputs, observations, loc, scale)
    if how == "nuts":
        from pbnn.search.bayes import draw_hyperparameters

        idata, theta = draw_hyperparameters(rows, seed)
        log_posterior = np.full(len(theta), np.nan)
    else:
        from pbnn.search.mode import climb

        earlier = () if start is None else (start.theta, len(start.observations))
        theta, log_posterior = climb(rows, seed, *earlier)
        idata = None
    with jax.enable_x64(True):
        arrays = condition(theta, rows)
    return Surrogate(inputs, observations, loc, scale, rows, arrays, log_posterior, idata)
