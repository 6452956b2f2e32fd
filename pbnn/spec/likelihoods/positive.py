"""Likelihoods of positive numbers, such as amounts and durations.

`Weibull` and `LogNormal` take times that are known in part too: `pbnn.censored`, `pbnn.right_censored`.
"""

from dataclasses import dataclass
from typing import final

from pbnn.spec import priors
from pbnn.spec.likelihoods.base import check_positive


@final
@dataclass(frozen=True, slots=True)
class Gamma:
    """A positive response whose spread grows with its mean: Gamma with `log(mu(x))` from the network.

    Parameters
    ----------
    shape
        The variance is `mu**2 / shape`: a positive number, or a prior on such, learned for each output.
    """

    shape: float | priors.HalfNormal | priors.LogNormal = priors.LogNormal(2.0, sigma=1.0)

    def __post_init__(self) -> None:
        check_positive(self, "shape")


@final
@dataclass(frozen=True, slots=True)
class LogNormal:
    """A positive response whose logarithm is normal, with the logarithm of its median from the network.

    As a model of survival it is an accelerated failure time model.

    Parameters
    ----------
    sigma
        Standard deviation of the logarithm: a positive number, or a prior on such, learned for each output.
    """

    sigma: float | priors.HalfNormal | priors.LogNormal = priors.LogNormal(0.5, sigma=1.0)

    def __post_init__(self) -> None:
        check_positive(self, "sigma")


@final
@dataclass(frozen=True, slots=True)
class Weibull:
    """A time until an event: survival `exp(-(t / scale(x))**shape)`, with `log(scale(x))` from the network.

    The hazard grows with time where `shape > 1`, and falls where `shape < 1`; the model is one of accelerated failure
    times and of proportional hazards at once.

    Parameters
    ----------
    shape
        A positive number, or a prior on such, learned for each output.

    Examples
    --------
    >>> from pbnn import likelihoods
    >>> likelihoods.Weibull(shape=1.0)
    Weibull(shape=1.0)
    """

    shape: float | priors.HalfNormal | priors.LogNormal = priors.LogNormal(1.0, sigma=0.5)

    def __post_init__(self) -> None:
        check_positive(self, "shape")
