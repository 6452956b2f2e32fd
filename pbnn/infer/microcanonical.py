"""Microcanonical dynamics on a target, as pure functions of a chain's state: BlackJAX's integrator, a lean loop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from blackjax.mcmc.integrators import (
    IntegratorState,
    esh_dynamics_momentum_update_one_step,
    isokinetic_velocity_verlet,
)

from pbnn.target import Target

Point = IntegratorState
"""`position`, `momentum` (a unit vector), `logdensity` and `logdensity_grad`."""


class Travel(NamedTuple):
    """What some steps cost and covered.

    Attributes
    ----------
    energy
        Mean square of the energy error of a step (a trajectory, if adjusted), in nats squared per dimension.
    refused
        Share of the steps that led to no finite density and were undone, or of the proposals that were rejected.
    n_gradients
        Gradients that were evaluated.
    """

    energy: jax.Array
    refused: jax.Array
    n_gradients: jax.Array


class Settings(NamedTuple):
    """How a chain moves.

    Attributes
    ----------
    step_size, length
        Of a step, and on which momentum turns, where each parameter is measured in its scale.
    metric
        Squares of those scales `(dim,)`.
    """

    step_size: Any
    length: Any
    metric: Any


Move = Callable[[jax.Array, Point, jax.Array, jax.Array, Settings, Any], tuple[Point, Travel]]
"""`(key, point, first, n, settings, data)` to the point after `n` steps, of which `first` is the number of the first.

Random numbers follow from the key and the number of each step, so that a chain may be cut into pieces anywhere.
"""


def initial(target: Target, key: jax.Array, z: jax.Array, data: Any) -> Point:
    """Return a chain at rest at `z`, with a momentum in a random direction."""
    value, gradient = jax.value_and_grad(target.log_density)(z, data)
    return Point(z, _direction(key, z), value, gradient)


def unadjusted(target: Target) -> Move:
    """Microcanonical Langevin dynamics (Robnik et al. 2023, arXiv:2212.08549; Robnik & Seljak 2023, arXiv:2303.18221).

    Each step of size `eps` bends a unit momentum by the gradient, moves half of the way along it, turns it partly at
    random (fully after a length `L`) and moves the other half. Nothing is rejected, so the draws have a bias that
    shrinks with the square of `eps`. With the random turn in the middle of the drift rather than beside the bends
    (Zhang et al. 2019, doi:10.1021/acs.jpca.9b02771, for Langevin dynamics) the positions of a Gaussian have almost
    none: at the same step a tenth of that of velocity Verlet, at the same one gradient.
    """
    d = target.dim

    def move(
        key: jax.Array, point: Point, first: jax.Array, n: jax.Array, settings: Settings, data: Any
    ) -> tuple[Point, Travel]:
        eps, length, metric = settings
        scale = jnp.sqrt(metric)
        bend = esh_dynamics_momentum_update_one_step(metric)
        noise = jnp.sqrt(jnp.expm1(2 * eps / length) / d)
        value_and_grad = jax.value_and_grad(target.log_density)

        def body(i: jax.Array, carry: Any) -> Any:
            point, total, refused = carry
            momentum, velocity, kinetic = bend(point.momentum, point.logdensity_grad, eps, 1.0)
            half_way = point.position + 0.5 * eps * velocity
            kick = jax.random.normal(jax.random.fold_in(key, first + i), (d,), momentum.dtype)
            momentum = _unit(momentum + noise * kick)
            position = half_way + 0.5 * eps * scale * momentum
            new = Point(position, momentum, *value_and_grad(position, data))
            error = kinetic - new.logdensity + point.logdensity
            fine = jnp.isfinite(error) & jnp.isfinite(new.logdensity_grad).all()
            turned = point._replace(momentum=-point.momentum)
            point = jax.tree.map(lambda a, b: jnp.where(fine, a, b), new, turned)
            error = jnp.where(fine, error, 0.0)
            return point, total + error**2, refused + ~fine

        zero = jnp.zeros((), point.logdensity.dtype)
        point, total, refused = jax.lax.fori_loop(0, n, body, (point, zero, jnp.int32(0)))
        return point, Travel(total / (n * d), refused / n, n)

    return move


def adjusted(target: Target) -> Move:
    """Metropolis-adjusted microcanonical dynamics (Robnik et al. 2025, arXiv:2503.01707): asymptotically exact.

    Each step is a trajectory of random length, with mean `L`, from a fresh momentum; its end is taken or left by its
    energy error.
    """
    d = target.dim

    def move(
        key: jax.Array, point: Point, first: jax.Array, n: jax.Array, settings: Settings, data: Any
    ) -> tuple[Point, Travel]:
        eps, length, metric = settings
        step = isokinetic_velocity_verlet(lambda z: target.log_density(z, data), metric)

        def body(i: jax.Array, carry: Any) -> Any:
            point, total, refused, gradients = carry
            key_m, key_n, key_u = jax.random.split(jax.random.fold_in(key, first + i), 3)
            start = point._replace(momentum=_direction(key_m, point.position))
            steps = jnp.ceil(2 * jax.random.uniform(key_n) * jnp.maximum(length / eps, 1.0)).astype(jnp.int32)

            def along(_: jax.Array, carry: Any) -> Any:
                point, total = carry
                point, kinetic = step(point, eps)
                return point, total + kinetic

            end, kinetic = jax.lax.fori_loop(0, steps, along, (start, jnp.zeros_like(point.logdensity)))
            error = kinetic - end.logdensity + start.logdensity
            fine = jnp.isfinite(error) & jnp.isfinite(end.logdensity_grad).all()
            error = jnp.where(fine, error, jnp.inf)
            taken = jnp.log(jax.random.uniform(key_u, dtype=error.dtype)) < -error
            point = jax.tree.map(lambda a, b: jnp.where(taken, a, b), end, start)
            # The acceptance rate rather than the outcome: it tells more, and the step size is tuned by it.
            rate = jnp.minimum(1.0, jnp.exp(-error))
            error = jnp.where(fine, error, 0.0)
            return point, total + error**2, refused + 1 - rate, gradients + steps

        zero = jnp.zeros((), point.logdensity.dtype)
        carry = (point, zero, zero, jnp.int32(0))
        point, total, refused, gradients = jax.lax.fori_loop(0, n, body, carry)
        return point, Travel(total / (n * d), refused / n, gradients)

    return move


def _unit(m: jax.Array) -> jax.Array:
    return m / jnp.sqrt((m**2).sum())


def _direction(key: jax.Array, z: jax.Array) -> jax.Array:
    return _unit(jax.random.normal(key, z.shape, z.dtype))
