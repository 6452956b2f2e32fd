"""Layers of units: affine maps, normalised units, and vectors for categories."""

from dataclasses import KW_ONLY, dataclass
from typing import final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import (
    REFUSED,
    Activation,
    Own,
    check_activation,
    check_bias,
    check_column,
    check_weights,
    layer_words,
    own_priors,
)
from pbnn.spec.numbers import require_counts, require_numbers
from pbnn.spec.priors import LogNormal, Normal, Prior


@final
@dataclass(frozen=True, slots=True)
class Dense:
    """Affine map `(..., n_in) -> (..., units)` followed by `activation`.

    Parameters
    ----------
    units
        Number of hidden units.
    activation
        One of tanh, relu, gelu, silu, softplus, sin, identity.
    weight
        Prior of the weights `(n_in, units)`; None takes the network's default.
    bias
        Prior of the biases `(units,)`; True takes the network's default, False means no bias.

    Examples
    --------
    >>> import pbnn
    >>> pbnn.Dense(50, "relu").units
    50
    """

    units: int
    activation: Activation = "tanh"
    _: KW_ONLY
    weight: Prior | None = None
    bias: Prior | bool = True

    def __post_init__(self) -> None:
        require_counts(self, "units")
        check_activation(self)
        check_weights(self, "weight")
        check_bias(self)


@layer_words.register
def _(layer: Dense) -> str:
    return f"Dense {layer.units} {layer.activation}"


@own_priors.register
def _(layer: Dense) -> Own:
    return {"weight": layer.weight, "bias": layer.bias}


@final
@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Standardise the units of each observation, then scale and shift (Ba et al. 2016, arXiv:1607.06450).

    Parameters
    ----------
    epsilon
        Added to the variance before the square root.
    gain, offset
        Priors of the scale and shift of each unit; None leaves it out.
    """

    epsilon: float = 1e-5
    _: KW_ONLY
    gain: Prior | None = LogNormal(1.0, sigma=0.5)
    offset: Prior | None = Normal(scale=1.0)

    def __post_init__(self) -> None:
        require_numbers(self, "epsilon", positive=True)
        check_weights(self, "gain", "offset")


@own_priors.register
def _(layer: LayerNorm) -> Own:
    both = {"gain": layer.gain, "offset": layer.offset}
    return {name: prior for name, prior in both.items() if prior is not None}


@final
class BatchNorm:
    """Refused: with it, an observation's likelihood depends on the other observations. Use `LayerNorm`.

    Raises
    ------
    SpecError
        Always, with the reason.
    """

    def __init__(self, *_: object, **__: object) -> None:
        raise SpecError(REFUSED["BatchNorm"])


REFUSED["BatchNorm"] = (
    "BatchNorm: mean and variance of a batch make each observation's output depend on the other observations, so "
    "given the weights there is no likelihood of one observation. Use LayerNorm(), which standardises the units of "
    "each observation by themselves."
)


@final
@dataclass(frozen=True, slots=True)
class Embedding:
    """Replace a categorical column by `units` learned numbers for each category; other columns pass through.

    The vectors stand behind what enters the layer: the columns of numbers, or the units of the layer before. The
    categories are those of the training data.

    Parameters
    ----------
    column
        Name of the column, or its position when `X` is an array.
    units
        Length of the vector of each category.
    categories
        Number of categories. `build` counts them in the data; `pbnn.nn` has to be told.
    weight
        Prior of the vectors `(categories, units)`; None takes a standard normal.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Embedding("species", units=2), pbnn.Dense(20)]
    """

    column: str | int
    units: int = 2
    _: KW_ONLY
    categories: int | None = None
    weight: Prior | None = None

    def __post_init__(self) -> None:
        check_column(self)
        require_counts(self, "units")
        if self.categories is not None:
            require_counts(self, "categories")
        check_weights(self, "weight")


@layer_words.register
def _(layer: Embedding) -> str:
    return f"Embedding {layer.column!r} {layer.units}"


@own_priors.register
def _(layer: Embedding) -> Own:
    return {"weight": layer.weight or Normal()}
