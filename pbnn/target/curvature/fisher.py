"""Fisher information of an observation about the network's outputs, whatever the likelihood."""

from collections.abc import Callable
from math import asinh
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.spec.likelihoods import (
    AsymmetricLaplace,
    Gamma,
    Gaussian,
    LogNormal,
    MixtureDensity,
    MultivariateGaussian,
    StudentT,
    Weibull,
)
from pbnn.target.curvature.information import ROOTS
from pbnn.target.target import Target

Array = jax.Array

SHIFTED = Gaussian | StudentT | AsymmetricLaplace | MultivariateGaussian
"""Of which outputs only shift the response, unless there are further ones."""
JOINT = ("multinomial", "multivariate_gaussian")
"""Of which a row is one response, not one for each output."""
NODES = 257
FARTHEST = 1e4
"""Standard deviations: of a Student t with 2.1 degrees of freedom all but 1e-8 lies within."""


def fisher_information(target: Target, f: Array, z: Any, y: Array, *, own: bool = False) -> Array:
    """Return the Fisher information of each observation at network outputs `f`.

    The expectation over the response of the outer products of the score, which autodiff gives. Where the outputs are
    natural parameters (`Gaussian` with known noise, `Bernoulli`, `Categorical`, `Poisson`) it equals the Hessian of
    the negative log-likelihood; elsewhere, unlike that, it is positive semi-definite all the same (Martens 2020,
    JMLR 21(146), section 9).

    The families of `information.py` have it in closed form. Else the expectation is a sum over the classes; for
    `Poisson` a rule of two points, which is exact; the rule of Gauss and Hermite with three for `Gaussian`, exact, and
    with 32 for each component of a mixture, to about 1e-5; and for `StudentT` the trapezoidal rule in `asinh` of the
    response, exact to rounding. Where the outputs only shift the response, all observations have the information of
    the first.

    Of the responses themselves two things matter: the total of a row of a `Multinomial`, and how times are known. A row
    of such times counts as that share of a known time at which the information about the output is the observed one,
    the Hessian of the row's negative log-likelihood, or 0 where that is negative. About the outputs the curvature so
    is exact; about the response's own variables it is that of known times, weighted.

    Parameters
    ----------
    target
        Of a BNN.
    f
        Outputs `(obs, n_outputs)`.
    z
        Unconstrained variables: those of the response, such as the noise, are read.
    y
        Responses, as `Target.bind` makes them.
    own
        Whether to include the information about the latter, behind that about the outputs.

    Returns
    -------
    Array
        `(obs, n, n)`, with `n` the number of outputs, and of the response's own variables if `own`.
    """
    scores, weights = _scores(target, f, z, y, own)
    return _for_all(jnp.einsum("kno,knoi,knoj->nij", weights, scores, scores), f)


def fisher_roots(target: Target, f: Array, z: Any, y: Array, *, own: bool = False) -> Array:
    """Return `S` `(obs, rank, n)` with `S'S` the Fisher information of each observation."""
    scores, weights = _scores(target, f, z, y, own)
    nodes, obs, outputs, n = scores.shape
    if nodes * outputs <= n:
        rows = jnp.sqrt(weights)[..., None] * scores
        return _for_all(jnp.moveaxis(rows, 1, 0).reshape(obs, nodes * outputs, n), f)
    information = jnp.einsum("kno,knoi,knoj->nij", weights, scores, scores)
    if target.family == "mixture":  # singular, for one logit is one too many
        return _for_all(_root(information), f)
    return _for_all(jnp.sqrt(information) if n == 1 else jnp.linalg.cholesky(information).mT, f)


def _root(matrices: Array) -> Array:
    values, vectors = jnp.linalg.eigh(matrices)
    return (vectors * jnp.sqrt(jnp.maximum(values, 0.0))[:, None, :]).mT


def same_everywhere(target: Target) -> bool:
    """Whether all observations have the same information, whatever the outputs of the network are."""
    assert target.bnn is not None
    plain = isinstance(target.bnn.network.likelihood, SHIFTED | Gamma | LogNormal | Weibull)
    return plain and not target.bnn.response.censored and target.n_outputs == len(target.bnn.response.names)


def _for_all(values: Array, f: Array) -> Array:
    """Return one value for each observation, where they share the first."""
    return jnp.broadcast_to(values, (len(f), *values.shape[1:]))


def _scores(target: Target, f: Array, z: Any, y: Array, own: bool) -> tuple[Array, Array]:
    """Return scores `(node, obs, output, n)` and the probabilities of the nodes `(node, obs, output)`.

    Of the first observation only, where all have the same information.
    """
    bnn = target.bnn
    assert bnn is not None
    if same_everywhere(target):
        f = f[:1]
    values, y_loc = target.split(z), target.data["y_loc"]
    mine = target.own if own else ()
    sizes = np.cumsum([f.shape[1], *(target.variables[i].size for i in mine)])

    def parts_at(eta: Array) -> list[Array]:
        parts = list(values)
        for i, start, end in zip(mine, sizes, sizes[1:], strict=False):
            parts[i] = eta[start:end].reshape(target.variables[i].shape)
        return parts

    def log_likelihood(eta: Array, y: Array) -> Array:
        terms = target.log_likelihood_of(
            eta[None, : f.shape[1]], parts_at(eta), {"y": y[None], "y_loc": y_loc}
        )
        return terms.sum() if bnn.response.censored else jnp.ravel(terms)

    shared = [jnp.tile(jnp.ravel(values[i]), (len(f), 1)) for i in mine]
    eta = jnp.concatenate([f, *shared], axis=1)
    if target.family in ROOTS:

        def theta(eta: Array) -> list[Array]:
            return target.theta_of(eta[None, : f.shape[1]], parts_at(eta), y_loc)

        roots = jax.vmap(lambda eta, y: _roots(target, theta, eta, y))(eta, y[: len(f)])
        if bnn.response.censored:
            observed = -jax.vmap(jax.hessian(log_likelihood))(eta, y)[:, 0, 0]
            # Above 0, for Laplace's evidence takes the slope of the root.
            share = jnp.maximum(observed, jnp.finfo(f.dtype).tiny) / (roots[..., 0] ** 2).sum(axis=(1, 2))
            roots = jnp.sqrt(share)[:, None, None, None] * roots
        scores = jnp.moveaxis(roots, 0, 1)
        return scores, jnp.ones(scores.shape[:3], scores.dtype)
    nodes, weights = _rule(target)(target, f, values)
    scores = jax.vmap(jax.vmap(jax.jacrev(log_likelihood)), (None, 0))(eta, nodes)
    return scores, weights.reshape(scores.shape[:3])


def _roots(target: Target, theta: Callable[[Array], list[Array]], eta: Array, y: Array) -> Array:
    """Return `(rank, output, n)` of one observation: roots of the information, by the chain rule."""
    assert target.family is not None
    assert target.bnn is not None
    root_of = ROOTS[target.family]
    parameters, slopes = theta(eta), jax.jacrev(theta)(eta)
    if target.family == "multinomial":
        parameters = [y.sum().astype(eta.dtype), *parameters[1:]]
    if target.family in JOINT:
        parameters = [p.reshape(p.shape[1:]) if p.ndim else p for p in parameters]
        root = root_of(*parameters)
        return root[:, None, :] @ jnp.concatenate([s.reshape(-1, len(eta)) for s in slopes])[None]
    outputs = 1 if target.bnn.response.vector else len(target.bnn.response.names)
    each = [jnp.broadcast_to(jnp.ravel(p), (outputs,)) for p in parameters]
    change = [jnp.broadcast_to(s.reshape(-1, len(eta)), (outputs, len(eta))) for s in slopes]
    roots = jax.vmap(root_of)(*each)
    return jnp.einsum("orm,omn->ron", roots, jnp.stack(change, axis=1))


def _rule(target: Target) -> Callable[..., tuple[Array, Array]]:
    assert target.bnn is not None
    likelihood = target.bnn.network.likelihood
    if isinstance(likelihood, Gaussian):
        return _gaussian
    return _mixture if isinstance(likelihood, MixtureDensity) else _NODES[target.bnn.response.kind]


def _mixture(target: Target, f: Array, values: list[Array]) -> tuple[Array, Array]:
    """Nodes of each component, which are many where another component is as near."""
    logits, means, log_sd = target.theta_of(f, values, target.data["y_loc"])
    places, masses = np.polynomial.hermite_e.hermegauss(32)
    at, weights = jnp.asarray(places, f.dtype), jnp.asarray(masses / masses.sum(), f.dtype)
    y = means + jnp.exp(log_sd) * at[:, None, None]
    p = jax.nn.softmax(logits, axis=-1) * weights[:, None, None]
    merged = [jnp.moveaxis(v, 2, 1).reshape(-1, len(f)) for v in (y, p)]
    return merged[0], merged[1]


def _classes(target: Target, f: Array, values: list[Array]) -> tuple[Array, Array]:
    p = target.parameters_of(f, values)["p"]
    codes = jnp.arange(p.shape[1], dtype=target.data["y"].dtype)
    return jnp.broadcast_to(codes[:, None], p.shape[::-1]), p.T


def _counts(target: Target, f: Array, values: list[Array]) -> tuple[Array, Array]:
    """The points 0 and 1 + rate have the mean and the variance of a Poisson distribution, and are never negative."""
    rate = target.parameters_of(f, values)["mu"]
    return jnp.stack([jnp.zeros_like(rate), 1 + rate]), jnp.stack([1 / (1 + rate), rate / (1 + rate)])


def _gaussian(target: Target, f: Array, values: list[Array]) -> tuple[Array, Array]:
    """Scores are quadratic in the response, so their products have degree 4; the rule is exact to degree 5."""
    parameters = target.parameters_of(f, values, target.data["y_loc"])
    mean, sd = parameters["mu"], jnp.sqrt(parameters["variance"])
    at = jnp.asarray([-(3**0.5), 0.0, 3**0.5], f.dtype).reshape(-1, *[1] * mean.ndim)
    weights = jnp.asarray([1 / 6, 2 / 3, 1 / 6], f.dtype).reshape(at.shape)
    return mean + sd * at, jnp.broadcast_to(weights, (3, *mean.shape))


def _continuous(target: Target, f: Array, values: list[Array]) -> tuple[Array, Array]:
    y_loc = target.data["y_loc"]
    parameters = target.parameters_of(f, values, y_loc)
    mean, sd = parameters["mu"], jnp.sqrt(parameters["variance"])
    at = jnp.linspace(-asinh(FARTHEST), asinh(FARTHEST), NODES).astype(f.dtype)
    at = at.reshape(-1, *[1] * mean.ndim)
    y = mean + sd * jnp.sinh(at)
    log_p = jax.vmap(lambda y: target.log_likelihood_of(f, values, {"y": y, "y_loc": y_loc}))(y)
    return y, jax.nn.softmax(log_p + jnp.log(jnp.cosh(at)), axis=0)


_NODES = {"classes": _classes, "counts": _counts, "continuous": _continuous}
"""Responses `(node, obs[, output])`, and their probabilities, by the kind of response."""
