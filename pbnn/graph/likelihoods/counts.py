"""Observed counts."""

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph import densities
from pbnn.graph.family import observed_as
from pbnn.graph.likelihoods.base import (
    Observing,
    Parameters,
    as_response,
    log_of,
    logistic_scale,
    observe,
    output_labels,
)
from pbnn.graph.priors import float64
from pbnn.spec import likelihoods

Named = likelihoods.Poisson | likelihoods.NegativeBinomial | likelihoods.Binomial | likelihoods.Multinomial
"""One output of the network for each of the response."""


@output_labels.register
def _(likelihood: Named, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.Poisson, f: TensorVariable, at: Observing) -> Parameters:
    rate = at.scale * pt.exp(as_response(f, at))
    pm.Poisson(at.name, rate, observed=at.observed, dims=at.dims, shape=rate.shape)
    return {"mu": rate, "variance": rate}


@observe.register
def _(likelihood: likelihoods.NegativeBinomial, f: TensorVariable, at: Observing) -> Parameters:
    log_mu = at.log_scale + as_response(f, at)
    log_alpha = -log_of("dispersion", likelihood.dispersion, at)
    observed_as(densities.NEGATIVE_BINOMIAL, at, log_mu, log_alpha)
    mu = pt.exp(log_mu)
    return {"mu": mu, "variance": mu + mu**2 * pt.exp(-log_alpha)}


@observe.register
def _(likelihood: likelihoods.Binomial, f: TensorVariable, at: Observing) -> Parameters:
    logit, n = as_response(f, at), float64(likelihood.n)
    observed_as(densities.BINOMIAL, at, n, logit)
    return {"mu": n * pt.sigmoid(logit), "variance": n * logistic_scale(logit)}


@output_labels.register
def _(
    likelihood: likelihoods.ZeroInflatedPoisson, names: tuple[str, ...], classes: tuple[str, ...]
) -> tuple[str, ...]:
    return (*names, *(f"logit_zero[{name}]" for name in names))


@observe.register
def _(likelihood: likelihoods.ZeroInflatedPoisson, f: TensorVariable, at: Observing) -> Parameters:
    n = at.scale.size
    log_rate = at.log_scale + as_response(f[:, :n], at)
    logit_zero = as_response(f[:, n:], at)
    observed_as(densities.ZERO_INFLATED_POISSON, at, log_rate, logit_zero)
    rate, zero, other = pt.exp(log_rate), pt.sigmoid(logit_zero), pt.sigmoid(-logit_zero)
    return {"mu": other * rate, "variance": other * rate * (1 + zero * rate)}


@observe.register
def _(likelihood: likelihoods.Multinomial, f: TensorVariable, at: Observing) -> Parameters:
    n = float64(likelihood.n)
    observed_as(densities.MULTINOMIAL, at, n, f)
    p = pt.special.softmax(f, axis=-1)
    return {"mu": n * p, "variance": n * p * (1 - p)}
