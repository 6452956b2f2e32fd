"""The two verbs of a likelihood, and what they are told."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError, unknown
from pbnn.graph.priors import Site, draw_prior, float64
from pbnn.spec import likelihoods
from pbnn.spec.priors import Prior


@dataclass(frozen=True, slots=True)
class Observing:
    """What a likelihood is told: where the response is, its dims, and its standardisation.

    `loc` and `scale` have shape `(output,)`, and `()` when the response is a vector; they are mean and standard
    deviation, or 0 and the mean for what is never negative. With `censored` the response is times, as rows
    `(lower, upper, entry)`.
    """

    observed: TensorVariable
    dims: tuple[str, ...]
    loc: TensorVariable
    scale: np.ndarray
    name: str = "y"
    censored: bool = False

    @property
    def output_dims(self) -> tuple[str, ...]:
        """The dims of the response after `obs`."""
        return () if self.censored else self.dims[1:]

    @property
    def log_scale(self) -> TensorVariable:
        """The logarithm of `scale`, in float64 whatever its value."""
        return float64(np.log(self.scale))


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


def as_response(f: TensorVariable, at: Observing) -> TensorVariable:
    """Give outputs of the network the shape of the response."""
    return f if at.output_dims else f[:, 0]


def noise_of(noise: float | Prior, at: Observing) -> float | TensorVariable:
    """Return the noise: known, or a random variable, one for each output."""
    if isinstance(noise, int | float):
        return float64(noise)
    return draw_prior(noise, Site("noise", at.output_dims, response_sd=at.scale))


def log_of(name: str, value: float | Prior, at: Observing) -> TensorVariable:
    """Return the logarithm of a positive parameter: known, or a random variable `name`, one for each output."""
    if isinstance(value, int | float):
        return float64(np.log(value))
    return pt.log(draw_prior(value, Site(name, at.output_dims)))


def logistic_scale(f: TensorVariable) -> TensorVariable:
    """Return `p (1 - p)` of a logit, which is the variance of a single trial."""
    return pt.sigmoid(f) * pt.sigmoid(-f)
