"""ADVI: a Gaussian fitted to the posterior by stochastic ascent of the evidence lower bound, in JAX on the target."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.ascent import Objective, ascend, steps_of
from pbnn.infer.gaussian import FAMILIES, Family
from pbnn.infer.methods import ADVI
from pbnn.infer.minibatch import log_density_estimate
from pbnn.infer.progress import progress_bar
from pbnn.infer.run import Run, Session, run
from pbnn.target import Target

LARGEST_FULLRANK = 5000


@run.register
def _(method: ADVI, target: Target, session: Session) -> Run:
    _check(method, target)
    family = FAMILIES[method.structure](method)
    start = target.starts(1, session.seed)[0]
    with target.scope(), progress_bar("ADVI", method.steps, show=session.progress) as bar:
        ascent = ascend(
            target.once((method, "ascend"), lambda: steps_of(elbo(method, target, family))),
            family.init(jnp.asarray(start)),
            target.data,
            steps=method.steps,
            learning_rate=method.learning_rate,
            seed=session.seed,
            bar=bar,
        )
        if ascent.trace.size == 0:
            raise MethodError("fit: interrupted before the first step; there is nothing to return.")
        draw = target.once((method, "draw"), lambda: jax.jit(_draw(target, family)))
        # Other keys than those of the ascent, which folds in the number of each chunk.
        keys = jax.random.split(jax.random.fold_in(jax.random.PRNGKey(session.seed), 2**31), method.draws)
        z, lp, log_q = map(np.asarray, draw(ascent.params, keys, target.data))
    steps = ascent.trace.size
    if ascent.interrupted:
        message = f"Interrupted after {steps} steps; the draws are from the approximation reached by then."
    elif ascent.converged:
        message = f"The ELBO stopped rising after {steps} steps, at {np.mean(lp - log_q):.1f} nats."
    else:
        message = f"After {steps} steps the ELBO may still be rising; raise `steps`."
    return Run(
        z[None],
        {"lp": lp[None], "log_q": log_q[None]},
        "approximate",
        trace={"elbo": ascent.trace},
        n_gradients=steps * method.samples,
        converged=ascent.converged,
        interrupted=ascent.interrupted,
        message=message,
    )


def elbo(method: ADVI, target: Target, family: Family) -> Objective:
    """Return the objective `(params, key, data)`: an unbiased estimate of the evidence lower bound, in nats.

    With minibatches the log-likelihood of `batch_size` rows, drawn with replacement, counts `n_obs / batch_size` times.
    """
    log_density = log_density_estimate(target, method.batch_size)

    def one(params: Any, key: jax.Array, data: Any) -> jax.Array:
        key_z, key_rows = jax.random.split(key)
        z = family.sample(params, key_z)
        # Stopped: the score of q has expectation zero, and without it the noise vanishes where q is exact.
        return log_density(z, key_rows, data) - family.log_density(jax.lax.stop_gradient(params), z)

    def objective(params: Any, key: jax.Array, data: Any) -> jax.Array:
        if method.samples == 1:
            return one(params, key, data)
        return jax.vmap(one, (None, 0, None))(params, jax.random.split(key, method.samples), data).mean()

    return objective


def _draw(target: Target, family: Family) -> Callable[..., Any]:
    """Return the function that draws from the approximation, with the log densities of both."""

    def draw(params: Any, keys: jax.Array, data: Any) -> Any:
        def one(key: jax.Array) -> Any:
            z = family.sample(params, key)
            return z, target.log_density(z, data), family.log_density(params, z)

        return jax.lax.map(one, keys)

    return draw


def _check(method: ADVI, target: Target) -> None:
    if method.structure == "fullrank" and target.dim > LARGEST_FULLRANK:
        raise MethodError(
            f"ADVI: full rank with {target.dim} weights needs a matrix of {target.dim}² numbers; use "
            "structure='lowrank' or 'meanfield'."
        )
    if method.batch_size is not None:
        if target.bnn is None:
            raise MethodError("ADVI: minibatches need a model made by pbnn.build; leave out batch_size.")
        if method.batch_size > target.n_obs:
            raise MethodError(
                f"ADVI: batch_size is {method.batch_size} and there are {target.n_obs} rows; leave it out."
            )
