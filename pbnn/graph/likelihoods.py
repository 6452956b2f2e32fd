"""Likelihoods to observed random variables, and the parameters of the response that predictions report."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError, unknown
from pbnn.graph.priors import Site, draw_prior, float64
from pbnn.spec import likelihoods
from pbnn.spec.priors import Prior

HETEROSCEDASTIC_MEDIAN = 0.3
"""Noise where the network's log-noise output is 0, in standard deviations of the response."""


@dataclass(frozen=True, slots=True)
class Observing:
    """What a likelihood is told: where the response is, its dims, and its standardisation.

    `loc` and `scale` (mean and standard deviation; 0 and mean for counts) have shape `(output,)`, and `()` when the
    response is a vector.
    """

    observed: TensorVariable
    dims: tuple[str, ...]
    loc: TensorVariable
    scale: np.ndarray
    name: str = "y"

    @property
    def output_dims(self) -> tuple[str, ...]:
        """The dims of the response after `obs`."""
        return self.dims[1:]


Parameters = dict[str, TensorVariable]
"""`mu` and `variance` of the response given the weights (regression, counts), or `p` `(obs, class)`."""


@singledispatch
def output_labels(likelihood: object, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    """Name the outputs that the network needs: `names` are those of the response, `classes` its labels."""
    raise SpecError(unknown("Network", "likelihood", type(likelihood).__name__, likelihoods.LIKELIHOODS))


@singledispatch
def observe(likelihood: object, f: TensorVariable, at: Observing) -> Parameters:
    """Make the observed random variable from the network's outputs `f` `(obs, n_outputs)`."""
    raise SpecError(unknown("Network", "likelihood", type(likelihood).__name__, likelihoods.LIKELIHOODS))


def _as_response(f: TensorVariable, at: Observing) -> TensorVariable:
    return f if at.output_dims else f[:, 0]


def _noise(noise: float | Prior, at: Observing) -> float | TensorVariable:
    if isinstance(noise, int | float):
        return float64(noise)
    return draw_prior(noise, Site("noise", at.output_dims, response_sd=at.scale))


@output_labels.register
def _(likelihood: likelihoods.Gaussian, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    if likelihood.noise == "heteroscedastic":
        return (*names, *(f"log_noise[{name}]" for name in names))
    return names


@observe.register
def _(likelihood: likelihoods.Gaussian, f: TensorVariable, at: Observing) -> Parameters:
    if likelihood.noise == "heteroscedastic":
        n = at.scale.size
        mu = at.loc + at.scale * _as_response(f[:, :n], at)
        sigma = HETEROSCEDASTIC_MEDIAN * at.scale * pt.exp(_as_response(f[:, n:], at))
    else:
        mu = at.loc + at.scale * _as_response(f, at)
        sigma = _noise(likelihood.noise, at)
    pm.Normal(at.name, mu, sigma, observed=at.observed, dims=at.dims, shape=mu.shape)
    return {"mu": mu, "variance": pt.broadcast_to(sigma**2, mu.shape)}


@output_labels.register
def _(likelihood: likelihoods.StudentT, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.StudentT, f: TensorVariable, at: Observing) -> Parameters:
    mu = at.loc + at.scale * _as_response(f, at)
    sigma = _noise(likelihood.noise, at)
    if isinstance(likelihood.df, int | float):
        df = float64(likelihood.df)
    else:
        df = pm.Deterministic("df", 2 + draw_prior(likelihood.df, Site("df_minus_2")))
    pm.StudentT(at.name, nu=df, mu=mu, sigma=sigma, observed=at.observed, dims=at.dims, shape=mu.shape)
    return {"mu": mu, "variance": pt.broadcast_to(sigma**2 * df / (df - 2), mu.shape)}


@output_labels.register
def _(likelihood: likelihoods.Bernoulli, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.Bernoulli, f: TensorVariable, at: Observing) -> Parameters:
    logit = f[:, 0]
    pm.Bernoulli(at.name, logit_p=logit, observed=at.observed, dims=at.dims, shape=logit.shape)
    return {"p": pt.stack([pt.sigmoid(-logit), pt.sigmoid(logit)], axis=-1)}


@output_labels.register
def _(
    likelihood: likelihoods.Categorical, names: tuple[str, ...], classes: tuple[str, ...]
) -> tuple[str, ...]:
    return classes


@observe.register
def _(likelihood: likelihoods.Categorical, f: TensorVariable, at: Observing) -> Parameters:
    pm.Categorical(at.name, logit_p=f, observed=at.observed, dims=at.dims, shape=f.shape[:1])
    return {"p": pt.special.softmax(f, axis=-1)}


@output_labels.register
def _(likelihood: likelihoods.Poisson, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.Poisson, f: TensorVariable, at: Observing) -> Parameters:
    rate = at.scale * pt.exp(_as_response(f, at))
    pm.Poisson(at.name, rate, observed=at.observed, dims=at.dims, shape=rate.shape)
    return {"mu": rate, "variance": rate}
