"""Scales of priors: numbers, relative to a layer or a response, or learned.

A scale is one of

- a positive number,
- `FanIn(gain)`: `gain / sqrt(n_in)`, so that the variance of a unit does not grow with the width of the layer below
  (Neal 1996, *Bayesian Learning for Neural Networks*, section 2.1),
- `RelevantInputs(count, rows)`: small enough that about `count` inputs matter, for `Horseshoe` alone,
- `ResponseSD(factor)`: `factor` times the standard deviation of the response, for noise,
- a prior on positive numbers (`HalfNormal`, `LogNormal`): a scale that is learned, `per` layer, input, unit or network.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Literal, final, get_args

from pbnn.errors import SpecError, unknown
from pbnn.spec.numbers import as_number, require_counts, require_numbers
from pbnn.spec.unknowns import leave_open

Level = Literal["layer", "input", "unit", "network"]
LEVELS: tuple[str, ...] = get_args(Level)


@final
@dataclass(frozen=True, slots=True)
class FanIn:
    """The scale `gain / sqrt(n_in)`, where `n_in` is the number of inputs of the layer.

    Examples
    --------
    >>> from pbnn import priors
    >>> priors.Normal(scale=priors.FanIn(1.0))
    Normal(loc=0.0, scale=FanIn(gain=1.0), centered=False)
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
class RelevantInputs:
    """The scale `count / (n_in - count) * noise / sqrt(rows)`, for `Horseshoe(global_scale=...)`.

    In a linear model with `n_in` inputs, noise `noise` and `rows` observations, a horseshoe of this global scale
    expects that `count` coefficients escape from shrinkage (Piironen & Vehtari 2017, equation 3.12,
    10.1214/17-EJS1337SI). For the first layer of a network it is a guide.

    Parameters
    ----------
    count
        Expected number of inputs that matter; fewer than the layer has.
    rows
        Number of training rows.
    noise
        Standard deviation of the noise, in those of the response.

    Examples
    --------
    >>> from pbnn import priors
    >>> prior = priors.Horseshoe(global_scale=priors.RelevantInputs(10, rows=500))
    """

    count: float
    rows: int
    noise: float = 0.3

    def __post_init__(self) -> None:
        require_numbers(self, "count", "noise", positive=True)
        require_counts(self, "rows")


@final
@dataclass(frozen=True, slots=True)
class HalfNormal:
    """The positive half of a normal distribution, `|N(0, scale**2)|`.

    Parameters
    ----------
    scale
        A number, a relative scale, or a prior in turn.
    per
        As a learned scale: one for each "layer", one for each "input" of the layer (a row of its weights), one for
        each "unit" (a column), or one for the whole "network", shared by all layers that take its default prior. A
        relative scale such as `FanIn` holds for each layer all the same.

    Examples
    --------
    One scale for each input, around one for the layer:

    >>> from pbnn import priors
    >>> prior = priors.Normal(scale=priors.HalfNormal(priors.HalfNormal(1.0), per="input"))
    """

    scale: "Scale" = 1.0
    _: KW_ONLY
    per: Level = "layer"

    def __post_init__(self) -> None:
        check_scale(self)
        check_level(self)


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
    per
        As for `HalfNormal`.
    """

    scale: "Scale" = 1.0
    sigma: float = 1.0
    _: KW_ONLY
    per: Level = "layer"

    def __post_init__(self) -> None:
        check_scale(self)
        check_level(self)
        require_numbers(self, "sigma", positive=True)


Scale = float | FanIn | RelevantInputs | ResponseSD | HalfNormal | LogNormal

SCALES: dict[str, type] = {
    cls.__name__: cls for cls in (FanIn, RelevantInputs, ResponseSD, HalfNormal, LogNormal)
}
for _relative in (FanIn, RelevantInputs, ResponseSD):  # `known.py` does so for priors
    leave_open(_relative)


def check_scale(owner: object, name: str = "scale") -> None:
    """Raise `SpecError` unless the field holds a positive number, a relative scale or a positive prior."""
    scale = getattr(owner, name)
    if isinstance(scale, RelevantInputs) and name != "global_scale":
        raise SpecError(
            f"{type(owner).__name__}: RelevantInputs is the global scale of a horseshoe, which lets single inputs "
            f"escape from it; as {name} here it would shrink all alike. Write priors.Horseshoe(global_scale={scale!r})."
        )
    if isinstance(scale, tuple(SCALES.values())):
        return
    number = as_number(scale)
    if number is None or not 0 < number < float("inf"):
        raise SpecError(
            f"{type(owner).__name__}: {name} must be a positive number or one of {', '.join(sorted(SCALES))}; "
            f"got {scale!r}."
        )
    object.__setattr__(owner, name, number)


def check_level(owner: HalfNormal | LogNormal) -> None:
    """Raise `SpecError` unless `per` is a known level, and no finer in a scale of this scale."""
    kind = type(owner).__name__
    if owner.per not in LEVELS:
        raise SpecError(unknown(kind, "per", owner.per, LEVELS))
    inner = owner.scale
    if isinstance(inner, HalfNormal | LogNormal) and inner.per not in _COARSER[owner.per]:
        raise SpecError(
            f"{kind}: its scale is learned per {inner.per!r}, which is finer than per={owner.per!r} or crosses it; "
            f"take one of {', '.join(_COARSER[owner.per])}."
        )


_COARSER = {
    "layer": ("layer", "network"),
    "input": ("input", "layer", "network"),
    "unit": ("unit", "layer", "network"),
    "network": ("layer", "network"),
}
"""What a scale of a scale may vary by; of a network's scale "layer" means the network, where it stands."""
