"""Layers that hold other layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import LAYERS, as_layers, inner_layers, layer_words
from pbnn.spec.numbers import as_number

if TYPE_CHECKING:
    from pbnn.spec.layers import Layer


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


@layer_words.register(Residual)
def _(layer: Residual) -> str:
    return f"Residual [{', '.join(map(layer_words, layer.layers))}]"


@inner_layers.register(Residual)
def _(layer: Residual) -> "tuple[Layer, ...]":
    return layer.layers


@final
@dataclass(frozen=True, slots=True)
class Concat:
    """Branches side by side on the same input, their units one after the other.

    Parameters
    ----------
    branches
        Each a layer, or a list of layers; an empty list passes the input on.

    Examples
    --------
    >>> import pbnn
    >>> wide_and_deep = pbnn.Concat([[], [pbnn.Dense(50), pbnn.Dense(50)]])
    """

    branches: "tuple[tuple[Layer, ...], ...]"

    def __post_init__(self) -> None:
        object.__setattr__(self, "branches", _as_branches("Concat", self.branches))


@final
@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches side by side on the same input, added up: they must give the same number of units.

    Wide and deep (Cheng et al. 2016, arXiv:1606.07792): a linear branch beside a deep one.

    Parameters
    ----------
    branches
        Each a layer, or a list of layers; an empty list passes the input on.

    Examples
    --------
    >>> import pbnn
    >>> block = pbnn.Parallel([pbnn.Dense(10, "identity"), [pbnn.Dense(50), pbnn.Dense(10)]])
    """

    branches: "tuple[tuple[Layer, ...], ...]"

    def __post_init__(self) -> None:
        object.__setattr__(self, "branches", _as_branches("Parallel", self.branches))


def _as_branches(where: str, branches: object) -> "tuple[tuple[Layer, ...], ...]":
    if not isinstance(branches, list | tuple):
        raise SpecError(
            f"{where}: branches must be a list of layers, or of lists of layers; got {branches!r}."
        )
    known = tuple(LAYERS.values())
    found = tuple(
        as_layers(f"{where}: branches[{i}]", [branch] if isinstance(branch, known) else branch)
        for i, branch in enumerate(branches)
    )
    if len(found) < 2:
        raise SpecError(f"{where}: needs at least two branches; got {len(found)}.")
    return found


def _branches_words(layer: Concat | Parallel) -> str:
    branches = [" → ".join(map(layer_words, branch)) or "input" for branch in layer.branches]
    return f"{type(layer).__name__} [{' | '.join(branches)}]"


layer_words.register(Concat, _branches_words)
layer_words.register(Parallel, _branches_words)


@inner_layers.register(Concat)
@inner_layers.register(Parallel)
def _(layer: Concat | Parallel) -> "tuple[Layer, ...]":
    return tuple(part for branch in layer.branches for part in branch)


@final
@dataclass(frozen=True, slots=True)
class Frozen:
    """A layer some or all of whose weights are known numbers: a partially Bayesian network.

    With every layer but the output frozen at trained weights this is a Bayesian last layer (Sharma et al. 2023, Do
    Bayesian neural networks need to be fully stochastic?, arXiv:2211.06291).

    Parameters
    ----------
    layer
        Any layer.
    values
        Arrays by the name of the parameter without the layer's stem, such as `weight` for `h0_weight`: anything that
        NumPy knows, kept as nested tuples. Parameters that are not named keep their priors.

    Examples
    --------
    >>> import pbnn
    >>> known = pbnn.Frozen(pbnn.Dense(2, "relu"), {"weight": [[1.0, -1.0]], "bias": [0.0, 0.0]})
    >>> dict(known.values)["bias"]
    (0.0, 0.0)
    """

    layer: "Layer"
    values: tuple[tuple[str, Any], ...]

    def __post_init__(self) -> None:
        if not isinstance(self.layer, tuple(LAYERS.values())) or isinstance(self.layer, Frozen):
            raise SpecError(f"Frozen: layer must be a layer that is not frozen; got {self.layer!r}.")
        given: Any = self.values
        pairs = list(given.items()) if isinstance(given, Mapping) else given
        if not isinstance(pairs, list | tuple) or not all(_is_pair(pair) for pair in pairs):
            raise SpecError(
                f"Frozen: values must map names to arrays, such as {{'weight': w, 'bias': b}}; got {given!r}."
            )
        if not pairs:
            raise SpecError("Frozen: values are empty; name at least one parameter, or leave Frozen away.")
        values = tuple(sorted((name, _as_nested(f"Frozen: values[{name!r}]", v)) for name, v in pairs))
        object.__setattr__(self, "values", values)


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)


def _as_nested(where: str, values: Any) -> Any:
    """Return an array as nested tuples of finite numbers."""
    for method in ("to_numpy", "tolist"):
        values = getattr(values, method, lambda values=values: values)()
    if isinstance(values, list | tuple):
        inner = tuple(_as_nested(where, v) for v in values)
        if len({_shape(v) for v in inner}) > 1:
            raise SpecError(f"{where} must be an array; its rows differ in length.")
        return inner
    number = as_number(values)
    if number is None or not isfinite(number):
        raise SpecError(f"{where} must hold finite numbers; got {values!r}.")
    return number


def _shape(nested: Any) -> tuple[int, ...]:
    return (len(nested), *(_shape(nested[0]) if nested else ())) if isinstance(nested, tuple) else ()


@layer_words.register(Frozen)
def _(layer: Frozen) -> str:
    return f"Frozen {layer_words(layer.layer)}"


@inner_layers.register(Frozen)
def _(layer: Frozen) -> "tuple[Layer, ...]":
    return (layer.layer,)
