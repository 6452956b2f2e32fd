"""Priors of one location and scale: what they draw is independent given the scale."""

from dataclasses import KW_ONLY, dataclass
from typing import final

from pbnn.errors import SpecError
from pbnn.spec.numbers import require_numbers
from pbnn.spec.priors.scales import Scale, check_scale


@final
@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution, `N(loc, scale**2)`.

    Parameters
    ----------
    loc, scale
        Mean and standard deviation; the latter is a number, a relative scale, or a prior of its own.
    centered
        Whether samplers and approximations see the weight itself, instead of `(weight - loc) / scale`. Without, a
        learned scale and its weights form no funnel; with it, weights that the data determine well move more easily.
        With a learned scale the joint mode of centred weights lies at scale 0: for MCMC only.

    References
    ----------
    Papaspiliopoulos, Roberts & Sköld (2007), A general framework for the parametrization of hierarchical models,
    10.1214/088342307000000014; Betancourt & Girolami (2015), arXiv:1312.0906.
    """

    loc: float = 0.0
    scale: Scale = 1.0
    _: KW_ONLY
    centered: bool = False

    def __post_init__(self) -> None:
        require_numbers(self, "loc")
        check_scale(self)
        check_centered(self)


@final
@dataclass(frozen=True, slots=True)
class Laplace:
    """A double-exponential distribution with density proportional to `exp(-|x - loc| / scale)`.

    `centered` as for `Normal`.
    """

    loc: float = 0.0
    scale: Scale = 1.0
    _: KW_ONLY
    centered: bool = False

    def __post_init__(self) -> None:
        require_numbers(self, "loc")
        check_scale(self)
        check_centered(self)


@final
@dataclass(frozen=True, slots=True)
class StudentT:
    """A Student t distribution with `df` degrees of freedom: a few weights may be large.

    `centered` as for `Normal`.
    """

    df: float = 4.0
    loc: float = 0.0
    scale: Scale = 1.0
    _: KW_ONLY
    centered: bool = False

    def __post_init__(self) -> None:
        require_numbers(self, "df", positive=True)
        require_numbers(self, "loc")
        check_scale(self)
        check_centered(self)


def check_centered(owner: Normal | Laplace | StudentT) -> None:
    """Raise `SpecError` unless `centered` is True or False."""
    if not isinstance(owner.centered, bool):
        raise SpecError(f"{type(owner).__name__}: centered must be True or False; got {owner.centered!r}.")
