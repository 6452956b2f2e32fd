"""Priors with a scale for each input, or for each weight: hierarchies of normal weights."""

from collections.abc import Callable
from statistics import NormalDist

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.priors.site import Site, along_inputs, draw_prior, float64, noncentered, resolve_scale
from pbnn.spec import priors


def _weights(site: Site, scale: TensorVariable) -> TensorVariable:
    return pm.Normal(site.name, 0.0, scale, dims=site.dims, default_transform=noncentered)


@draw_prior.register
def _(prior: priors.ARD, site: Site) -> TensorVariable:
    return _weights(site, along_inputs(draw_prior(prior.scale, site.per_input("local"))))


@draw_prior.register
def _(prior: priors.Horseshoe, site: Site) -> TensorVariable:
    width = resolve_scale(prior.global_scale, site)
    whole = pm.HalfCauchy(f"{site.name}_global", width)
    local, spread = _each(prior.each, site, "local")
    scale = whole * spread(pm.HalfCauchy(local.name, float64(1.0), dims=local.dims))
    if prior.slab_scale is not None:
        half = 0.5 * prior.slab_df
        at_most = float64(half) * resolve_scale(prior.slab_scale, site) ** 2
        slab = pm.InverseGamma(f"{site.name}_slab", alpha=float64(half), beta=at_most)
        scale = scale / pt.sqrt(1 + scale**2 / slab)
    return _weights(site, scale)


@draw_prior.register
def _(prior: priors.SpikeSlab, site: Site) -> TensorVariable:
    middle = prior.sharpness * NormalDist().inv_cdf(prior.included)
    at, spread = _each(prior.each, site, "gate")
    logit = pm.Normal(
        f"{at.name}_logit", middle, float64(prior.sharpness), dims=at.dims, default_transform=noncentered
    )
    gate = pm.Deterministic(at.name, pt.sigmoid(logit), dims=at.dims)
    slab = resolve_scale(prior.slab, site)
    return _weights(site, slab * pt.sqrt(spread(gate + (1 - gate) * prior.spike**2)))


@draw_prior.register
def _(prior: priors.R2D2, site: Site) -> TensorVariable:
    at = site.per_input("share")
    a, b = (float64(share * prior.precision) for share in (prior.r2, 1 - prior.r2))
    r2 = pm.Beta(f"{site.name}_r2", a, b)
    # Gamma variables over their sum are Dirichlet, and have the plainer geometry.
    mass = pm.Gamma(f"{site.name}_mass", alpha=float64(prior.concentration), beta=float64(1.0), dims=at.dims)
    share = pm.Deterministic(at.name, mass / mass.sum(), dims=at.dims)
    return _weights(site, resolve_scale(prior.scale, site) * along_inputs(pt.sqrt(share * r2 / (1 - r2))))


@draw_prior.register
def _(prior: priors.MatrixNormal, site: Site) -> TensorVariable:
    row = draw_prior(priors.LogNormal(1.0, prior.row), site.per_input("row"))
    column = draw_prior(priors.LogNormal(1.0, prior.column), site.scale("unit", site.dims[-1:], "column"))
    return _weights(site, resolve_scale(prior.scale, site) * along_inputs(row) * column)


def _each(each: str, site: Site, suffix: str) -> tuple[Site, Callable[[TensorVariable], TensorVariable]]:
    """Return where the variable for each input or weight stands, and how it meets the weights."""
    if each == "input":
        return site.per_input(suffix), along_inputs
    return site.scale("weight", site.dims, suffix), lambda value: value
