"""Likelihoods of counts."""

from dataclasses import dataclass
from typing import final

from pbnn.spec.likelihoods.base import check_positive
from pbnn.spec.numbers import require_counts
from pbnn.spec.priors import HalfNormal, LogNormal


@final
@dataclass(frozen=True, slots=True)
class Poisson:
    """Counts 0, 1, 2, ..., with `log(rate(x))` from the network."""


@final
@dataclass(frozen=True, slots=True)
class NegativeBinomial:
    """Counts that vary more than `Poisson` allows, with `log(mu(x))` from the network.

    Parameters
    ----------
    dispersion
        The variance is `mu + dispersion * mu**2` (Cameron & Trivedi's NB2), so 0 would be Poisson: a positive number,
        or a prior on such, learned for each output.
    """

    dispersion: float | HalfNormal | LogNormal = LogNormal(0.3, sigma=1.0)

    def __post_init__(self) -> None:
        check_positive(self, "dispersion")


@final
@dataclass(frozen=True, slots=True)
class Binomial:
    """Successes among `n` trials, with the logit of their probability from the network.

    Parameters
    ----------
    n
        The number of trials in each row.
    """

    n: int = 1

    def __post_init__(self) -> None:
        require_counts(self, "n")


@final
@dataclass(frozen=True, slots=True)
class ZeroInflatedPoisson:
    """Counts with more zeros than `Poisson` allows (Lambert 1992, 10.2307/1269547).

    A zero comes of itself with a probability whose logit the network gives, as a further output; else the count is
    Poisson, with the logarithm of its rate from the network.
    """


@final
@dataclass(frozen=True, slots=True)
class Multinomial:
    """Counts of several classes in each row, `y` `(obs, class)`, with `softmax` of one output for each.

    The total of a row is taken as given. Predictions are of rows with `n` counts.

    Parameters
    ----------
    n
        The total of a row that is predicted.
    """

    n: int = 1

    def __post_init__(self) -> None:
        require_counts(self, "n")
