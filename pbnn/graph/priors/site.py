"""Where a prior becomes a random variable, the two verbs for it, and the coordinates it is sampled in."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
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
