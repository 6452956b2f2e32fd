"""Gaussian variational inference by natural gradients, with the Gauss–Newton matrix for the Hessian."""

from dataclasses import dataclass
from functools import partial
from math import log, pi
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.advi import LARGEST_FULLRANK
from pbnn.infer.methods import GaussNewtonVI
from pbnn.infer.minibatch import log_density_estimate
from pbnn.infer.natural_families import FAMILIES, NaturalFamily, as_numpy
from pbnn.infer.placed_gaussian import PlacedGaussian
from pbnn.infer.prior_curvature import LEAST, prior_curvature, prior_hessian_product
from pbnn.infer.progress import Bar, progress_bar
from pbnn.infer.run import Run, Session, run
from pbnn.target import Target
from pbnn.target.curvature import Subset, ggn_product, no_kron
from pbnn.target.curvature.blocks import rows_of

CHUNK = 20
"""Steps that are compiled together."""


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the ascent, which ends when the ELBO stops rising.

    Attributes
    ----------
    mean, precision
        Their learning rates, as parts of the method's.
    width
        How far from the mean draws are taken, in standard deviations.
    window
        Chunks of steps that are averaged when two stretches of the ELBO are compared.
    whole
        Whether the precision goes to the whole Hessian, of which the Gauss–Newton matrix is the larger part.
    """

    mean: float
    precision: float
    width: float = 1.0
    window: int = 8
    whole: bool = False


NEAR = Stage(1.0, 1.0, width=0.05, window=2)
"""From a random start a wide Gaussian would settle where the network does nothing: first it comes near a mode."""
STAGES = (NEAR, Stage(1.0, 1.0), Stage(0.3, 0.3), Stage(0.1, 0.1))
PATIENT_STAGES = (
    NEAR,
    Stage(1.0, 1.0, window=16),
    Stage(1.0, 0.1, window=16),
    Stage(0.5, 0.05, window=16),
    Stage(0.2, 0.05, window=16, whole=True),
    Stage(0.1, 0.02, window=16, whole=True),
)
"""For a family of independent variables, whose bound rises slowly, and whose Hessian is estimated with noise."""
AVERAGED = 8
"""Chunks at the end over which the mean is averaged."""
LARGEST_MOVE = 0.05
"""Of the mean in one step, in nats per parameter: half its square in units of the Gaussian's standard deviations."""


@run.register
def _(method: GaussNewtonVI, target: Target, session: Session) -> Run:
    _check(method, target)
    subset = Subset.of(target)
    family = FAMILIES[method.structure](subset)
    start = target.starts(1, session.seed)[0]
    prior_curvature(subset)(start)  # refuses a prior that is not diagonal
    with target.scope(), progress_bar("Gauss-Newton VI", method.steps, show=session.progress) as bar:
        ascent = _Ascent(method, subset, family, start, session.seed)
        try:
            ascent.climb(bar)
        except KeyboardInterrupt:
            ascent.interrupted = True
        gaussian = family.gaussian(as_numpy(ascent.factor()))
    if not ascent.trace:
        raise MethodError("fit: interrupted before the first step; there is nothing to return.")
    placed = PlacedGaussian(subset, ascent.average(), gaussian)
    z, stats = placed.draw(method.draws, session.seed)
    trace = np.concatenate(ascent.trace)
    level = float(np.mean(stats["lp"] - stats["log_q"]))
    if ascent.interrupted:
        message = (
            f"Interrupted after {trace.size} steps; the draws are from the approximation reached by then."
        )
    elif ascent.converged:
        message = f"The ELBO stopped rising after {trace.size} steps, at {level:.1f} nats."
    else:
        message = f"After {trace.size} steps the ELBO may still be rising; raise `steps`."
    return Run(
        z,
        stats,
        "approximate",
        trace={"elbo": trace},
        n_gradients=2 * trace.size * method.samples,
        converged=ascent.converged,
        interrupted=ascent.interrupted,
        gaussian=placed.to_dataset(structure=method.structure, predictive="mc"),
        message=message,
    )


class _Ascent:
    """Natural-gradient ascent of the ELBO: the state between chunks of compiled steps."""

    def __init__(
        self, method: GaussNewtonVI, subset: Subset, family: NaturalFamily, start: np.ndarray, seed: int
    ) -> None:
        target = subset.target
        self.method, self.target, self.family = method, target, family
        self.key = jax.random.PRNGKey(seed)
        self.mean = jnp.asarray(start)
        prior = partial(_prior_curvature, subset)
        begin = target.once(
            (method, "begin"), lambda: jax.jit(lambda z, data: (family.curvature(z, data, 1.0), prior(z)))
        )
        self.precision = begin(self.mean, target.data)
        self._chunks = target.once(
            (method, "chunks"),
            lambda: [jax.jit(_chunk(method, subset, family, whole=whole)) for whole in (False, True)],
        )
        self.trace: list[np.ndarray] = []
        self._averages: list[np.ndarray] = []
        self.converged = self.interrupted = False

    def climb(self, bar: Bar) -> None:
        """Climb at falling rates, each until the ELBO stops rising."""
        rate, stage, first = self.method.learning_rate, 0, 0
        stages = STAGES if self.family.completed is None else PATIENT_STAGES
        while stage < len(stages) and len(self.trace) * CHUNK < self.method.steps:
            key = jax.random.fold_in(self.key, len(self.trace))
            now = stages[stage]
            settings = jnp.asarray([rate * now.mean, rate * now.precision, now.width], self.mean.dtype)
            new = self._chunks[now.whole](self.mean, self.precision, settings, key, self.target.data)
            values = np.asarray(new[2])
            if not np.isfinite(values).all():
                rate /= 3
                if rate < self.method.learning_rate / 1000:
                    raise MethodError(
                        "fit: the ELBO is not finite, at any learning rate tried. Check the data for values of extreme "
                        "size, or use precision='float64'."
                    )
                continue
            self.mean, self.precision = new[:2]
            self._averages = [*self._averages[1 - AVERAGED :], np.asarray(new[3])]
            self.trace.append(values)
            bar.advance(CHUNK, f"{values.mean():.2f}")
            if _flat(self.trace[first:], now.window):
                stage, first = stage + 1, len(self.trace)
        self.converged = stage == len(stages)

    def average(self) -> np.ndarray:
        """Return the mean, averaged over the last chunks."""
        return np.mean(self._averages, axis=0)

    def factor(self) -> Any:
        """Return the precision reached, factorised."""
        factor = self.target.once((self.method, "factor"), lambda: jax.jit(self.family.factor))
        return factor(*self.precision)


def _chunk(method: GaussNewtonVI, subset: Subset, family: NaturalFamily, *, whole: bool) -> Any:
    """Return the function that takes `CHUNK` steps, and gives an estimate of the ELBO at each.

    The precision goes to its expectation over the Gaussian, the mean along the gradient times the covariance (Khan &
    Rue 2023, arXiv:2107.04562, section 4): steps of natural gradient. `whole` adds to the curvature what the
    Gauss–Newton matrix leaves out of the Hessian.
    """
    target, size = subset.target, method.batch_size
    n = target.n_obs
    log_density = log_density_estimate(target, size)
    volume = 0.5 * target.dim * log(2 * pi)

    def sampled(mean: Any, factor: Any, width: Any, key: Any, data: Any) -> Any:
        key_noise, key_rows = jax.random.split(key)
        noise = jax.random.normal(key_noise, mean.shape, mean.dtype)
        away = width * family.sample(factor, noise)
        # On both sides of the mean: the noise of a linear gradient, that of a Gaussian posterior, cancels.
        slope = jax.value_and_grad(log_density)
        (value, gradient), (value_2, gradient_2) = (slope(mean + d, key_rows, data) for d in (away, -away))
        rows = rows_of(data)
        if size is not None:
            chosen = jax.random.randint(key_rows, (size,), 0, n)
            rows = {name: values[chosen] for name, values in rows.items()}
        times = 1.0 if size is None else n / size
        z = mean if whole else mean + away
        curvature, prior = family.curvature(z, rows, times), _prior_curvature(subset, z)
        if whole:
            known = times * ggn_product(subset, z, rows, away, own=True) + prior * away
            curvature = family.completed(curvature, factor, away, (gradient_2 - gradient) / 2 - known)
        log_q = 0.5 * family.logdet(factor) - target.dim * jnp.log(width) - 0.5 * (noise**2).sum() - volume
        return (value + value_2) / 2 - log_q, (gradient + gradient_2) / 2, (curvature, prior)

    def step(carry: Any, key: Any, settings: Any, data: Any) -> Any:
        rate, slower, width = settings
        mean, precision, total = carry
        factor = family.factor(*precision)
        keys = jax.random.split(key, method.samples)
        each = jax.lax.map(lambda k: sampled(mean, factor, width, k, data), keys)
        value, gradient, curvature = jax.tree.map(lambda v: v.mean(axis=0), each)
        precision = jax.tree.map(lambda old, new: (1 - slower) * old + slower * new, precision, curvature)
        move = rate * family.solve(family.factor(*precision), gradient)
        nats = 0.5 * rate * (move @ gradient) / mean.size
        mean = mean + move * jnp.minimum(1.0, jnp.sqrt(LARGEST_MOVE / nats.clip(1e-12)))
        return (mean, precision, total + mean), value

    def chunk(mean: Any, precision: Any, settings: Any, key: Any, data: Any) -> Any:
        keys = jax.random.split(key, CHUNK)
        begin = (mean, precision, jnp.zeros_like(mean))
        (mean, precision, total), values = jax.lax.scan(lambda c, k: step(c, k, settings, data), begin, keys)
        return mean, precision, values, total / CHUNK

    return chunk


def _prior_curvature(subset: Subset, z: Any) -> Any:
    """Return the diagonal of the negative Hessian of the log prior, which is all of it."""
    return prior_hessian_product(subset, z, jnp.ones_like(z)).clip(LEAST)


def _flat(trace: list[np.ndarray], window: int) -> bool:
    """Whether the last window of chunks is no better than the one before, up to its standard error."""
    if len(trace) < 2 * window:
        return False
    before, after = np.concatenate(trace[-2 * window : -window]), np.concatenate(trace[-window:])
    error = np.sqrt(before.var() / before.size + after.var() / after.size)
    return bool(after.mean() - before.mean() < 2 * error)


def _check(method: GaussNewtonVI, target: Target) -> None:
    if target.bnn is None:
        raise MethodError(
            "GaussNewtonVI: the Gauss–Newton matrix is that of a network; fit a model made by pbnn.build, or use ADVI."
        )
    if method.structure == "full" and target.dim > LARGEST_FULLRANK:
        raise MethodError(
            f"GaussNewtonVI: a full covariance of {target.dim} weights needs a matrix of {target.dim}² numbers; use "
            "structure='kron' or 'diag'."
        )
    if method.structure == "kron" and (why := no_kron(Subset.of(target))):
        raise MethodError(f"GaussNewtonVI: {why.replace(", 'lowrank' and", ' and')}")
    if method.batch_size is not None and method.batch_size > target.n_obs:
        raise MethodError(
            f"GaussNewtonVI: batch_size is {method.batch_size} and there are {target.n_obs} rows; leave it out."
        )
