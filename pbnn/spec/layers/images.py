"""Layers of sequences and images: convolutions, pooling, and changes of shape. Channels come last."""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Literal, final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import (
    Activation,
    Own,
    check_activation,
    check_bias,
    check_weights,
    layer_words,
    own_priors,
)
from pbnn.spec.numbers import as_number, require_counts
from pbnn.spec.priors import Prior

Pair = int | tuple[int, int]


@final
@dataclass(frozen=True, slots=True)
class Conv1D:
    """Convolution along a sequence: `(time, n_in)` to `(time, filters)`, then `activation`.

    A matrix product of the windows of the sequence with a matrix of weights `(size * n_in / groups, filters)`, whose
    rows run over offsets and, within them, channels. `FanIn` refers to its number of rows.

    Parameters
    ----------
    filters
        Number of channels that leave.
    size
        Length of the window.
    activation
        As in `Dense`.
    stride
        Steps between windows.
    padding
        `"valid"` takes whole windows only; `"same"` fills up with zeros so that `ceil(time / stride)` windows remain;
        `"causal"` fills up in front, so that no window looks ahead (van den Oord et al. 2016, arXiv:1609.03499); a
        number is that of zeros at each end.
    dilation
        Steps between the elements of a window.
    groups
        In how many groups channels and filters fall that do not see each other.
    weight, bias
        Priors, as in `Dense`.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Conv1D(8, 3, padding="causal", dilation=2), pbnn.AveragePool()]
    """

    filters: int
    size: int
    activation: Activation = "tanh"
    _: KW_ONLY
    stride: int = 1
    padding: Literal["valid", "same", "causal"] | int = "valid"
    dilation: int = 1
    groups: int = 1
    weight: Prior | None = None
    bias: Prior | bool = True

    def __post_init__(self) -> None:
        require_counts(self, "filters", "size", "stride", "dilation", "groups")
        _check_padding(self, ("valid", "same", "causal"), pair=False)
        _check_rest(self)


@final
@dataclass(frozen=True, slots=True)
class Conv2D:
    """Convolution of an image: `(row, column, n_in)` to `(row, column, filters)`, then `activation`.

    A matrix product of the windows of the image with a matrix of weights `(prod(size) * n_in / groups, filters)`, whose
    rows run over offsets, row by row, and, within them, channels. `FanIn` refers to its number of rows.

    Parameters
    ----------
    filters
        Number of channels that leave.
    size
        Rows and columns of the window; one number stands for both, as in `stride` and `dilation`.
    activation
        As in `Dense`.
    stride
        Steps between windows.
    padding
        `"valid"` takes whole windows only; `"same"` fills up with zeros so that `ceil(n / stride)` windows remain along
        each axis; a number, or a pair, is that of zeros at each end.
    dilation
        Steps between the elements of a window.
    groups
        In how many groups channels and filters fall that do not see each other.
    weight, bias
        Priors, as in `Dense`.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Conv2D(8, 3, "relu"), pbnn.MaxPool(2), pbnn.Flatten(), pbnn.Dense(32)]
    """

    filters: int
    size: Pair
    activation: Activation = "tanh"
    _: KW_ONLY
    stride: Pair = 1
    padding: Literal["valid", "same"] | Pair = "valid"
    dilation: Pair = 1
    groups: int = 1
    weight: Prior | None = None
    bias: Prior | bool = True

    def __post_init__(self) -> None:
        require_counts(self, "filters", "groups")
        for name in ("size", "stride", "dilation"):
            object.__setattr__(self, name, _as_axes(self, name, getattr(self, name), least=1))
        _check_padding(self, ("valid", "same"), pair=True)
        _check_rest(self)


def _check_rest(owner: Conv1D | Conv2D) -> None:
    if owner.filters % owner.groups:
        raise SpecError(
            f"{type(owner).__name__}: filters must be a multiple of groups; got filters={owner.filters} and "
            f"groups={owner.groups}."
        )
    check_activation(owner)
    check_weights(owner, "weight")
    check_bias(owner)


def _check_padding(owner: Conv1D | Conv2D, words: tuple[str, ...], *, pair: bool) -> None:
    padding = owner.padding
    if isinstance(padding, str) and padding not in words:
        raise SpecError(
            f"{type(owner).__name__}: padding must be a number or one of {', '.join(words)}; got {padding!r}."
        )
    if not isinstance(padding, str):
        object.__setattr__(owner, "padding", _as_axes(owner, "padding", padding, least=0, pair=pair))


def _as_axes(
    owner: object, name: str, value: object, *, least: int, pair: bool = True
) -> int | tuple[int, ...]:
    """Return a whole number, or a pair of such, as given but plain."""
    parts = tuple(value) if isinstance(value, list | tuple) else (value,)
    numbers = tuple(n for n in map(as_number, parts) if isinstance(n, int) and n >= least)
    if len(parts) not in ((1, 2) if pair else (1,)) or len(numbers) < len(parts):
        or_pair = " or a pair of such" if pair else ""
        raise SpecError(
            f"{type(owner).__name__}: {name} must be a whole number >= {least}{or_pair}; got {value!r}."
        )
    return numbers if len(parts) == 2 else numbers[0]


def _axes_words(value: Pair) -> str:
    return f"{value}" if isinstance(value, int) else "×".join(map(str, value))


def _conv_words(layer: Conv1D | Conv2D) -> str:
    words = [type(layer).__name__, f"{layer.filters} of {_axes_words(layer.size)}", layer.activation]
    for name, usual in (("stride", 1), ("padding", "valid"), ("dilation", 1), ("groups", 1)):
        value = getattr(layer, name)
        if value != usual:
            words.append(f"{name} {value if isinstance(value, str) else _axes_words(value)}")
    return " ".join(words)


def _conv_priors(layer: Conv1D | Conv2D) -> Own:
    return {"weight": layer.weight, "bias": layer.bias}


for _cls in (Conv1D, Conv2D):
    layer_words.register(_cls, _conv_words)
    own_priors.register(_cls, _conv_priors)


@final
@dataclass(frozen=True, slots=True)
class AveragePool:
    """The mean of each channel over windows of a sequence or an image.

    Parameters
    ----------
    size
        Of the window, a number or a pair; None takes all positions and leaves none.
    stride
        Steps between windows; None takes `size`. What fills no window is left out.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Conv2D(8, 3), pbnn.AveragePool()]
    """

    size: Pair | None = None
    _: KW_ONLY
    stride: Pair | None = None

    def __post_init__(self) -> None:
        _check_pool(self)


@final
@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest value of each channel over windows of a sequence or an image.

    Parameters
    ----------
    size
        Of the window, a number or a pair; None takes all positions and leaves none.
    stride
        Steps between windows; None takes `size`. What fills no window is left out.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Conv2D(8, 3), pbnn.MaxPool(2), pbnn.Flatten()]
    """

    size: Pair | None = None
    _: KW_ONLY
    stride: Pair | None = None

    def __post_init__(self) -> None:
        _check_pool(self)


def _check_pool(owner: AveragePool | MaxPool) -> None:
    for name in ("size", "stride"):
        value = getattr(owner, name)
        if value is not None:
            object.__setattr__(owner, name, _as_axes(owner, name, value, least=1))
    if owner.size is None and owner.stride is not None:
        raise SpecError(
            f"{type(owner).__name__}: stride needs a size; a pool of all positions has one window."
        )


def _pool_words(layer: AveragePool | MaxPool) -> str:
    words = [type(layer).__name__, "of all" if layer.size is None else _axes_words(layer.size)]
    return " ".join([*words, *([f"stride {_axes_words(layer.stride)}"] if layer.stride else [])])


layer_words.register(AveragePool, _pool_words)
layer_words.register(MaxPool, _pool_words)


@final
@dataclass(frozen=True, slots=True)
class Flatten:
    """All positions and channels of a sequence or an image as the units of one row.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Conv2D(8, 3), pbnn.Flatten(), pbnn.Dense(32)]
    """


@final
@dataclass(frozen=True, slots=True)
class Reshape:
    """The columns of a table as a sequence `(time, channel)` or an image `(row, column, channel)`.

    The last axis runs fastest, as in `numpy.reshape`. The columns of a table are standardised one by one, and those of
    a sequence or an image given to `build` as such channel by channel.

    Parameters
    ----------
    shape
        Two or three whole numbers whose product is the number of columns.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.Reshape((8, 8, 1)), pbnn.Conv2D(8, 3), pbnn.AveragePool()]
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        given: object = self.shape
        parts = given if isinstance(given, list | tuple) else ()
        numbers = tuple(n for n in map(as_number, parts) if isinstance(n, int) and n >= 1)
        if len(numbers) != len(parts) or len(parts) not in (2, 3):
            raise SpecError(
                "Reshape: shape must be (time, channel) or (row, column, channel), whole numbers >= 1; "
                f"got {given!r}."
            )
        object.__setattr__(self, "shape", numbers)

    @property
    def n_units(self) -> int:
        """Number of columns that it takes."""
        return prod(self.shape)


@layer_words.register
def _(layer: Reshape) -> str:
    return f"Reshape {'×'.join(map(str, layer.shape))}"
