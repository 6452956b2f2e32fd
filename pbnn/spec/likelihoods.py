"""What the distribution of the response given the network is: plain frozen data.

`pbnn.graph.likelihoods` says how many outputs each needs and how it is observed.
"""

from dataclasses import dataclass
from typing import Literal, final

from pbnn.errors import SpecError, unknown
from pbnn.spec.numbers import as_number, require_numbers
from pbnn.spec.priors import DEFAULT_NOISE, HalfNormal, LogNormal, Prior, check_positive_prior


def _check_noise(owner: object, *, words: tuple[str, ...] = ()) -> None:
    name, noise = type(owner).__name__, owner.noise  # type: ignore[attr-defined]
    number = as_number(noise)
    if isinstance(noise, str):
        if noise not in words:
            raise SpecError(unknown(name, "noise", noise, words))
    elif number is None:
        check_positive_prior(f"{name}: noise", noise)
    else:
        require_numbers(owner, "noise", positive=True)


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
        _check_noise(self, words=("heteroscedastic",))


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
        _check_noise(self)
        df = as_number(self.df)
        if df is None:
            check_positive_prior("StudentT: df", self.df)
        elif not 2 < df < float("inf"):
            raise SpecError(f"StudentT: df must be > 2, so that the variance exists; got {self.df!r}.")
        else:
            object.__setattr__(self, "df", df)


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
