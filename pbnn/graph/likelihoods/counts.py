"""Observed counts."""

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.likelihoods.base import Observing, Parameters, as_response, observe, output_labels
from pbnn.spec import likelihoods


@output_labels.register
def _(likelihood: likelihoods.Poisson, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.Poisson, f: TensorVariable, at: Observing) -> Parameters:
    rate = at.scale * pt.exp(as_response(f, at))
    pm.Poisson(at.name, rate, observed=at.observed, dims=at.dims, shape=rate.shape)
    return {"mu": rate, "variance": rate}
