"""Observed labels."""

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.likelihoods.base import Observing, Parameters, observe, output_labels
from pbnn.spec import likelihoods


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
