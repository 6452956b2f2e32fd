"""Likelihoods of real numbers."""

from dataclasses import dataclass
from typing import Literal, final

from pbnn.errors import SpecError
from pbnn.spec.likelihoods.base import check_noise
from pbnn.spec.numbers import as_number
from pbnn.spec.priors import DEFAULT_NOISE, HalfNormal, LogNormal, check_positive_prior


@final
@dataclass(frozen=True, slots=True)
class Gaussian:
    """A continuous response, `y ~ N(mu(x), noise**2)`.

    Parameters
    ----------
    noise
        A number (known standard deviation, in the units of `y`), a prior (learned, one for each output; the default
        is `LogNormal(ResponseSD(0.3), sigma=1)`), or `"heteroscedastic"`: the network gives the logarithm of the
        standard deviation at each input as a further output (Nix & Weigend 1994, 10.1109/ICNN.1994.374138).

    Examples
    --------
    >>> from pbnn import likelihoods
    >>> likelihoods.Gaussian(noise=0.1).noise
    0.1
    """

    noise: float | HalfNormal | LogNormal | Literal["heteroscedastic"] = DEFAULT_NOISE

    def __post_init__(self) -> None:
        check_noise(self, words=("heteroscedastic",))


@final
@dataclass(frozen=True, slots=True)
class StudentT:
    """A continuous response with outliers: Student t with location `mu(x)`.

    Parameters
    ----------
    df
        Degrees of freedom: a number > 2 (so that the variance exists), or a positive prior, to which 2 is added.
    noise
        Scale, in the units of `y`: a number or a positive prior.
    """

    df: float | HalfNormal | LogNormal = 4.0
    noise: float | HalfNormal | LogNormal = DEFAULT_NOISE

    def __post_init__(self) -> None:
        check_noise(self)
        df = as_number(self.df)
        if df is None:
            check_positive_prior("StudentT: df", self.df)
        elif not 2 < df < float("inf"):
            raise SpecError(f"StudentT: df must be > 2, so that the variance exists; got {self.df!r}.")
        else:
            object.__setattr__(self, "df", df)
