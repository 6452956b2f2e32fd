"""Priors to random variables, inside the `pm.Model` on the stack."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError, unknown
from pbnn.spec import priors


@dataclass(frozen=True, slots=True)
class Site:
    """Where a random variable is made: its name and dims, and what relative scales refer to."""

    name: str
    dims: tuple[str, ...] = ()
    fan_in: int | None = None
    response_sd: np.ndarray | None = None


class NonCentered(Transform):
    """Sample `(x - loc) / scale` in place of `x`, for distributions whose last two parameters are those.

    A learned scale and its weights form a funnel that gradients cannot follow, and the joint mode of the two lies at
    scale 0; in these coordinates neither is so (Betancourt & Girolami 2015, arXiv:1312.0906), and every weight has unit
    scale a priori. As a transform it keeps the weights themselves as the model's variables.
    """

    name = "noncentered"
    ndim_supp = 0

    def forward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Standardise a value of the variable."""
        *_, loc, scale = inputs
        return (value - loc) / scale

    def backward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Return the value of the variable that a standardised one stands for."""
        *_, loc, scale = inputs
        return loc + scale * value

    def log_jac_det(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Return the logarithm of the derivative of `backward`."""
        *_, scale = inputs
        return pt.broadcast_to(pt.log(scale), value.shape)


noncentered = NonCentered()


@singledispatch
def draw_prior(prior: object, site: Site) -> TensorVariable:
    """Make the random variable `site.name` with the given prior."""
    raise SpecError(unknown(site.name, "prior", type(prior).__name__, priors.PRIORS))


@singledispatch
def resolve_scale(scale: object, site: Site) -> np.ndarray | TensorVariable:
    """Turn a scale into a constant or, for a learned scale, a random variable of its own."""
    # Weights of a layer share one scale; outputs differ in their units, so each noise has its own.
    dims = () if site.response_sd is None else site.dims
    return draw_prior(scale, Site(f"{site.name}_scale", dims, site.fan_in, site.response_sd))


def float64(value: float) -> TensorVariable:
    """Return a constant of the graph: PyTensor would take its logarithm in float32 if float32 holds the number."""
    return pt.constant(value, dtype="float64")


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
