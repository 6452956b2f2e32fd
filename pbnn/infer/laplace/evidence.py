"""The marginal likelihood of a Laplace approximation as a function of the hyperparameters: prior scales and noise.

The weights stay where they are, on their own scale, while prior scales and noise change. In the unconstrained variables
`u` of the point at which the curvature was taken, the precision is then `sum_g c_g G_g + diag(λ p)`: a noise multiplies
the curvature of its output by `c_g`, a prior scale the curvature `p` of the prior by `λ`, exactly of normal priors and
about of others. So no curvature of the network is computed again (MacKay 1992, 10.1162/neco.1992.4.3.448; Immer et al.
2021, arXiv:2104.04975).
"""

from dataclasses import dataclass
from math import log, pi
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.infer.precisions import Curvature, Gaussian
from pbnn.target.curvature import Subset, fisher_information, same_everywhere, weight_scales
from pbnn.target.curvature.explicit import n_parts

ROUNDS = 20
LARGEST_STEP = 1.0
"""Of the logarithm of a hyperparameter."""
ENOUGH = 1e-3
"""Nats that a step must promise, to be taken."""


@final
@dataclass(frozen=True, slots=True)
class Point:
    """What the hyperparameters `theta` do to a Laplace approximation.

    Attributes
    ----------
    value
        Log joint density of data, weights and hyperparameters, with volumes measured on the scale of `u`.
    c
        Factors of the curvature of each part `(part,)`.
    shrink
        `λ` of each weight of the subset `(dim,)`.
    """

    value: float
    c: np.ndarray
    shrink: np.ndarray


class Hyperparameters:
    """The variables that scale priors of the subset, or the noise, at a point `z`; compiled once, for any `z`.

    Attributes
    ----------
    names
        The free variables that are tuned.
    """

    def __init__(self, subset: Subset, *, tied: bool) -> None:
        target = subset.target
        self.subset, self.tied = subset, tied
        candidates = [v.name for v in target.variables if v.name not in target.weights]
        own = {target.variables[i].name for i in target.own}
        scales = self._scales_of_subset([n for n in candidates if n not in own])
        self.names = tuple(n for n in candidates if n in own or n in scales)
        self.own = tuple(n in own for n in self.names for _ in range(self._size(n)))
        self._places = Subset(target, self.names)
        with target.scope():
            self._compiled = jax.jit(self._derivatives)

    def of(self, z: np.ndarray) -> np.ndarray:
        """Return their values, unconstrained."""
        return z[self._places.positions].astype(float)

    def moved(self, z: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return the point with hyperparameters `theta` and the same weights on their own scale."""
        with self.subset.target.scope():
            parts, _ = self._move(jnp.asarray(theta), jnp.asarray(z))
            return np.concatenate([np.ravel(p) for p in parts]).astype(z.dtype)

    def at(self, z: np.ndarray, theta: np.ndarray) -> tuple[Point, dict[str, np.ndarray]]:
        """Return the point, and derivatives by `theta`: `slope`, `bend` of the value; of the logs of `c`, `shrink`."""
        target = self.subset.target
        with target.scope():
            found = self._compiled(jnp.asarray(theta, target.dtype), jnp.asarray(z), target.data)
        value, log_c, log_shrink, *derivatives = (np.asarray(f, dtype=float) for f in found)
        names = ("slope", "bend", "c", "shrink")
        return Point(float(value), np.exp(log_c), np.exp(log_shrink)), dict(
            zip(names, derivatives, strict=True)
        )

    def _derivatives(self, theta: Any, z: Any, data: Any) -> Any:
        def log_factors(theta: Any) -> tuple[Any, Any]:
            _, log_c, log_shrink = self._value(theta, z, data)
            return log_c, log_shrink

        def value(theta: Any) -> Any:
            return self._value(theta, z, data)[0]

        of_c, of_shrink = jax.jacfwd(log_factors)(theta)
        return (
            *self._value(theta, z, data),
            jax.grad(value)(theta),
            jax.hessian(value)(theta),
            of_c,
            of_shrink,
        )

    def _value(self, theta: Any, z: Any, data: Any) -> tuple[Any, Any, Any]:
        target, subset = self.subset.target, self.subset
        parts, log_growth = self._move(theta, z)
        # The network's outputs stay as they are: only the response and the prior know of the hyperparameters.
        f = target.outputs(z, data["x"])
        likelihood = target.log_likelihood_of(f, parts, data).sum()
        value = likelihood + target.log_prior(parts) - sum(g.sum() for g in log_growth.values())
        shrink = jnp.concatenate([-2 * jnp.ravel(log_growth[n]) for n in subset.names])

        def noise_information(at: Any) -> Any:
            n = 1 if same_everywhere(target) else len(f)
            each = jnp.diagonal(fisher_information(target, f[:n], at, data["y"][:n]).mean(axis=0))
            if n_parts(subset) < len(each) == target.n_outputs:  # one factor for all outputs
                each = jnp.exp(jnp.log(each).mean(keepdims=True))
            return each[: n_parts(subset)]

        if target.own:
            log_c = jnp.log(noise_information(parts)) - jnp.log(noise_information(z))
        else:
            log_c = jnp.zeros(1, theta.dtype)
        return value, log_c, shrink

    def _move(self, theta: Any, z: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return the variables at `theta`, with the weights held, and the log of the growth of each weight's scale."""
        target = self.subset.target
        parts = self._places.put(theta, z)
        before = weight_scales(target, z, target.weights)
        growth = {n: s / before[n] for n, s in weight_scales(target, parts, target.weights).items()}
        for i, v in enumerate(target.variables):
            if v.name in growth:
                parts[i] = parts[i] / growth[v.name]
        return parts, {n: jnp.log(g) for n, g in growth.items()}

    def _scales_of_subset(self, candidates: list[str]) -> set[str]:
        """Return which variables are scales of weights of the subset, and of none outside of it."""
        target = self.subset.target
        some = Subset.of(target, candidates)
        if not candidates:
            return set()
        with target.scope():
            z = jnp.zeros(target.dim, target.dtype)

            def log_scales(theta: Any) -> dict[str, Any]:
                scales = weight_scales(target, some.put(theta, z), target.weights)
                return {n: jnp.log(s) for n, s in scales.items()}

            slopes = jax.jit(jax.jacfwd(log_scales))(some.take(z))
        slopes = {n: np.abs(np.asarray(s)).reshape(-1, some.dim).max(axis=0) for n, s in slopes.items()}
        moved = {c: {n for n, s in slopes.items() if s[at].max() > 0} for c, at in some.slices.items()}
        return {c for c, names in moved.items() if names and names <= set(self.subset.names)}

    def _size(self, name: str) -> int:
        return next(v.size for v in self.subset.target.variables if v.name == name)


@final
@dataclass(frozen=True, slots=True)
class Tuned:
    """Hyperparameters that maximise the evidence.

    Attributes
    ----------
    theta
        Their values, unconstrained.
    value
        Log evidence, times the density of the hyperparameters (nats).
    """

    theta: np.ndarray
    value: float


def log_evidence(point: Point, gaussian: Gaussian) -> float:
    """Return the log marginal likelihood, times the density of the hyperparameters (nats)."""
    return point.value + 0.5 * gaussian.dim * log(2 * pi) - 0.5 * gaussian.logdet


def tune(
    hyper: Hyperparameters, curvature: Curvature, prior: np.ndarray, z: np.ndarray, rounds: int = ROUNDS
) -> Tuned:
    """Maximise the evidence by Newton's method, in which each step costs one factorisation.

    Of normal priors its gradient is exact: that of the log determinant follows from the diagonal of the covariance.
    `prior` `(dim,)` is the curvature of the prior at `z`.
    """
    theta = hyper.of(z)
    basis = _directions(hyper)
    point, derivatives = hyper.at(z, theta)
    gaussian = curvature.gaussian(point.c, point.shrink * prior)
    value = log_evidence(point, gaussian)
    for _ in range(rounds):
        slope, information = _newton(hyper, gaussian, point, derivatives, prior)
        slope, bend = basis.T @ slope, basis.T @ information @ basis
        values, vectors = np.linalg.eigh(bend)
        step = vectors @ ((vectors.T @ slope) / np.abs(values).clip(1e-6))
        step *= min(1.0, LARGEST_STEP / max(np.abs(step).max(initial=0.0), 1e-300))
        if slope @ step < 2 * ENOUGH:
            break
        for _ in range(10):
            new = theta + basis @ step
            new_point, new_derivatives = hyper.at(z, new)
            if np.isfinite(new_point.value) and all(np.isfinite(d).all() for d in new_derivatives.values()):
                new_gaussian = curvature.gaussian(new_point.c, new_point.shrink * prior)
                new_value = log_evidence(new_point, new_gaussian)
                if new_value >= value:
                    break
            step = step / 2
        else:
            break
        theta, point, derivatives, gaussian, value = new, new_point, new_derivatives, new_gaussian, new_value
    return Tuned(theta, value)


def _directions(hyper: Hyperparameters) -> np.ndarray:
    """Return the directions in which hyperparameters may move: each alone, or all scales of weights by one factor."""
    own = np.asarray(hyper.own, dtype=bool)
    alone = np.eye(len(own))
    if not hyper.tied or own.all():
        return alone
    return np.column_stack([alone[:, own], np.where(own, 0.0, 1.0)])


def _newton(
    hyper: Hyperparameters,
    gaussian: Gaussian,
    point: Point,
    derivatives: dict[str, np.ndarray],
    prior: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of the log evidence by the hyperparameters, and about its negative Hessian."""
    groups = list(hyper.subset.slices.values())
    scaled = point.shrink * prior
    left = scaled * gaussian.variances()
    starts = [g.start for g in groups]
    undetermined = np.add.reduceat(left, starts)
    determined = gaussian.shares()
    # Of log det by log λ of each variable, and by log c of each part; it is homogeneous in all of them.
    bend = np.diag(undetermined) - gaussian.coupling(scaled, groups)
    # Rounding may leave a determined part slightly below 0.
    share = determined.clip(1e-12) / determined.clip(1e-12).sum()
    mixed = -np.outer(bend.sum(axis=1), share)
    second = np.block([[bend, mixed], [mixed.T, bend.sum() * np.outer(share, share)]])
    of_groups = (
        np.add.reduceat(derivatives["shrink"], starts, axis=0) / np.diff([*starts, len(scaled)])[:, None]
    )
    factors = np.concatenate([of_groups, derivatives["c"]])
    slope = derivatives["slope"] - 0.5 * (derivatives["shrink"].T @ left + derivatives["c"].T @ determined)
    return slope, 0.5 * factors.T @ second @ factors - derivatives["bend"]
