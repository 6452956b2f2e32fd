"""Priors of one location and scale."""

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.priors.levels import require_no_level
from pbnn.graph.priors.site import (
    LogRatio,
    NonCentered,
    Site,
    around_median,
    around_scale,
    draw_prior,
    float64,
    noncentered,
    resolve_scale,
)
from pbnn.spec import priors


@draw_prior.register
def _(prior: priors.Normal, site: Site) -> TensorVariable:
    scale = resolve_scale(prior.scale, site)
    return pm.Normal(site.name, prior.loc, scale, dims=site.dims, default_transform=_of_weights(prior))


@draw_prior.register
def _(prior: priors.HalfNormal, site: Site) -> TensorVariable:
    require_no_level(prior, site)
    scale = resolve_scale(prior.scale, site)
    return pm.HalfNormal(site.name, scale, dims=site.dims, **_of_scales(prior, site, around_scale))


@draw_prior.register
def _(prior: priors.LogNormal, site: Site) -> TensorVariable:
    require_no_level(prior, site)
    log_median, sigma = pt.log(resolve_scale(prior.scale, site)), float64(prior.sigma)
    return pm.LogNormal(
        site.name, log_median, sigma, dims=site.dims, **_of_scales(prior, site, around_median)
    )


@draw_prior.register
def _(prior: priors.StudentT, site: Site) -> TensorVariable:
    scale = resolve_scale(prior.scale, site)
    return pm.StudentT(
        site.name,
        nu=float64(prior.df),
        mu=prior.loc,
        sigma=scale,
        dims=site.dims,
        default_transform=_of_weights(prior),
    )


@draw_prior.register
def _(prior: priors.Laplace, site: Site) -> TensorVariable:
    scale = resolve_scale(prior.scale, site)
    return pm.Laplace(site.name, prior.loc, scale, dims=site.dims, default_transform=_of_weights(prior))


def _of_weights(prior: priors.Normal | priors.StudentT | priors.Laplace) -> NonCentered | None:
    return None if prior.centered else noncentered


def _of_scales(
    prior: priors.HalfNormal | priors.LogNormal, site: Site, around: LogRatio
) -> dict[str, LogRatio]:
    """Return the transform of many scales around one that is learned; else PyMC's own, the logarithm, is as good."""
    learned = isinstance(prior.scale, priors.HalfNormal | priors.LogNormal)
    return {"default_transform": around} if learned and site.dims else {}
