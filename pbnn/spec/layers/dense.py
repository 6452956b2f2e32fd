"""Layers of units: affine maps, normalised units, and vectors for categories."""

from dataclasses import KW_ONLY, dataclass
from typing import final

from pbnn.errors import SpecError, unknown
from pbnn.spec.layers.base import ACTIVATIONS, Activation
from pbnn.spec.numbers import as_number, require_counts, require_numbers
from pbnn.spec.priors import LogNormal, Normal, Prior, check_prior


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
        if self.activation not in ACTIVATIONS:
            raise SpecError(unknown("Dense", "activation", self.activation, ACTIVATIONS))
        if self.weight is not None:
            check_prior("Dense: weight", self.weight)
        if self.bias is None:
            raise SpecError("Dense: bias must be a prior, True, or False for no bias; got None.")
        if not isinstance(self.bias, bool):
            check_prior("Dense: bias", self.bias)


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
        for name, prior in (("gain", self.gain), ("offset", self.offset)):
            if prior is not None:
                check_prior(f"LayerNorm: {name}", prior)


@final
@dataclass(frozen=True, slots=True)
class Embedding:
    """Replace a categorical column by `units` learned numbers for each category; other columns pass through.

    Embeddings come first in a network. The categories are those of the training data.

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
        if not isinstance(self.column, str):
            position = as_number(self.column)
            if not isinstance(position, int):
                raise SpecError(f"Embedding: column must be a name or a position; got {self.column!r}.")
            object.__setattr__(self, "column", position)
        require_counts(self, "units")
        if self.categories is not None:
            require_counts(self, "categories")
        if self.weight is not None:
            check_prior("Embedding: weight", self.weight)
