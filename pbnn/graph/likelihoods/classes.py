"""Observed labels."""

from itertools import pairwise

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph import densities
from pbnn.graph.family import observed_as
from pbnn.graph.layers import add_dim
from pbnn.graph.likelihoods.base import Observing, Parameters, observe, output_labels
from pbnn.graph.priors import float64
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


@output_labels.register
def _(likelihood: likelihoods.Ordinal, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    return names


@observe.register
def _(likelihood: likelihoods.Ordinal, f: TensorVariable, at: Observing) -> Parameters:
    classes = pm.modelcontext(None).coords["class"]
    cuts = [f"{low}|{high}" for low, high in pairwise(classes)]
    first = pm.Normal("first_cutpoint", 0.0, float64(2.0))
    gaps = pm.LogNormal("cutpoint_gap", 0.0, float64(1.0), dims=(add_dim("gap", tuple(cuts[1:])),))
    all_cuts = first + pt.concatenate([pt.zeros(1), pt.cumsum(gaps)])
    cutpoints = pm.Deterministic("cutpoints", all_cuts, dims=(add_dim("cutpoint", tuple(cuts)),))
    observed_as(densities.ORDINAL, at, f[:, 0], cutpoints)
    return {"p": pt.exp(densities.ordinal_log_p(f[:, 0], cutpoints))}
