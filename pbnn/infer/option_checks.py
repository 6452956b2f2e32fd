"""What the options of all methods check of their values."""

from typing import Any, Literal

from pbnn.errors import MethodError
from pbnn.spec.numbers import as_number

Precision = Literal["float32", "float64"]


def require(owner: object, condition: bool, name: str, expected: str) -> None:
    """Check a condition on the option `name`."""
    if not condition:
        raise MethodError(f"{type(owner).__name__}: {name} must be {expected}; got {getattr(owner, name)!r}.")


def check_counts(owner: object, *names: str, least: int = 1) -> None:
    """Check that options are whole numbers, at least `least`, and make them `int`."""
    for name in names:
        value = as_number(getattr(owner, name))
        require(owner, isinstance(value, int) and value >= least, name, f"a whole number >= {least}")
        object.__setattr__(owner, name, value)


def check_number(owner: object, name: str, above: float, below: float, expected: str) -> None:
    """Check that an option is a number between `above` and `below`, and make it a plain number."""
    value = as_number(getattr(owner, name))
    require(owner, value is not None and above < value < below, name, expected)
    object.__setattr__(owner, name, value)


def check_precision(owner: Any) -> None:
    """Check the option `precision`."""
    require(owner, owner.precision in ("float32", "float64"), "precision", "'float32' or 'float64'")
