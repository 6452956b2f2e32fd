"""What a layer is: plain frozen data. `pbnn.graph.layers` gives each its meaning.

`weight=None` and `bias=True` take the network's default priors; `bias=False` means no bias.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Literal, final, get_args

from pbnn.errors import SpecError, unknown
from pbnn.spec.numbers import as_number, require_counts, require_numbers
from pbnn.spec.priors import LogNormal, Normal, Prior, check_prior

Activation = Literal["tanh", "relu", "gelu", "silu", "softplus", "sin", "identity"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)


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
class Residual:
    """`x + f(x)`, where `f` is a chain of layers that keeps the width (He et al. 2016, 10.1109/CVPR.2016.90).

    Examples
    --------
    >>> import pbnn
    >>> block = pbnn.Residual([pbnn.Dense(50), pbnn.Dense(50, "identity")])
    """

    layers: "tuple[Layer, ...]"

    def __post_init__(self) -> None:
        layers = as_layers("Residual", self.layers)
        if not layers:
            raise SpecError("Residual: needs at least one layer inside.")
        object.__setattr__(self, "layers", layers)


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


Layer = Dense | Residual | LayerNorm | Embedding
LAYERS: dict[str, type] = {cls.__name__: cls for cls in (Dense, Residual, LayerNorm, Embedding)}


def as_layers(where: str, layers: object) -> tuple[Layer, ...]:
    """Return `layers` as a tuple, or raise `SpecError` naming the one that is no layer."""
    if isinstance(layers, tuple(LAYERS.values())):
        raise SpecError(f"{where}: layers must be a list; write [{layers!r}].")
    if not isinstance(layers, list | tuple):
        raise SpecError(f"{where}: layers must be a list of layers; got {layers!r}.")
    dense_seen = False
    for i, layer in enumerate(layers):
        if not isinstance(layer, tuple(LAYERS.values())):
            raise SpecError(
                f"{where}: layers[{i}] must be one of {', '.join(sorted(LAYERS))}; got {layer!r}."
            )
        if isinstance(layer, Embedding) and (dense_seen or where == "Residual"):
            raise SpecError(f"{where}: layers[{i}] is an Embedding; embeddings must come first in a network.")
        dense_seen = dense_seen or not isinstance(layer, Embedding)
    return tuple(layers)
