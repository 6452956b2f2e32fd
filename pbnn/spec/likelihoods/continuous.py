"""Likelihoods of real numbers."""

from dataclasses import dataclass
from typing import Literal, final

from pbnn.errors import SpecError
from pbnn.spec.likelihoods.base import check_noise, check_positive
from pbnn.spec.numbers import as_number, require_counts, require_numbers
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


@final
@dataclass(frozen=True, slots=True)
class AsymmetricLaplace:
    """Quantile regression: the network gives a quantile of the response, and the median is one of them.

    The density is `q (1 - q) / noise * exp(-u (q - [u < 0]) / noise)` with `u = y - quantile(x)`, so the mode is where
    the check function of Koenker & Bassett is least (Yu & Moyeed 2001, 10.1016/S0167-7152(01)00124-9). Draws of `y` are
    from this distribution, whose shape is a device: trust the quantile rather than the draws. What was fitted is
    `pbnn.predict(bnn, idata, X, kind="summary", quantiles=[0.9])["predictions"]["quantiles"]`, for `quantile=0.9`, and
    no other level.

    Parameters
    ----------
    quantile
        Which one, between 0 and 1.
    noise
        Scale, in the units of `y`: a number or a positive prior, learned for each output.

    Examples
    --------
    >>> from pbnn import likelihoods
    >>> likelihoods.AsymmetricLaplace(0.9).quantile
    0.9
    """

    quantile: float = 0.5
    noise: float | HalfNormal | LogNormal = DEFAULT_NOISE

    def __post_init__(self) -> None:
        require_numbers(self, "quantile")
        if not 0 < self.quantile < 1:
            raise SpecError(f"AsymmetricLaplace: quantile must lie between 0 and 1; got {self.quantile!r}.")
        check_noise(self)


@final
@dataclass(frozen=True, slots=True)
class MixtureDensity:
    """A continuous response with several peaks: a mixture of normal distributions.

    The network gives logits of the weights, means and logarithms of the standard deviations, all of which change with
    the inputs (Bishop 1994, Mixture density networks, Aston University NCRG/94/004). The response is a vector.

    Parameters
    ----------
    components
        How many, at least 2.
    """

    components: int = 3

    def __post_init__(self) -> None:
        require_counts(self, "components")
        if self.components < 2:
            raise SpecError(
                f"MixtureDensity: components must be >= 2; got {self.components!r}. For one component use "
                "likelihoods.Gaussian('heteroscedastic')."
            )


@final
@dataclass(frozen=True, slots=True)
class MultivariateGaussian:
    """Several continuous responses whose errors are correlated: `y ~ N(mu(x), D R D)`, `D` the noise of each output.

    The correlation matrix `R` has the prior of Lewandowski, Kurowicka & Joe (2009, 10.1016/j.jmva.2009.04.008), with
    density proportional to `det(R)**(lkj - 1)`, as partial correlations that are independent a priori.

    Parameters
    ----------
    noise
        Standard deviation of each output, in its units: a number or a positive prior.
    lkj
        1 is uniform over correlation matrices; larger values favour weak correlations.
    """

    noise: float | HalfNormal | LogNormal = DEFAULT_NOISE
    lkj: float = 2.0

    def __post_init__(self) -> None:
        check_noise(self)
        require_numbers(self, "lkj", positive=True)


@final
@dataclass(frozen=True, slots=True)
class VonMises:
    """A direction, in radians: von Mises with natural parameters from the network.

    The network gives `kappa * (cos(mu), sin(mu))`, so direction and concentration both change with the inputs, and
    there is no cut at +-pi (Mardia & Jupp 2000, Directional Statistics, section 3.5.4, 10.1002/9780470316979).
    """


@final
@dataclass(frozen=True, slots=True)
class Beta:
    """A share, strictly between 0 and 1, with `logit(mu(x))` from the network.

    `y ~ Beta(mu * precision, (1 - mu) * precision)`, with variance `mu (1 - mu) / (1 + precision)` (Ferrari &
    Cribari-Neto 2004, 10.1080/0266476042000214501).

    Parameters
    ----------
    precision
        A positive number, or a prior on such; learned for each output.
    """

    precision: float | HalfNormal | LogNormal = LogNormal(10.0, sigma=1.0)

    def __post_init__(self) -> None:
        check_positive(self, "precision")
