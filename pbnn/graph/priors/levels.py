"""Scales: fixed, relative, or learned for a layer, an input, a unit or the whole network."""

from dataclasses import replace

import numpy as np
import pymc as pm
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError
from pbnn.graph.priors.site import Site, along_inputs, draw_prior, float64, resolve_scale
from pbnn.spec import priors

Learned = priors.HalfNormal | priors.LogNormal


@resolve_scale.register
def _(scale: float | int, site: Site) -> TensorVariable:
    return float64(scale)


@resolve_scale.register
def _(scale: priors.FanIn, site: Site) -> TensorVariable:
    if site.fan_in is None:
        raise SpecError(f"{site.name}: FanIn needs a layer with inputs; give {site.name} a number as scale.")
    return float64(scale.gain / np.sqrt(site.fan_in))


@resolve_scale.register
def _(scale: priors.RelevantInputs, site: Site) -> TensorVariable:
    n_in = site.fan_in or 0
    if scale.count >= n_in:
        raise SpecError(
            f"{site.name}: RelevantInputs expects {scale.count:g} inputs that matter, of {n_in}; it must be fewer. "
            "Take another prior where all may matter, such as priors.Normal(scale=priors.FanIn())."
        )
    return float64(scale.count / (n_in - scale.count) * scale.noise / np.sqrt(scale.rows))


@resolve_scale.register
def _(scale: priors.ResponseSD, site: Site) -> np.ndarray:
    if site.response_sd is None:
        raise SpecError(f"{site.name}: ResponseSD is for noise; give {site.name} a number or FanIn as scale.")
    return scale.factor * site.response_sd


@resolve_scale.register(priors.HalfNormal)
@resolve_scale.register(priors.LogNormal)
def _learned(scale: Learned, site: Site) -> TensorVariable:
    if site.response_sd is not None:
        # Outputs differ in their units, so each noise has its own.
        require_no_level(scale, site)
        return draw_prior(scale, site.scale("layer", site.dims))
    if scale.per == site.level:
        return draw_prior(scale, site.scale(scale.per, site.dims))
    match scale.per:
        case "network":
            return _shared(scale, site)
        case "input":
            return along_inputs(draw_prior(scale, site.per_input("scale")))
        case "unit":
            if not site.dims:
                raise SpecError(f"{site.name}: it has no units to learn a scale for; take per='layer'.")
            return draw_prior(scale, site.scale("unit", site.dims[-1:]))
    return draw_prior(scale, site.scale("layer", ()))


def require_no_level(prior: Learned, site: Site) -> None:
    """Raise `SpecError` if `per` is set where the prior is not that of a scale of weights."""
    if site.level is None and prior.per != "layer":
        raise SpecError(
            f"{site.name}: per={prior.per!r} says where a learned scale of weights varies, as in "
            f"priors.Normal(scale={type(prior).__name__}(..., per={prior.per!r})); here it means nothing; leave it out."
        )


def _shared(scale: Learned, site: Site) -> TensorVariable:
    """Return the one variable of all layers, made by the first; with a `FanIn`, its gain is what they share."""
    if site.shared is None:
        raise SpecError(
            f"{site.name}: per='network' is for the priors that layers share, Network(weights=...) and "
            "Network(biases=...); for the prior of one layer take per='layer'."
        )
    model, at = (
        pm.modelcontext(None),
        Site(f"{site.shared}_scale", level="network", shared=f"{site.shared}_scale"),
    )
    gain = _without_fan_in(scale)
    name = model.name_for(at.name)
    variable = model[name] if name in model.named_vars else draw_prior(gain, at)
    if gain == scale:
        return variable
    return variable * resolve_scale(priors.FanIn(1.0), site)


def _without_fan_in(scale: priors.Scale) -> priors.Scale:
    match scale:
        case priors.FanIn(gain):
            return gain
        case priors.HalfNormal() | priors.LogNormal():
            return replace(scale, scale=_without_fan_in(scale.scale))
    return scale
