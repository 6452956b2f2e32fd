"""Gaussians whose precision is a curvature, inside compiled code: how each structure is averaged, drawn and solved."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve, solve_triangular

from pbnn.infer.precisions import DenseGaussian, DiagGaussian, Gaussian, KronGaussian
from pbnn.target import Data
from pbnn.target.curvature import Kron, Subset, ggn_diag, ggn_full, ggn_kron, no_kron

Array = jax.Array


@dataclass(frozen=True, slots=True)
class NaturalFamily:
    """A structure of the precision `curvature + prior`, with the curvature of the log-likelihood and that of the prior.

    Attributes
    ----------
    curvature
        `(z, data, times)` to the curvature of the log-likelihood of rows of data that count so many times: a pytree
        that may be averaged.
    factor
        `(curvature, prior)` to what the others take; `prior` `(dim,)`.
    sample
        `(factor, noise)`: standard normal `(dim,)` to a deviation from the mean.
    solve
        `(factor, gradient)`: the covariance times a vector, along which the mean moves.
    logdet
        `(factor)` to the logarithm of the determinant of the precision.
    gaussian
        `(factor)`, as NumPy arrays, to the Gaussian that is kept.
    completed
        `(curvature, factor, away, surprise)` to an estimate of the whole Hessian's expectation. `surprise` is by how
        much the gradient falls along `away`, a deviation from the mean, beyond what the curvature says. By Stein's
        lemma its products with `precision @ away` are on average what the curvature lacks (Lin et al. 2019,
        arXiv:1910.13398). None keeps to the Gauss–Newton matrix.
    """

    curvature: Callable[[Array, Data, float], Any]
    factor: Callable[[Any, Array], Any]
    sample: Callable[[Any, Array], Array]
    solve: Callable[[Any, Array], Array]
    logdet: Callable[[Any], Array]
    gaussian: Callable[[Any], Gaussian]
    completed: Callable[[Any, Any, Array, Array], Any] | None = None


LARGEST_REST = 20.0
"""What one estimate may add to a precision, or take from it, in its own size."""


def diag(subset: Subset) -> NaturalFamily:
    """Independent variables.

    The mean moves by the covariance of Kronecker factors, where the subset has them: it comes to the same place, where
    the expected gradient is 0, and sooner, since the weights of a layer are strongly correlated.
    """
    steps = None if no_kron(subset) else kron(subset)

    def curvature(z: Array, data: Data, times: float) -> Any:
        diagonal = times * ggn_diag(subset, z, data, own=True)[0]
        return diagonal, None if steps is None else steps.curvature(z, data, times)

    def factor(curvature: Any, prior: Array) -> Any:
        diagonal, blocks = curvature
        return diagonal + prior, None if steps is None else steps.factor(blocks, prior)

    def solve(factor: Any, gradient: Array) -> Array:
        return gradient / factor[0] if steps is None else steps.solve(factor[1], gradient)

    def completed(curvature: Any, factor: Any, away: Array, surprise: Array) -> Any:
        precision = factor[0]
        rest = (precision * away * surprise).clip(-LARGEST_REST * precision, LARGEST_REST * precision)
        return curvature[0] + rest, curvature[1]

    return NaturalFamily(
        curvature=curvature,
        factor=factor,
        sample=lambda factor, noise: noise / jnp.sqrt(factor[0]),
        solve=solve,
        logdet=lambda factor: jnp.log(factor[0]).sum(),
        gaussian=lambda factor: _whole(subset, DiagGaussian(factor[0].astype(float))),
        completed=completed,
    )


def full(subset: Subset) -> NaturalFamily:
    """Any precision, by its Cholesky factor."""
    return NaturalFamily(
        curvature=lambda z, data, times: times * ggn_full(subset, z, data, own=True)[0],
        factor=lambda curvature, prior: jnp.linalg.cholesky(curvature + jnp.diag(prior)),
        sample=lambda lower, noise: solve_triangular(lower, noise, lower=True, trans=1),
        solve=lambda lower, gradient: cho_solve((lower, True), gradient),
        logdet=_logdet,
        gaussian=lambda lower: _whole(subset, DenseGaussian(lower)),
    )


def kron(subset: Subset) -> NaturalFamily:
    """A Kronecker product for each matrix of weights, a dense block for all else."""
    places = subset.slices

    def curvature(z: Array, data: Data, times: float) -> Any:
        # The factor of the inputs is a mean over rows, which no number of rows changes.
        return {
            name: Kron(block.input, times * block.output) if isinstance(block, Kron) else times * block
            for name, block in ggn_kron(subset, z, data, own=True).items()
        }

    def factor(curvature: Any, prior: Array) -> Any:
        made = {}
        for name, at in places.items():
            block = curvature[name]
            if isinstance(block, Kron):
                a, q_in = jnp.linalg.eigh(block.input)
                g, q_out = jnp.linalg.eigh(block.output[0])
                made[name] = (q_in, q_out, jnp.outer(a.clip(0), g.clip(0)) + prior[at].mean())
            else:
                made[name] = (jnp.linalg.cholesky(block[0] + jnp.diag(prior[at])),)
        return made

    def each(of_kron: Callable[..., Array], of_dense: Callable[..., Array], factor: Any, v: Array) -> Array:
        parts = []
        for name, at in places.items():
            if len(factor[name]) == 3:
                q_in, q_out, values = factor[name]
                parts.append(jnp.ravel(of_kron(q_in, q_out, values, v[at].reshape(values.shape))))
            else:
                parts.append(of_dense(factor[name][0], v[at]))
        return jnp.concatenate(parts)

    def solve_kron(q_in: Array, q_out: Array, values: Array, v: Array) -> Array:
        return q_in @ ((q_in.T @ v @ q_out) / values) @ q_out.T

    def logdet(factor: Any) -> Array:
        each_block = [jnp.log(f[2]).sum() if len(f) == 3 else _logdet(f[0]) for f in factor.values()]
        return jnp.stack(each_block).sum()

    def gaussian(factor: Any) -> Gaussian:
        # Not in the order of the factors: JAX sorts the keys of a dict.
        found = [factor[name] for name in places]
        blocks = [KronGaussian(*f) if len(f) == 3 else DenseGaussian(f[0]) for f in found]
        return Gaussian(subset.dim, tuple(places.values()), tuple(blocks))

    return NaturalFamily(
        curvature=curvature,
        factor=factor,
        sample=partial(
            each,
            lambda q_in, q_out, values, e: q_in @ (e / jnp.sqrt(values)) @ q_out.T,
            lambda lower, e: solve_triangular(lower, e, lower=True, trans=1),
        ),
        solve=partial(each, solve_kron, lambda lower, g: cho_solve((lower, True), g)),
        logdet=logdet,
        gaussian=gaussian,
    )


FAMILIES = {"diag": diag, "kron": kron, "full": full}


def _whole(subset: Subset, block: Any) -> Gaussian:
    return Gaussian(subset.dim, (slice(0, subset.dim),), (block,))


def _logdet(lower: Array) -> Array:
    return 2 * jnp.log(jnp.diagonal(lower)).sum()


def as_numpy(factor: Any) -> Any:
    """Return a factor as NumPy arrays."""
    return jax.tree.map(np.asarray, factor)
