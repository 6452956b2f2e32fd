"""Fixed functions of the inputs, on which a Bayesian linear model approximates a Gaussian process."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import Own, layer_words, own_priors
from pbnn.spec.numbers import as_number, require_counts, require_numbers
from pbnn.spec.priors import HalfNormal, LogNormal, check_positive_prior
from pbnn.spec.priors.given import as_nested, shape_of


@final
@dataclass(frozen=True, slots=True)
class FourierFeatures:
    """Cosines and sines of `n` random, fixed frequencies: `(..., n_in)` to `(..., 2 n)`.

    `sqrt(2) cos(w x)`, then `sqrt(2) sin(w x)`, with `w ~ N(0, 1 / lengthscale**2)`. A linear map of them with weights
    `N(0, 1 / n_in)` is, for large `n`, a Gaussian process with the squared-exponential kernel of variance 1 and that
    length scale (Rahimi & Recht 2007, Random features for large-scale kernel machines, NeurIPS 20).

    Parameters
    ----------
    n
        Number of frequencies.
    lengthscale
        In units of the standardised inputs: a positive number, or a prior on such (`HalfNormal`, `LogNormal`).
    seed
        Of the frequencies: the same seed gives the same, on every machine.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.FourierFeatures(100, lengthscale=0.5)]
    """

    n: int
    lengthscale: float | HalfNormal | LogNormal = 1.0
    _: KW_ONLY
    seed: int = 0

    def __post_init__(self) -> None:
        require_counts(self, "n")
        _check_lengthscale(self)
        _check_seed(self)


@final
@dataclass(frozen=True, slots=True)
class RBF:
    """Bumps around fixed centres: `exp(-|x - c|**2 / (2 lengthscale**2))` (Broomhead & Lowe 1988, *Complex Systems* 2).

    Parameters
    ----------
    centers
        Points `(n, n_in)` in units of the standardised inputs; or their number, to draw them from `N(0, 1)`.
    lengthscale
        In the same units: a positive number, or a prior on such (`HalfNormal`, `LogNormal`).
    seed
        Of the centres, where they are drawn.

    Examples
    --------
    >>> import pbnn
    >>> layers = [pbnn.RBF([[-1.0], [0.0], [1.0]], lengthscale=0.5)]
    """

    centers: int | tuple[tuple[float, ...], ...]
    lengthscale: float | HalfNormal | LogNormal = 1.0
    _: KW_ONLY
    seed: int = 0

    def __post_init__(self) -> None:
        if as_number(self.centers) is not None:
            require_counts(self, "centers")
        else:
            object.__setattr__(self, "centers", _as_points(self.centers))
        _check_lengthscale(self)
        _check_seed(self)

    @property
    def n_centers(self) -> int:
        """Number of centres."""
        return self.centers if isinstance(self.centers, int) else len(self.centers)


def _as_points(centers: Any) -> tuple[tuple[float, ...], ...]:
    points: Any = as_nested("RBF: centers", centers)
    if len(shape_of(points)) != 2 or 0 in shape_of(points):
        raise SpecError(
            f"RBF: centers must be a whole number >= 1 or points (n, n_in); got shape {shape_of(points)}."
        )
    return points


def _check_lengthscale(owner: FourierFeatures | RBF) -> None:
    if as_number(owner.lengthscale) is None:
        check_positive_prior(f"{type(owner).__name__}: lengthscale", owner.lengthscale)
    else:
        require_numbers(owner, "lengthscale", positive=True)


def _check_seed(owner: FourierFeatures | RBF) -> None:
    seed = as_number(owner.seed)
    if not isinstance(seed, int) or seed < 0:
        raise SpecError(f"{type(owner).__name__}: seed must be a whole number >= 0; got {owner.seed!r}.")
    object.__setattr__(owner, "seed", seed)


@layer_words.register
def _(layer: FourierFeatures) -> str:
    return f"FourierFeatures {layer.n}"


@layer_words.register
def _(layer: RBF) -> str:
    return f"RBF {layer.n_centers}"


def _lengthscale(layer: FourierFeatures | RBF) -> Own:
    return {"lengthscale": layer.lengthscale}


own_priors.register(FourierFeatures, _lengthscale)
own_priors.register(RBF, _lengthscale)
