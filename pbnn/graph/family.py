"""Distributions of a response whose parameters are on the scale of the network's outputs: logs and logits.

PyMC's own distributions take means and probabilities, which at outputs far from 0 overflow, or are rounded to 0 or 1,
in float32. A `Family` is a log density as a graph; how to draw from it is in `pbnn.graph.draws`, for JAX and PyMC both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.abstract import _logprob
from pytensor.tensor.random.op import RandomVariable
from pytensor.tensor.variable import TensorVariable


@final
@dataclass(frozen=True, slots=True)
class Family:
    """A distribution of a response.

    Attributes
    ----------
    name
        Under which `pbnn.graph.draws` and `pbnn.target.curvature` know it.
    log_density
        `(value, *parameters)` to the log density of each value.
    signature
        Dims of the parameters and of a value, as `"(),(k)->()"`.
    dtype
        Of a value.
    """

    name: str
    log_density: Callable[..., TensorVariable]
    signature: str
    dtype: str = "float64"


@final
class ResponseRV(RandomVariable):
    """The random variable of a `Family`."""

    __props__ = ("family", "inplace")

    def __init__(self, family: Family, inplace: bool = False) -> None:
        self.family = family
        self._print_name = (family.name, f"\\operatorname{{{family.name}}}")
        super().__init__(name=family.name, signature=family.signature, dtype=family.dtype, inplace=inplace)

    def rng_fn(self, rng: np.random.Generator, *args: Any) -> np.ndarray:
        """Draw for PyMC: the same draws as `predict` makes, one batch at a time."""
        from pbnn.graph.draws import draw_on_host

        *parameters, size = args
        return draw_on_host(self.family.name, rng, parameters, self.ndims_params, size)


@_logprob.register(ResponseRV)
def _(op: ResponseRV, values: Any, rng: Any, size: Any, *parameters: TensorVariable, **_: Any) -> Any:
    return op.family.log_density(values[0], *parameters)


def observed_as(family: Family, at: Any, *parameters: Any) -> TensorVariable:
    """Make the observed variable of the model on the stack; `at` is an `Observing`."""
    _, variable = ResponseRV(family)(*parameters, rng=pt.random.shared_rng(seed=None), return_next_rng=True)
    return pm.modelcontext(None).register_rv(variable, at.name, observed=at.observed, dims=at.dims)
