"""The two verbs of a likelihood, and what they are told."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError, unknown
from pbnn.graph.priors import Site, draw_prior, float64
from pbnn.spec import likelihoods
from pbnn.spec.priors import Prior


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


def as_response(f: TensorVariable, at: Observing) -> TensorVariable:
    """Give outputs of the network the shape of the response."""
    return f if at.output_dims else f[:, 0]


def noise_of(noise: float | Prior, at: Observing) -> float | TensorVariable:
    """Return the noise: known, or a random variable, one for each output."""
    if isinstance(noise, int | float):
        return float64(noise)
    return draw_prior(noise, Site("noise", at.output_dims, response_sd=at.scale))
