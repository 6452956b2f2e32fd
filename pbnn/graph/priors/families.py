"""Scales, and priors of one location and scale."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError
from pbnn.graph.priors.site import Site, draw_prior, float64, noncentered, resolve_scale
from pbnn.spec import priors


@resolve_scale.register
def _(scale: float | int, site: Site) -> TensorVariable:
    return float64(scale)


@resolve_scale.register
def _(scale: priors.FanIn, site: Site) -> TensorVariable:
    if site.fan_in is None:
        raise SpecError(f"{site.name}: FanIn needs a layer with inputs; give {site.name} a number as scale.")
    return float64(scale.gain / np.sqrt(site.fan_in))


@resolve_scale.register
def _(scale: priors.ResponseSD, site: Site) -> np.ndarray:
    if site.response_sd is None:
        raise SpecError(f"{site.name}: ResponseSD is for noise; give {site.name} a number or FanIn as scale.")
    return scale.factor * site.response_sd


@draw_prior.register
def _(prior: priors.Normal, site: Site) -> TensorVariable:
    scale = resolve_scale(prior.scale, site)
    return pm.Normal(site.name, prior.loc, scale, dims=site.dims, default_transform=noncentered)


@draw_prior.register
def _(prior: priors.HalfNormal, site: Site) -> TensorVariable:
    return pm.HalfNormal(site.name, resolve_scale(prior.scale, site), dims=site.dims)


@draw_prior.register
def _(prior: priors.LogNormal, site: Site) -> TensorVariable:
    median = resolve_scale(prior.scale, site)
    return pm.LogNormal(site.name, pt.log(median), float64(prior.sigma), dims=site.dims)


@draw_prior.register
def _(prior: priors.StudentT, site: Site) -> TensorVariable:
    scale = resolve_scale(prior.scale, site)
    return pm.StudentT(
        site.name,
        nu=float64(prior.df),
        mu=prior.loc,
        sigma=scale,
        dims=site.dims,
        default_transform=noncentered,
    )


@draw_prior.register
def _(prior: priors.Laplace, site: Site) -> TensorVariable:
    scale = resolve_scale(prior.scale, site)
    return pm.Laplace(site.name, prior.loc, scale, dims=site.dims, default_transform=noncentered)
