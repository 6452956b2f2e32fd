"""The space of a search: what is left open in a network and in the options of its method, as named parameters."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, final

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from pbnn.errors import SpecError
from pbnn.infer.methods import Method, as_method
from pbnn.spec.network import Network
from pbnn.spec.unknowns import Choice, Float, Int, Repeat, is_open, parts_of

if TYPE_CHECKING:
    from optuna import Trial

    from pbnn.search.inputs import Condition

DEFAULT_METHOD = "laplace"
"""A search fits many networks, and this is the quickest fit with draws to judge it by."""
Params = Mapping[str, Any]


class Needs(NamedTuple):
    """A parameter is active where another has one of these values."""

    parent: str
    values: tuple[Any, ...]


@final
@dataclass(frozen=True, slots=True)
class Space:
    """All networks, and options of a method, that a search may try.

    Parameters are named by where they stand: `h0_units`, `h1_activation`, `likelihood_noise`, `weights_scale_gain`,
    `method_draws`; the number of copies of the only `Repeat` is `depth`, of several `h0_depth`, `h3_depth`. Layers are
    counted with every `Repeat` at its longest, so that a name means the same layer in every network.

    Parameters
    ----------
    network
        A network, with or without open fields.
    method
        A method, with or without open fields, a name of one, or a `Choice` of methods; Laplace's by default.

    Raises
    ------
    SpecError
        If nothing is left open, or two parameters that are not the same have one name.

    Examples
    --------
    >>> import pbnn
    >>> from pbnn.search import Choice, Int, Repeat, Space
    >>> body = Repeat(pbnn.Dense(Int(8, 64, log=True), Choice("tanh", "relu")), n=Int(1, 2))
    >>> space = Space(pbnn.Network([body], pbnn.likelihoods.Gaussian()))
    >>> list(space.distributions)
    ['depth', 'h0_units', 'h0_activation', 'h1_units', 'h1_activation']
    >>> network, method = space.of({"depth": 1, "h0_units": 16, "h0_activation": "relu"})
    >>> network.layers
    (Dense(units=16, activation='relu', weight=None, bias=True),)
    """

    network: Network
    method: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.network, Network):
            raise SpecError(
                f"Space: the first argument must be a pbnn.Network; got {type(self.network).__name__}."
            )
        method = self.method if self.method is not None else DEFAULT_METHOD
        if isinstance(method, Choice):
            values = tuple(as_method(value, "Space") for value in method.values)
            method = Choice(*values, name=method.name)
        else:
            method = as_method(method, "Space")
        object.__setattr__(self, "method", method)
        if not is_open((self.network, method)):
            raise SpecError(
                "Space: nothing is left open, so there is nothing to search for. Put pbnn.search.Int, Float, Choice or "
                "Repeat where a number, a name, a prior or a layer stands, as in pbnn.Dense(Int(8, 256, log=True))."
            )
        self._entries()

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's distribution of each parameter, parents before those that depend on them."""
        return {name: distribution for name, (distribution, _) in self._entries().items()}

    @property
    def needs(self) -> dict[str, Needs]:
        """By parameter, when it is active; one that is not named always is."""
        return {name: needs for name, (_, needs) in self._entries().items() if needs is not None}

    @property
    def conditions(self) -> "dict[str, Condition]":
        """The same, as the sampler and the surrogate take it."""
        from pbnn.search.inputs import Condition

        return {name: Condition(*needs) for name, needs in self.needs.items()}

    def suggest(self, trial: "Trial") -> tuple[Network, Method]:
        """Have a trial choose each parameter that is active, and return what it chose.

        Raises
        ------
        SpecError, MethodError
            If the values contradict each other; the trial has its parameters all the same.
        """
        params: dict[str, Any] = {}
        for name, (distribution, needs) in self._entries().items():
            if needs is None or params.get(needs.parent, _MISSING) in needs.values:
                params[name] = _suggested(trial, name, distribution)
        return self.of(params)

    def of(self, params: Params) -> tuple[Network, Method]:
        """Return the network and the method that parameters stand for; those that are not active are not looked at.

        Raises
        ------
        SpecError
            If a parameter that is active has no value, or values contradict each other.
        """
        stems = _stems(self.network)

        def value_of(name: str, unknown: Int | Float | Choice) -> Any:
            if name not in params:
                raise SpecError(
                    f"Space.of: no value of {name!r} is given; there are {', '.join(params) or 'none'}."
                )
            if not isinstance(unknown, Choice):
                return params[name]
            named = _labels(unknown)
            if params[name] not in named:
                raise SpecError(
                    f"Space.of: {name} must be one of {', '.join(map(str, named))}; got {params[name]!r}."
                )
            return unknown.values[named.index(params[name])]

        return (
            _filled(self.network, "", stems, value_of),
            _filled(self.method, "method", stems, value_of),
        )

    def difference(self, other: Mapping[str, BaseDistribution]) -> list[str]:
        """Say how this space differs from the distributions of another, a line for each parameter; [] if it does not.

        Examples
        --------
        >>> import pbnn
        >>> from pbnn.search import Int, Space
        >>> a, b = (Space(pbnn.Network([pbnn.Dense(Int(8, high))], pbnn.likelihoods.Gaussian())) for high in (64, 32))
        >>> a.difference(b.distributions)
        ['h0_units: was 8…32, is 8…64']
        """
        mine = self.distributions
        lines = [f"{name}: is new, {_words(mine[name])}" for name in mine if name not in other]
        lines += [f"{name}: was {_words(d)}, is no more" for name, d in other.items() if name not in mine]
        both = [name for name in mine if name in other and mine[name] != other[name]]
        return lines + [f"{name}: was {_words(other[name])}, is {_words(mine[name])}" for name in both]

    def _entries(self) -> "dict[str, tuple[BaseDistribution, Needs | None]]":
        found: dict[str, tuple[Any, BaseDistribution, Needs | None]] = {}
        stems = _stems(self.network)
        walk = [*_walk(self.network, "", stems, None), *_walk(self.method, "method", stems, None)]
        for name, unknown, needs in walk:
            if name not in found:
                found[name] = (unknown, _distribution(unknown), needs)
            elif found[name][0] != unknown:
                raise SpecError(
                    f"Space: two parameters have the name {name!r}, {found[name][0]!r} and {unknown!r}. Give them two "
                    "names, or make them equal, and they have one value."
                )
            elif found[name][2] != needs:
                # It is needed here or there, so it is always asked for.
                found[name] = (unknown, found[name][1], None)
        return {name: (distribution, needs) for name, (_, distribution, needs) in found.items()}


_MISSING = object()


def _stems(network: Network) -> dict[int, tuple[int, str]]:
    """Return, by place in the list of layers, the number of the first copy and the name of the number of copies."""
    repeats = [layer for layer in network.layers if isinstance(layer, Repeat)]
    at, stems = 0, {}
    for i, layer in enumerate(network.layers):
        stems[i] = (at, "depth" if len(repeats) == 1 else f"h{at}_depth")
        at += layer.most if isinstance(layer, Repeat) else 1
    return stems


def _walk(value: Any, path: str, stems: Any, needs: Needs | None) -> Iterator[tuple[str, Any, Needs | None]]:
    """Yield name, unknown and condition of all that is open, parents first."""
    if isinstance(value, Int | Float | Choice):
        name = value.name or path
        yield name, value, needs
        if isinstance(value, Choice):
            for label, slug, option in zip(_labels(value), _slugs(value), value.values, strict=True):
                yield from _walk(option, f"{path}_{slug}", stems, Needs(name, (label,)))
        return
    if not is_open(value):
        return
    if isinstance(value, Network):
        for i, layer in enumerate(value.layers):
            yield from _walk_layer(layer, *stems[i], stems, needs)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            if isinstance(inner, Repeat):
                yield from _walk_repeat(
                    inner, f"{path}_{i}_depth", lambda j, i=i: f"{path}_{i}x{j}", stems, needs
                )
            else:
                yield from _walk(inner, f"{path}_{i}", stems, needs)
        return
    for name, inner in parts_of(value):
        if not (isinstance(value, Network) and name == "layers"):
            yield from _walk(inner, _joined(path, name), stems, needs)


def _walk_layer(layer: Any, at: int, depth: str, stems: Any, needs: Needs | None) -> Iterator[Any]:
    if isinstance(layer, Repeat):
        yield from _walk_repeat(layer, depth, lambda j: f"h{at + j}", stems, needs)
    else:
        yield from _walk(layer, f"h{at}", stems, needs)


def _walk_repeat(
    layer: Repeat, depth: str, stem: Callable[[int], str], stems: Any, needs: Needs | None
) -> Iterator[Any]:
    n = layer.n
    if isinstance(n, Int):
        depth = n.name or depth
        yield depth, n, needs
    values = range(n.low, n.high + 1, n.step) if isinstance(n, Int) else (n,)
    for j in range(1 if layer.shared else layer.most):
        enough = tuple(v for v in values if v > j)
        own = Needs(depth, enough) if isinstance(n, Int) and len(enough) < len(values) else needs
        if enough:
            yield from _walk(layer.layer, stem(j), stems, own)


def _filled(value: Any, path: str, stems: Any, value_of: Callable[[str, Any], Any]) -> Any:
    """Return a spec with values for what is open; walks as `_walk` does."""
    if isinstance(value, Int | Float):
        return value_of(value.name or path, value)
    if isinstance(value, Choice):
        chosen = value_of(value.name or path, value)
        slug = _slugs(value)[value.values.index(chosen)]
        return _filled(chosen, f"{path}_{slug}", stems, value_of)
    if not is_open(value):
        return value
    if isinstance(value, list | tuple):
        filled: list[Any] = []
        for i, inner in enumerate(value):
            if isinstance(inner, Repeat):
                filled += _copies(
                    inner, f"{path}_{i}_depth", lambda j, i=i: f"{path}_{i}x{j}", stems, value_of
                )
            else:
                filled.append(_filled(inner, f"{path}_{i}", stems, value_of))
        return tuple(filled)
    parts = {}
    for name, inner in parts_of(value):
        if isinstance(value, Network) and name == "layers":
            parts[name] = [
                copy for i, layer in enumerate(inner) for copy in _layers(layer, *stems[i], stems, value_of)
            ]
        else:
            parts[name] = _filled(inner, _joined(path, name), stems, value_of)
    return type(value)(**parts)


def _layers(layer: Any, at: int, depth: str, stems: Any, value_of: Callable[[str, Any], Any]) -> list[Any]:
    if isinstance(layer, Repeat):
        return _copies(layer, depth, lambda j: f"h{at + j}", stems, value_of)
    return [_filled(layer, f"h{at}", stems, value_of)]


def _copies(
    layer: Repeat, depth: str, stem: Callable[[int], str], stems: Any, value_of: Callable[[str, Any], Any]
) -> list[Any]:
    n = value_of(layer.n.name or depth, layer.n) if isinstance(layer.n, Int) else layer.n
    return [_filled(layer.layer, stem(0 if layer.shared else j), stems, value_of) for j in range(n)]


def _joined(path: str, name: str) -> str:
    return f"{path}_{name}" if path else name


def _slugs(choice: Choice) -> list[str]:
    """Return the parts of names that say of which option a parameter is: its type, and its place if that is not all."""
    kinds = [type(value).__name__.lower() for value in choice.values]
    return [kind if kinds.count(kind) == 1 else f"{kind}{i}" for i, kind in enumerate(kinds)]


def _labels(choice: Choice) -> list[Any]:
    """Return what Optuna calls the options: names and numbers themselves, specs by their type, or in full."""
    kinds = [type(value).__name__ for value in choice.values]
    return [
        value
        if value is None or isinstance(value, bool | int | float | str)
        else (kind if is_dataclass(value) and kinds.count(kind) == 1 else _full(value))
        for value, kind in zip(choice.values, kinds, strict=True)
    ]


def _full(value: Any) -> str:
    if is_dataclass(value):
        said = (f"{f.name}={_full(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({', '.join(said)})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_full, value))}]"
    return str(value)


def _distribution(unknown: Int | Float | Choice) -> BaseDistribution:
    match unknown:
        case Int(low, high, log, step):
            # Optuna lowers an end that no step reaches, and warns of it.
            return IntDistribution(low, high - (high - low) % step, log=log, step=step)
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
    return CategoricalDistribution(_labels(unknown))


def _suggested(trial: "Trial", name: str, distribution: BaseDistribution) -> Any:
    match distribution:
        case IntDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_int(name, low, high, log=log, step=step)
        case FloatDistribution(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
    return trial.suggest_categorical(name, distribution.choices)


def _words(distribution: BaseDistribution) -> str:
    match distribution:
        case IntDistribution(low=low, high=high, log=log, step=step):
            return str(Int(low, high, log, step))
        case FloatDistribution(low=low, high=high, log=log):
            return str(Float(low, high, log))
        case CategoricalDistribution(choices=choices):
            return " | ".join(map(str, choices))
    return str(distribution)
