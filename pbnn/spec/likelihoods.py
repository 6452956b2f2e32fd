"""What the distribution of the response given the network is: plain frozen data.

`pbnn.graph.likelihoods` says how many outputs each needs and how it is observed.
"""

from dataclasses import dataclass
from typing import Literal, final

from pbnn.errors import SpecError, unknown
from pbnn.spec.priors import DEFAULT_NOISE, HalfNormal, LogNormal, Prior, check_positive_prior


def _check_noise(owner: str, noise: object, *, words: tuple[str, ...] = ()) -> None:
    if isinstance(noise, str):
        if noise not in words:
            raise SpecError(unknown(owner, "noise", noise, words))
    elif isinstance(noise, int | float) and not isinstance(noise, bool):
        if not 0 < noise < float("inf"):
            raise SpecError(f"{owner}: noise must be positive; got {noise!r}.")
    else:
        check_positive_prior(f"{owner}: noise", noise)


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
        _check_noise("Gaussian", self.noise, words=("heteroscedastic",))


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
        _check_noise("StudentT", self.noise)
        if isinstance(self.df, int | float) and not isinstance(self.df, bool):
            if not 2 < self.df < float("inf"):
                raise SpecError(f"StudentT: df must be > 2, so that the variance exists; got {self.df!r}.")
        else:
            check_positive_prior("StudentT: df", self.df)


@final
@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Two classes, with `logit p(x)` from the network. The second class, in sorted order, is the event."""


@final
@dataclass(frozen=True, slots=True)
class Categorical:
    """Two or more classes, with `softmax` of one output for each class."""


@final
@dataclass(frozen=True, slots=True)
class Poisson:
    """Counts 0, 1, 2, ..., with `log(rate(x))` from the network."""


Likelihood = Gaussian | StudentT | Bernoulli | Categorical | Poisson
LIKELIHOODS: dict[str, type] = {
    cls.__name__: cls for cls in (Gaussian, StudentT, Bernoulli, Categorical, Poisson)
}

__all__ = [*LIKELIHOODS, "LIKELIHOODS", "Likelihood", "Prior"]
