"""All priors that there are, how they are checked, and the defaults."""

from pbnn.errors import SpecError
from pbnn.spec.priors.families import Laplace, Normal, StudentT
from pbnn.spec.priors.scales import FanIn, HalfNormal, LogNormal, ResponseSD

Prior = Normal | HalfNormal | LogNormal | StudentT | Laplace

PRIORS: dict[str, type] = {cls.__name__: cls for cls in (Normal, HalfNormal, LogNormal, StudentT, Laplace)}


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
