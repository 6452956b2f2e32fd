"""Observed real numbers."""

from collections.abc import Sequence

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph import densities
from pbnn.graph.family import observed_as
from pbnn.graph.layers import add_dim
from pbnn.graph.likelihoods.base import (
    Observing,
    Parameters,
    as_response,
    log_of,
    logistic_scale,
    noise_of,
    observe,
    output_labels,
)
from pbnn.graph.priors import Site, draw_prior, float64
from pbnn.spec import likelihoods

HETEROSCEDASTIC_MEDIAN = 0.3
"""Noise where the network's log-noise output is 0, in standard deviations of the response."""
COMPONENT_MEDIAN = 0.5
"""The same of a component of a mixture."""

Named = (
    likelihoods.StudentT | likelihoods.AsymmetricLaplace | likelihoods.MultivariateGaussian | likelihoods.Beta
)
"""One output of the network for each of the response."""


@output_labels.register
def _(likelihood: likelihoods.Gaussian, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    if likelihood.noise == "heteroscedastic":
        return (*names, *(f"log_noise[{name}]" for name in names))
    return names


@observe.register
def _(likelihood: likelihoods.Gaussian, f: TensorVariable, at: Observing) -> Parameters:
    if likelihood.noise == "heteroscedastic":
        n = at.scale.size
        mu = at.loc + at.scale * as_response(f[:, :n], at)
        sigma = HETEROSCEDASTIC_MEDIAN * at.scale * pt.exp(as_response(f[:, n:], at))
    else:
        mu = at.loc + at.scale * as_response(f, at)
        sigma = noise_of(likelihood.noise, at)
    pm.Normal(at.name, mu, sigma, observed=at.observed, dims=at.dims, shape=mu.shape)
    return {"mu": mu, "variance": pt.broadcast_to(sigma**2, mu.shape)}


@output_labels.register
def _(likelihood: Named, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.StudentT, f: TensorVariable, at: Observing) -> Parameters:
    mu = at.loc + at.scale * as_response(f, at)
    sigma = noise_of(likelihood.noise, at)
    if isinstance(likelihood.df, int | float):
        df = float64(likelihood.df)
    else:
        df = pm.Deterministic("df", 2 + draw_prior(likelihood.df, Site("df_minus_2")))
    pm.StudentT(at.name, nu=df, mu=mu, sigma=sigma, observed=at.observed, dims=at.dims, shape=mu.shape)
    return {"mu": mu, "variance": pt.broadcast_to(sigma**2 * df / (df - 2), mu.shape)}


@observe.register
def _(likelihood: likelihoods.AsymmetricLaplace, f: TensorVariable, at: Observing) -> Parameters:
    where = at.loc + at.scale * as_response(f, at)
    sigma, q = noise_of(likelihood.noise, at), likelihood.quantile
    observed_as(densities.ASYMMETRIC_LAPLACE, at, where, sigma, float64(q))
    mean = where + sigma * ((1 - 2 * q) / (q * (1 - q)))
    variance = sigma**2 * ((1 - 2 * q + 2 * q**2) / (q * (1 - q)) ** 2)
    return {"mu": mean, "variance": pt.broadcast_to(variance, mean.shape)}


@output_labels.register
def _(
    likelihood: likelihoods.MixtureDensity, names: tuple[str, ...], classes: tuple[str, ...]
) -> tuple[str, ...]:
    kinds = ("logit", "mean", "log_sd")
    return tuple(f"{kind}[{i}]" for kind in kinds for i in range(likelihood.components))


@observe.register
def _(likelihood: likelihoods.MixtureDensity, f: TensorVariable, at: Observing) -> Parameters:
    k = likelihood.components
    logits, means = f[:, :k], at.loc + at.scale * f[:, k : 2 * k]
    log_sd = at.log_scale + np.log(COMPONENT_MEDIAN) + f[:, 2 * k :]
    observed_as(densities.MIXTURE, at, logits, means, log_sd)
    p = pt.special.softmax(logits, axis=-1)
    mu = (p * means).sum(axis=-1)
    return {"mu": mu, "variance": (p * (pt.exp(2 * log_sd) + (means - mu[:, None]) ** 2)).sum(axis=-1)}


@observe.register
def _(likelihood: likelihoods.MultivariateGaussian, f: TensorVariable, at: Observing) -> Parameters:
    mu = at.loc + at.scale * f
    sigma = noise_of(likelihood.noise, at) * pt.ones(at.scale.size)
    names = pm.modelcontext(None).coords["output"]
    root = _correlation_root(likelihood.lkj, names)
    others = add_dim("output_other", tuple(names))
    pm.Deterministic("correlation", root @ root.T, dims=(*at.output_dims, others))
    observed_as(densities.MULTIVARIATE_GAUSSIAN, at, mu, sigma[:, None] * root)
    return {"mu": mu, "variance": pt.broadcast_to(sigma**2, mu.shape)}


def _correlation_root(lkj: float, names: Sequence[str]) -> TensorVariable:
    """Return the Cholesky factor of a correlation matrix, from partial correlations on a C-vine.

    That of two variables given `j` others is `2 u - 1` with `u ~ Beta(b, b)`, `b = lkj + (k - 2 - j) / 2`; then the
    matrix has density proportional to `det(R)**(lkj - 1)` (Lewandowski et al. 2009, section 2.4).
    """
    k = len(names)
    pairs = [(j, i) for i in range(1, k) for j in range(i)]
    b = np.asarray([lkj + (k - 2 - j) / 2 for j, _ in pairs])
    dim = add_dim("pair", tuple(f"{names[j]}, {names[i]}" for j, i in pairs))
    u = pm.Beta("partial_correlation", b, b, dims=(dim,))
    partial = dict(zip(pairs, [2 * u[at] - 1 for at in range(len(pairs))], strict=True))
    # What remains of the unit length of a row is a product of 1 - r**2, which never cancels.
    rows = []
    for i in range(k):
        left, row = pt.ones(()), []
        for j in range(i):
            row.append(partial[j, i] * left)
            left = left * 2 * pt.sqrt(u[pairs.index((j, i))] * (1 - u[pairs.index((j, i))]))
        rows.append(pt.stack([*row, left, *[pt.zeros(())] * (k - i - 1)]))
    return pt.stack(rows)


@output_labels.register
def _(likelihood: likelihoods.VonMises, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return (*(f"cos[{name}]" for name in names), *(f"sin[{name}]" for name in names))


@observe.register
def _(likelihood: likelihoods.VonMises, f: TensorVariable, at: Observing) -> Parameters:
    n = at.scale.size
    a, b = as_response(f[:, :n], at), as_response(f[:, n:], at)
    observed_as(densities.VON_MISES, at, a, b)
    return {"mu": pt.arctan2(b, a), "variance": densities.chord(pt.sqrt(a**2 + b**2 + 1e-30))}


@observe.register
def _(likelihood: likelihoods.Beta, f: TensorVariable, at: Observing) -> Parameters:
    logit, log_precision = as_response(f, at), log_of("precision", likelihood.precision, at)
    observed_as(densities.BETA, at, logit, log_precision)
    return {"mu": pt.sigmoid(logit), "variance": logistic_scale(logit) / (1 + pt.exp(log_precision))}
