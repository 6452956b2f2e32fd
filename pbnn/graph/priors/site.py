"""Where a prior becomes a random variable, the two verbs for it, and the coordinates it is sampled in."""

from collections.abc import Callable
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
    """Where a random variable is made.

    Attributes
    ----------
    name, dims
        Of the variable. The last two dims of weights are those of inputs and units.
    fan_in, response_sd
        What relative scales refer to.
    shared
        Stem of the names of scales that all layers share; None where a layer has a prior of its own.
    level
        Of a learned scale, what it varies by; None for weights, biases and the like.
    """

    name: str
    dims: tuple[str, ...] = ()
    fan_in: int | None = None
    response_sd: np.ndarray | None = None
    shared: str | None = None
    level: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dims in the model on the stack."""
        coords = pm.modelcontext(None).coords
        return tuple(len(coords[dim]) for dim in self.dims)

    def scale(self, level: str, dims: tuple[str, ...], suffix: str = "scale") -> "Site":
        """Return the site of a learned scale of this variable."""
        shared = None if self.shared is None else f"{self.shared}_{suffix}"
        return Site(f"{self.name}_{suffix}", dims, self.fan_in, self.response_sd, shared, level)

    def per_input(self, suffix: str) -> "Site":
        """Return the site of one value for each input.

        Raises
        ------
        SpecError
            If this is no matrix of weights.
        """
        if len(self.dims) < 2:
            raise SpecError(
                f"{self.name}: a scale for each input needs a matrix of weights, which this is not; take a prior "
                "such as priors.Normal(scale=1.0) here."
            )
        return self.scale("input", self.dims[-2:-1], suffix)


def along_inputs(value: TensorVariable) -> TensorVariable:
    """Return one value for each input in a shape that meets weights `(..., n_in, units)`."""
    return value[:, None]


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


class LogRatio(Transform):
    """Sample `log(x / center)` in place of a positive `x`: non-centred, for a scale around one that is learned.

    `log_center` makes the centre's logarithm from the last two parameters of the distribution.
    """

    name = "logratio"
    ndim_supp = 0

    def __init__(self, log_center: Callable[[TensorVariable, TensorVariable], TensorVariable]) -> None:
        self.log_center = log_center

    def forward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Return the logarithm of a value, less that of its centre."""
        return pt.log(value) - self.log_center(*inputs[-2:])

    def backward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Return the value of the variable."""
        return pt.exp(value + self.log_center(*inputs[-2:]))

    def log_jac_det(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Return the logarithm of the derivative of `backward`."""
        return value + self.log_center(*inputs[-2:])


around_scale = LogRatio(lambda _, scale: pt.log(scale))
"""Of a half-normal variable, whose parameters are `(0, scale)`."""
around_median = LogRatio(lambda log_median, _: log_median)
"""Of a log-normal variable."""
noncentered = NonCentered()


@singledispatch
def draw_prior(prior: object, site: Site) -> TensorVariable:
    """Make the random variable `site.name` with the given prior."""
    raise SpecError(unknown(site.name, "prior", type(prior).__name__, priors.PRIORS))


@singledispatch
def resolve_scale(scale: object, site: Site) -> np.ndarray | TensorVariable:
    """Turn a scale into a constant or, for a learned scale, a random variable of its own."""
    raise SpecError(unknown(site.name, "scale", type(scale).__name__, priors.SCALES))


def float64(value: float) -> TensorVariable:
    """Return a constant of the graph: PyTensor would take its logarithm in float32 if float32 holds the number."""
    return pt.constant(value, dtype="float64")
