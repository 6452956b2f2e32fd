"""Layers that hold other layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import LAYERS, as_layers, inner_layers, layer_words
from pbnn.spec.priors.given import as_nested
from pbnn.spec.unknowns import Choice, Repeat

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
        NumPy knows, or a DataArray, kept as nested tuples. Parameters that are not named keep their priors.

    Examples
    --------
    A Bayesian last layer, on features that were trained before:

    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> y = np.sin(3 * x[:, 0])
    >>> trained = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), x, y)
    >>> best = pbnn.fit(trained, pbnn.MAP(), seed=1)["posterior"].isel(chain=0, draw=0)
    >>> features = pbnn.Frozen(pbnn.Dense(5), {"weight": best["h0_weight"], "bias": best["h0_bias"]})
    >>> bnn = pbnn.build(pbnn.Network([features], likelihoods.Gaussian()), x, y)
    >>> sorted(rv.name for rv in bnn.model.free_RVs)
    ['noise', 'out_bias', 'out_weight', 'out_weight_scale']
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
        values = tuple(sorted((name, as_nested(f"Frozen: values[{name!r}]", v)) for name, v in pairs))
        object.__setattr__(self, "values", values)


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)


@layer_words.register(Frozen)
def _(layer: Frozen) -> str:
    return f"Frozen {', '.join(name for name, _ in layer.values)} of {layer_words(layer.layer)}"


@inner_layers.register(Frozen)
def _(layer: Frozen) -> "tuple[Layer, ...]":
    return (layer.layer,)


@layer_words.register(Repeat)
def _(layer: Repeat) -> str:
    return f"{layer.n} × {layer_words(layer.layer)}{', all the same' if layer.shared else ''}"


@layer_words.register(Choice)
def _(layer: Choice) -> str:
    return " | ".join(map(layer_words, layer.values))


@inner_layers.register(Repeat)
def _(layer: Repeat) -> "tuple[Layer, ...]":
    return (layer.layer,)
