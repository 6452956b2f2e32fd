"""Scales of priors: numbers, relative to a layer or a response, or learned.

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


Scale = float | FanIn | ResponseSD | HalfNormal | LogNormal

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
