"""Numbers in a spec: checked, and kept as Python's own, so that JSON and equality are exact whoever made them."""

from numbers import Integral, Real

from pbnn.errors import SpecError


def as_number(value: object) -> int | float | None:
    """Return a real number, NumPy's too, as an int or a float; None if it is no number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return int(value) if isinstance(value, Integral) else number


def require_counts(owner: object, *names: str) -> None:
    """Raise `SpecError` unless the fields hold whole numbers >= 1."""
    for name in names:
        value = getattr(owner, name)
        number = as_number(value)
        if not isinstance(number, int) or number < 1:
            raise SpecError(f"{type(owner).__name__}: {name} must be a whole number >= 1; got {value!r}.")
        object.__setattr__(owner, name, number)


def require_numbers(owner: object, *names: str, positive: bool = False) -> None:
    """Raise `SpecError` unless the fields hold finite numbers, `positive` ones if asked for."""
    for name in names:
        value = getattr(owner, name)
        number = as_number(value)
        if number is None or not abs(number) < float("inf") or (positive and number <= 0):
            kind = "positive" if positive else "finite"
            raise SpecError(f"{type(owner).__name__}: {name} must be a {kind} number; got {value!r}.")
        object.__setattr__(owner, name, number)


def require_booleans(owner: object, *names: str) -> None:
    """Raise `SpecError` unless the fields hold True or False."""
    for name in names:
        value = getattr(owner, name)
        if not isinstance(value, bool):
            raise SpecError(f"{type(owner).__name__}: {name} must be True or False; got {value!r}.")
