"""All priors that there are, how they are checked, and the defaults."""

from typing import get_args

from pbnn.errors import SpecError
from pbnn.spec.priors.families import Laplace, Normal, StudentT
from pbnn.spec.priors.given import Pretrained, PyMC
from pbnn.spec.priors.scales import FanIn, HalfNormal, LogNormal, ResponseSD
from pbnn.spec.priors.sparse import ARD, R2D2, Horseshoe, MatrixNormal, SpikeSlab
from pbnn.spec.unknowns import leave_open

Prior = (
    Normal
    | HalfNormal
    | LogNormal
    | StudentT
    | Laplace
    | ARD
    | Horseshoe
    | SpikeSlab
    | R2D2
    | MatrixNormal
    | Pretrained
    | PyMC
)

PRIORS: dict[str, type] = {cls.__name__: leave_open(cls) for cls in get_args(Prior)}


def check_prior(where: str, prior: object) -> None:
    """Raise `SpecError` unless `prior` is one of the known priors."""
    if isinstance(prior, tuple(PRIORS.values())):
        return
    home = type(prior).__module__.partition(".")[0]
    if hasattr(prior, "params_dict"):
        hint = f"A distribution of PreliZ: write priors.from_preliz({type(prior).__name__}(...))."
    elif home == "pytensor" or (isinstance(prior, type) and prior.__module__.startswith("pymc.")):
        hint = (
            "Distributions of PyMC are given by name, so that a network stays plain data: write "
            "priors.PyMC('Gumbel', mu=0, beta=1)."
        )
    else:
        hint = ""
    raise SpecError(
        f"{where}: expected a prior, one of {', '.join(sorted(PRIORS))} (for example "
        f"priors.Normal(scale=0.5)); got {prior!r}. {hint}".rstrip()
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
