"""What a prior is: plain frozen data, turned into random variables by `pbnn.graph.priors`.

A scale is one of

- a positive number,
- `FanIn(gain)`: `gain / sqrt(n_in)`, so that the variance of a unit does not grow with the width of the layer below
  (Neal 1996, *Bayesian Learning for Neural Networks*, section 2.1),
- `ResponseSD(factor)`: `factor` times the standard deviation of the response, for noise,
- a prior on positive numbers (`HalfNormal`, `LogNormal`): a scale that is learned, one for each layer.
"""

from dataclasses import dataclass
from typing import final

from pbnn.errors import SpecError
from pbnn.spec.numbers import as_number, require_numbers


@final
@dataclass(frozen=True, slots=True)
class FanIn:
    """The scale `gain / sqrt(n_in)`, where `n_in` is the number of inputs of the layer.

    Examples
    --------
    >>> from pbnn import priors
    >>> priors.Normal(scale=priors.FanIn(1.0))
    Normal(loc=0.0, scale=FanIn(gain=1.0))
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "gain", positive=True)


@final
@dataclass(frozen=True, slots=True)
class ResponseSD:
    """The scale `factor * sd(y)`, with the standard deviation of each output in the training data.

    Without standardisation (`build(..., standardize=False)`) the standard deviation counts as 1.
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "factor", positive=True)


@final
@dataclass(frozen=True, slots=True)
class HalfNormal:
    """The positive half of a normal distribution, `|N(0, scale**2)|`."""

    scale: "Scale" = 1.0

    def __post_init__(self) -> None:
        check_scale(self)


@final
@dataclass(frozen=True, slots=True)
class LogNormal:
    """The logarithm is normal: `exp(N(log(scale), sigma**2))`; `scale` is the median.

    Parameters
    ----------
    scale
        The median.
    sigma
        The standard deviation of the logarithm: 1 means "within a factor of 2.7 either way, two times in three".
    """

    scale: "Scale" = 1.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self)
        require_numbers(self, "sigma", positive=True)


@final
@dataclass(frozen=True, slots=True)
class Normal:
    """A normal distribution, `N(loc, scale**2)`."""

    loc: float = 0.0
    scale: "Scale" = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "loc")
        check_scale(self)


@final
@dataclass(frozen=True, slots=True)
class Laplace:
    """A double-exponential distribution with density proportional to `exp(-|x - loc| / scale)`."""

    loc: float = 0.0
    scale: "Scale" = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "loc")
        check_scale(self)


@final
@dataclass(frozen=True, slots=True)
class StudentT:
    """A Student t distribution with `df` degrees of freedom: a few weights may be large."""

    df: float = 4.0
    loc: float = 0.0
    scale: "Scale" = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "df", positive=True)
        require_numbers(self, "loc")
        check_scale(self)


Prior = Normal | HalfNormal | LogNormal | StudentT | Laplace
Scale = float | FanIn | ResponseSD | HalfNormal | LogNormal

PRIORS: dict[str, type] = {cls.__name__: cls for cls in (Normal, HalfNormal, LogNormal, StudentT, Laplace)}
SCALES: dict[str, type] = {cls.__name__: cls for cls in (FanIn, ResponseSD, HalfNormal, LogNormal)}


def check_scale(owner: object) -> None:
    """Raise `SpecError` unless `scale` is a positive number, a `FanIn`, a `ResponseSD` or a positive prior."""
    scale = owner.scale  # type: ignore[attr-defined]
    if isinstance(scale, tuple(SCALES.values())):
        return
    number = as_number(scale)
    if number is None or not 0 < number < float("inf"):
        raise SpecError(
            f"{type(owner).__name__}: scale must be a positive number or one of {', '.join(sorted(SCALES))}; "
            f"got {scale!r}."
        )
    object.__setattr__(owner, "scale", number)


def check_prior(where: str, prior: object) -> None:
    """Raise `SpecError` unless `prior` is one of the known priors."""
    if not isinstance(prior, tuple(PRIORS.values())):
        raise SpecError(
            f"{where}: expected a prior, one of {', '.join(sorted(PRIORS))} (for example "
            f"priors.Normal(scale=0.5)); got {prior!r}."
        )


def check_positive_prior(where: str, prior: object) -> None:
    """Raise `SpecError` unless `prior` lives on the positive numbers."""
    if not isinstance(prior, HalfNormal | LogNormal):
        raise SpecError(
            f"{where} must be a positive number or a prior on such, HalfNormal or LogNormal (for example "
            f"priors.HalfNormal(1.0)); got {prior!r}."
        )


DEFAULT_WEIGHTS = Normal(scale=LogNormal(FanIn(1.0), sigma=1.0))
"""Zero-mean normal weights whose scale is learned, one for each layer, around `1 / sqrt(n_in)`."""

DEFAULT_BIASES = Normal(scale=1.0)

DEFAULT_NOISE = LogNormal(ResponseSD(0.3), sigma=1.0)
"""Learned noise: with a median of 0.3 standard deviations of the response, within a factor of 7 at 95 %."""
