"""Fields that are left open: a number between two others, one of several things, a layer some number of times.

They stand in a network, or in the options of a method, where a value would stand; `pbnn.search` looks for the value. A
class checks its fields as ever: `leave_open` has it check every end and every choice of what is open, so that no class
needs to know of this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, final

from pbnn.errors import PbnnError, SpecError
from pbnn.spec.numbers import as_number, require_booleans, require_numbers


@final
@dataclass(frozen=True, slots=True)
class Int:
    """A whole number from `low` to `high`, both included.

    Parameters
    ----------
    low, high
        The ends.
    log
        Whether it is the ratio of two values that counts, as of numbers of units.
    step
        Distance of neighbours, from `low` on; 1 where `log`.
    name
        Of the parameter, in place of one from where it stands. All that have a name have one value.

    Raises
    ------
    SpecError
        If the ends are reversed or no whole numbers, or `log` is asked of numbers below 1.

    Examples
    --------
    >>> import pbnn
    >>> layer = pbnn.Dense(pbnn.search.Int(8, 256, log=True))
    >>> print(layer.units)
    8…256 (log)
    """

    low: int
    high: int
    log: bool = False
    step: int = 1
    name: str | None = None

    def __post_init__(self) -> None:
        for end in ("low", "high", "step"):
            number = as_number(getattr(self, end))
            if not isinstance(number, int):
                raise SpecError(f"Int: {end} must be a whole number; got {getattr(self, end)!r}.")
            object.__setattr__(self, end, number)
        require_booleans(self, "log")
        _check_ends(self, self.low, self.high)
        if self.step < 1 or (self.log and self.step != 1):
            raise SpecError(f"Int: step must be >= 1, and 1 where log=True; got {self.step!r}.")
        _check_name(self)

    def __str__(self) -> str:
        return _ends_words(self.low, self.high, self.log) + (f" by {self.step}" if self.step > 1 else "")

    def __format__(self, _: str) -> str:
        return str(self)


@final
@dataclass(frozen=True, slots=True)
class Float:
    """A number between `low` and `high`.

    Parameters
    ----------
    low, high
        The ends.
    log
        Whether it is the ratio of two values that counts, as of scales and learning rates.
    name
        As of `Int`.

    Raises
    ------
    SpecError
        If the ends are reversed or not finite, or `log` is asked of numbers that are not positive.

    Examples
    --------
    >>> import pbnn
    >>> prior = pbnn.priors.Normal(scale=pbnn.search.Float(0.1, 10, log=True))
    """

    low: float
    high: float
    log: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        require_numbers(self, "low", "high")
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        require_booleans(self, "log")
        _check_ends(self, self.low, self.high)
        _check_name(self)

    def __str__(self) -> str:
        return _ends_words(self.low, self.high, self.log)

    def __format__(self, _: str) -> str:
        return str(self)


@final
@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of several values: names, numbers, priors, layers, likelihoods, methods, which may be open in turn.

    Parameters
    ----------
    *values
        At least one, all different.
    name
        As of `Int`.

    Raises
    ------
    SpecError
        If there is no value, or one stands there twice.

    Examples
    --------
    >>> import pbnn
    >>> layer = pbnn.Dense(20, pbnn.search.Choice("tanh", "relu"))
    """

    values: tuple[Any, ...]
    name: str | None = None

    def __init__(self, *values: Any, name: str | None = None) -> None:
        object.__setattr__(self, "values", _tuples(values))
        object.__setattr__(self, "name", name)
        if not values:
            raise SpecError("Choice: needs at least one value, as in Choice('tanh', 'relu').")
        if len(values) == 1 and isinstance(values[0], list | tuple):
            raise SpecError(f"Choice: values are not put into a list; write Choice(*{list(values[0])!r}).")
        for i, value in enumerate(self.values):
            if value in self.values[:i]:
                raise SpecError(f"Choice: {value!r} stands there twice.")
        _check_name(self)

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        return f"Choice({', '.join(map(repr, self.values))}{named})"

    def __str__(self) -> str:
        return " | ".join(map(str, self.values))

    def __format__(self, _: str) -> str:
        return str(self)


@final
@dataclass(frozen=True, slots=True)
class Repeat:
    """A layer some number of times, one after the other.

    With `n` a plain number it stands for so many copies of the layer, and a network keeps these in its place.

    Parameters
    ----------
    layer
        Any layer, which may have open fields, or a `Choice` of layers.
    n
        How often: a number, or an `Int` (from 0 on).
    shared
        Whether what is open in the layer has the same value in all copies, or a value of its own in each.

    Raises
    ------
    SpecError
        If `n` is negative or no whole number.

    Examples
    --------
    >>> import pbnn
    >>> from pbnn.search import Int, Repeat
    >>> body = Repeat(pbnn.Dense(Int(8, 64, log=True)), n=Int(1, 3))
    >>> pbnn.Network([Repeat(pbnn.Dense(20), n=2)], pbnn.likelihoods.Gaussian()).layers == (pbnn.Dense(20),) * 2
    True
    """

    layer: Any
    n: int | Int
    shared: bool = False

    def __post_init__(self) -> None:
        n = self.n if isinstance(self.n, Int) else as_number(self.n)
        if not isinstance(n, int | Int) or (n.low if isinstance(n, Int) else n) < 0:
            raise SpecError(f"Repeat: n must be a whole number >= 0, or an Int of such; got {self.n!r}.")
        object.__setattr__(self, "n", n)
        if not is_dataclass(self.layer) or isinstance(self.layer, type | Int | Float | Repeat):
            raise SpecError(f"Repeat: layer must be a layer, or a Choice of layers; got {self.layer!r}.")
        require_booleans(self, "shared")

    @property
    def most(self) -> int:
        """The largest number of copies."""
        return self.n.high if isinstance(self.n, Int) else self.n


Unknown = Int | Float | Choice
UNKNOWNS: dict[str, type] = {cls.__name__: cls for cls in (Int, Float, Choice, Repeat)}


def _check_ends(owner: "Int | Float", low: float, high: float) -> None:
    kind = type(owner).__name__
    if low > high:
        raise SpecError(f"{kind}: low must not exceed high; got {low!r} and {high!r}. Exchange them.")
    if owner.log and low <= 0:
        raise SpecError(
            f"{kind}: log=True needs positive numbers; got low={low!r}. Raise low, or drop log=True."
        )


def _check_name(owner: Int | Float | Choice) -> None:
    if owner.name is not None and (not isinstance(owner.name, str) or not owner.name):
        raise SpecError(f"{type(owner).__name__}: name must be a text that is not empty; got {owner.name!r}.")


def _ends_words(low: float, high: float, log: bool) -> str:
    return f"{low:g}…{high:g}{' (log)' if log else ''}"


def _tuples(value: Any) -> Any:
    """Return lists, and mappings as lists of pairs, as tuples."""
    if isinstance(value, Mapping):
        return tuple((key, _tuples(inner)) for key, inner in value.items())
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


# ---------------------------------------------------------------- what is open in a spec


def parts_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a spec, a list or a mapping holds, with its name or its number."""
    if is_dataclass(value) and not isinstance(value, type):
        yield from ((f.name, getattr(value, f.name)) for f in fields(value))
    elif isinstance(value, Mapping):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(i), inner) for i, inner in enumerate(value))


def is_open(value: Any) -> bool:
    """Return whether a spec has a field that is left open."""
    # Lists of numbers may be long, as of pretrained weights, and hold nothing.
    if isinstance(value, list | tuple) and value and isinstance(value[0], float):
        return False
    return isinstance(value, Int | Float | Choice | Repeat) or any(
        is_open(part) for _, part in parts_of(value)
    )


def require_closed(where: str, value: Any) -> None:
    """Raise `SpecError` if a spec has a field that is left open."""
    if is_open(value):
        raise SpecError(
            f"{where}: {next(_open_words(value, ''))} is left open, and needs a value. Search for one with "
            "pbnn.search.optimize, or put a number or a name in its place."
        )


def _open_words(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Int | Float | Choice | Repeat):
        yield f"{path or 'it'} = {value!r}"
    else:
        for name, part in parts_of(value):
            step = f"[{name}]" if name.isdigit() else f".{name}" if path else name
            yield from _open_words(part, path + step)


# ---------------------------------------------------------------- checks of open fields


def _corner(value: Any, which: int) -> Any:
    """Return a spec with values for what is open: the low ends, the high ones, then the values of each choice."""
    if isinstance(value, Int | Float):
        return value.high if which == 1 else value.low
    if isinstance(value, Choice):
        return _corner(value.values[which % len(value.values)], which)
    if isinstance(value, Mapping | list | tuple):
        return tuple(_corner_items(value, which))
    if is_open(value):
        return type(value)(**{name: _corner(part, which) for name, part in parts_of(value)})
    return value


def _corner_items(value: Any, which: int) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from ((key, _corner(inner, which)) for key, inner in value.items())
        return
    for inner in value:
        if isinstance(inner, Repeat):
            yield from [_corner(inner.layer, which)] * _corner(inner.n, which)
        else:
            yield _corner(inner, which)


def _corners(value: Any) -> int:
    """Return how many corners show every end and every choice."""
    own = len(value.values) if isinstance(value, Choice) else 2
    return max([own, *(_corners(part) for _, part in parts_of(value))] if is_open(value) else [1])


def leave_open[T: type](cls: T) -> T:
    """Let the fields of a spec be open: it is then checked with every end and every choice in their place."""
    check = getattr(cls, "__post_init__", None)

    def check_all(self: Any) -> None:
        given = dict(parts_of(self))
        if any(isinstance(part, list | tuple) for part in given.values()):
            given = {name: _plain_copies(part) for name, part in given.items()}
        if not any(map(is_open, given.values())):
            for name, part in given.items():
                object.__setattr__(self, name, part)
            if check is not None:
                check(self)
            return
        for which in range(max(map(_corners, given.values()))):
            plain = {name: _corner(part, which) for name, part in given.items()}
            try:
                checked = cls(**plain)
            except PbnnError as error:
                told = ", ".join(f"{n}={plain[n]!r}" for n, part in given.items() if is_open(part))
                raise type(error)(
                    f"{error} (This was with {told}, which what is left open allows.)"
                ) from error
        for name, part in given.items():
            object.__setattr__(self, name, _tuples(part) if is_open(part) else getattr(checked, name))

    cls.__post_init__ = check_all  # type: ignore[attr-defined]
    return cls


def _plain_copies(value: Any) -> Any:
    """Write out, in a list, layers that are repeated a known number of times."""
    if not isinstance(value, list | tuple) or not any(isinstance(v, Repeat) and _is_plain(v) for v in value):
        return value
    return [
        copy
        for v in value
        for copy in ([v.layer] * v.most if isinstance(v, Repeat) and _is_plain(v) else [v])
    ]


def _is_plain(value: Repeat) -> bool:
    return isinstance(value.n, int) and not (value.shared and is_open(value.layer))
