"""Observed positive numbers: amounts, and times that may be known in part."""

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph import densities
from pbnn.graph.family import observed_as
from pbnn.graph.likelihoods.base import (
    Observing,
    Parameters,
    as_response,
    log_of,
    observe,
    output_labels,
)
from pbnn.spec import likelihoods

Positive = likelihoods.Gamma | likelihoods.LogNormal | likelihoods.Weibull


@output_labels.register
def _(likelihood: Positive, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.Gamma, f: TensorVariable, at: Observing) -> Parameters:
    log_mu = at.log_scale + as_response(f, at)
    log_shape = log_of("shape", likelihood.shape, at)
    observed_as(densities.GAMMA, at, log_mu, log_shape)
    return {"mu": pt.exp(log_mu), "variance": pt.exp(2 * log_mu - log_shape)}


@observe.register
def _(likelihood: likelihoods.LogNormal, f: TensorVariable, at: Observing) -> Parameters:
    log_median = at.log_scale + as_response(f, at)
    log_sigma = log_of("sigma", likelihood.sigma, at)
    family = densities.CENSORED_LOGNORMAL if at.censored else densities.LOGNORMAL
    observed_as(family, at, log_median, log_sigma)
    square = pt.exp(2 * log_sigma)
    return {
        "mu": pt.exp(log_median + square / 2),
        "variance": pt.exp(2 * log_median + square) * pt.expm1(square),
    }


@observe.register
def _(likelihood: likelihoods.Weibull, f: TensorVariable, at: Observing) -> Parameters:
    log_scale = at.log_scale + as_response(f, at)
    log_shape = log_of("shape", likelihood.shape, at)
    family = densities.CENSORED_WEIBULL if at.censored else densities.WEIBULL
    observed_as(family, at, log_scale, log_shape)
    inverse = pt.exp(-log_shape)
    log_mean = log_scale + pt.gammaln(1 + inverse)
    excess = pt.gammaln(1 + 2 * inverse) - 2 * pt.gammaln(1 + inverse)
    return {"mu": pt.exp(log_mean), "variance": pt.exp(2 * log_mean) * pt.expm1(excess)}
