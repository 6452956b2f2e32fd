"""Priors of one location and scale: what they draw is independent given the scale."""

from dataclasses import dataclass
from typing import final

from pbnn.spec.numbers import require_numbers
from pbnn.spec.priors.scales import Scale, check_scale


@final
@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution, `N(loc, scale**2)`."""

    loc: float = 0.0
    scale: Scale = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "loc")
        check_scale(self)


@final
@dataclass(frozen=True, slots=True)
class Laplace:
    """A double-exponential distribution with density proportional to `exp(-|x - loc| / scale)`."""

    loc: float = 0.0
    scale: Scale = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "loc")
        check_scale(self)


@final
@dataclass(frozen=True, slots=True)
class StudentT:
    """A Student t distribution with `df` degrees of freedom: a few weights may be large."""

    df: float = 4.0
    loc: float = 0.0
    scale: Scale = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "df", positive=True)
        require_numbers(self, "loc")
        check_scale(self)
