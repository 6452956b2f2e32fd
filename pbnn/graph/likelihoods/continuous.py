"""Observed real numbers."""

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.likelihoods.base import Observing, Parameters, as_response, noise_of, observe, output_labels
from pbnn.graph.priors import Site, draw_prior, float64
from pbnn.spec import likelihoods

HETEROSCEDASTIC_MEDIAN = 0.3
"""Noise where the network's log-noise output is 0, in standard deviations of the response."""


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
def _(likelihood: likelihoods.StudentT, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
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
