"""Priors under which few inputs matter, or few weights: each is normal given scales that are learned.

`each` says what has a scale of its own: every "input" of the layer, so that all weights that leave it shrink together,
or every "weight".
"""

from dataclasses import KW_ONLY, dataclass
from typing import Literal, final, get_args

from pbnn.errors import SpecError, unknown
from pbnn.spec.numbers import require_numbers
from pbnn.spec.priors.scales import FanIn, HalfNormal, LogNormal, Scale, check_scale

Each = Literal["input", "weight"]


@final
@dataclass(frozen=True, slots=True)
class ARD:
    """Automatic relevance determination: `N(0, local_i**2)`, with a scale for each input.

    In the model `h0_weight_local` `(n_in,)` are the scales.

    Parameters
    ----------
    scale
        Prior of the scales, `HalfNormal` or `LogNormal`. The default, half-normal around a scale that the layer
        learns, `h0_weight_local_scale`, lets them be small.

    References
    ----------
    MacKay (1994), Bayesian methods for backpropagation networks, 10.1007/978-1-4612-0723-8_6; Neal (1996), Bayesian
    Learning for Neural Networks, section 4.3, 10.1007/978-1-4612-0745-0.

    Examples
    --------
    >>> import pbnn
    >>> layer = pbnn.Dense(20, weight=pbnn.priors.ARD())
    """

    scale: HalfNormal | LogNormal = HalfNormal(LogNormal(FanIn(1.0), sigma=1.0))

    def __post_init__(self) -> None:
        if not isinstance(self.scale, HalfNormal | LogNormal):
            raise SpecError(
                "ARD: scale must be a prior on positive numbers, HalfNormal or LogNormal (for example "
                f"priors.HalfNormal(1.0)); got {self.scale!r}."
            )
        if self.scale.per not in ("layer", "input"):
            raise SpecError(
                f"ARD: its scales are one for each input; got per={self.scale.per!r}; leave it out."
            )


@final
@dataclass(frozen=True, slots=True)
class Horseshoe:
    """The horseshoe: `N(0, (global * local_i)**2)` with half-Cauchy scales, regularised by a slab.

    `local_i ~ C+(0, 1)` and `global ~ C+(0, global_scale**2)`. With a slab of variance `slab`, which is
    `InvGamma(slab_df / 2, slab_df / 2 * slab_scale**2)`, `slab * local_i**2 / (slab + global**2 * local_i**2)` stands
    in for `local_i**2`: what escapes from shrinkage is at most as large as the slab, whose density is that of a
    Student t (Piironen & Vehtari 2017, equations 2.8 to 2.11). In the model: `h0_weight_local`, `h0_weight_global` and
    `h0_weight_slab`.

    Parameters
    ----------
    global_scale
        A number, `FanIn`, or `RelevantInputs`, which follows from the number of inputs that are expected to matter.
    slab_scale
        A number or `FanIn`; None leaves the slab out, as in the first horseshoe.
    slab_df
        Degrees of freedom of the slab.
    each
        "input": one local scale for all weights that leave an input (a unit, in a later layer); "weight": one for
        each.

    References
    ----------
    Carvalho, Polson & Scott (2010), The horseshoe estimator for sparse signals, 10.1093/biomet/asq017. Piironen &
    Vehtari (2017), Sparsity information and regularization in the horseshoe and other shrinkage priors,
    10.1214/17-EJS1337SI. Groups of weights: Ghosh, Yao & Doshi-Velez (2019), Model selection in Bayesian neural
    networks via horseshoe priors, JMLR 20(182).

    Examples
    --------
    >>> import pbnn
    >>> from pbnn import priors
    >>> layer = pbnn.Dense(20, weight=priors.Horseshoe(priors.RelevantInputs(10, rows=500)))
    """

    global_scale: Scale = FanIn(1.0)
    slab_scale: Scale | None = 1.0
    slab_df: float = 4.0
    _: KW_ONLY
    each: Each = "input"

    def __post_init__(self) -> None:
        check_fixed(self, "global_scale")
        if self.slab_scale is not None:
            check_fixed(self, "slab_scale")
        require_numbers(self, "slab_df", positive=True)
        check_each(self)


@final
@dataclass(frozen=True, slots=True)
class SpikeSlab:
    """Spike and slab, relaxed: normal with a variance between that of a spike and that of a slab.

    `N(0, (gate_i + (1 - gate_i) * spike**2) * slab**2)`, where `gate_i` in (0, 1) is logit-normal, instead of 0 or 1 as
    in the discrete prior: so there are gradients. In the model: `h0_weight_gate_logit`, and `h0_weight_gate` from it.

    Parameters
    ----------
    slab
        Scale of what is included: a number, `FanIn`, or learned (`h0_weight_scale`).
    spike
        Scale of what is not, as a share of the slab, below 1.
    included
        Prior probability that a gate is more than half open.
    sharpness
        Standard deviation of the gates' logits: the larger, the nearer are gates to 0 or 1.
    each
        "input": one gate for all weights that leave an input; "weight": one for each.

    References
    ----------
    George & McCulloch (1993), Variable selection via Gibbs sampling, 10.1080/01621459.1993.10476353 (two normals).
    Relaxed gates: Louizos, Welling & Kingma (2018), Learning sparse neural networks through L0 regularization,
    arXiv:1712.01312.
    """

    slab: Scale = FanIn(1.0)
    spike: float = 0.01
    included: float = 0.5
    sharpness: float = 3.0
    _: KW_ONLY
    each: Each = "input"

    def __post_init__(self) -> None:
        check_scale(self, "slab")
        require_numbers(self, "sharpness", positive=True)
        for name in ("spike", "included"):
            require_share(self, name)
        check_each(self)


@final
@dataclass(frozen=True, slots=True)
class R2D2:
    """A prior on how much all inputs together explain, and shares of it for each: `N(0, scale**2 * share_i * total)`.

    `total = r2 / (1 - r2)` with `r2 ~ Beta`, and the shares are Dirichlet: of standardised inputs that are independent,
    a unit before its activation has the variance `scale**2 * total`. In the model: `h0_weight_r2`, `h0_weight_mass`
    (gamma variables) and `h0_weight_share`, which are those divided by their sum.

    Parameters
    ----------
    r2
        Prior mean of the share explained, in (0, 1).
    precision
        Of the beta prior: `Beta(r2 * precision, (1 - r2) * precision)`.
    concentration
        Of the Dirichlet prior: below 1, few inputs get most.
    scale
        A number, or learned (`h0_weight_scale`).

    References
    ----------
    Zhang, Naughton, Bondell & Reich (2022), Bayesian regression using a prior on the model fit: the R2-D2 shrinkage
    prior, 10.1080/01621459.2020.1825449; with normal instead of double-exponential weights: Aguilar & Bürkner (2023),
    10.1214/23-EJS2136.
    """

    r2: float = 0.5
    precision: float = 2.0
    concentration: float = 0.5
    scale: Scale = 1.0

    def __post_init__(self) -> None:
        require_share(self, "r2")
        require_numbers(self, "precision", "concentration", positive=True)
        check_scale(self)


@final
@dataclass(frozen=True, slots=True)
class MatrixNormal:
    """A matrix-variate normal, `MN(0, scale**2 * U, V)`, with learned diagonal covariances of rows and columns.

    So the weight from input `i` to unit `j` is `N(0, (scale * row_i * column_j)**2)`. Rows and columns are log-normal
    with median 1: a factor that moves between `scale`, rows and columns changes no weight, and their priors settle
    where it stands. In the model: `h0_weight_row` `(n_in,)` and `h0_weight_column` `(units,)`.

    Parameters
    ----------
    scale
        A number, `FanIn`, or learned (`h0_weight_scale`).
    row, column
        Standard deviations of the logarithms of rows and columns.

    References
    ----------
    Louizos & Welling (2016), Structured and efficient variational deep learning with matrix Gaussian posteriors,
    arXiv:1603.04733, which takes diagonal row and column covariances too.
    """

    scale: Scale = FanIn(1.0)
    row: float = 1.0
    column: float = 1.0

    def __post_init__(self) -> None:
        check_scale(self)
        require_numbers(self, "row", "column", positive=True)


def check_fixed(owner: object, name: str) -> None:
    """Raise `SpecError` unless the field holds a scale that is not learned."""
    check_scale(owner, name)
    if isinstance(getattr(owner, name), HalfNormal | LogNormal):
        raise SpecError(
            f"{type(owner).__name__}: {name} must be a number or FanIn, since its own prior learns it already; "
            f"got {getattr(owner, name)!r}."
        )


def check_each(owner: Horseshoe | SpikeSlab) -> None:
    """Raise `SpecError` unless `each` is known."""
    if owner.each not in get_args(Each):
        raise SpecError(unknown(type(owner).__name__, "each", owner.each, get_args(Each)))


def require_share(owner: object, name: str) -> None:
    """Raise `SpecError` unless the field holds a number between 0 and 1."""
    require_numbers(owner, name, positive=True)
    if getattr(owner, name) >= 1:
        raise SpecError(
            f"{type(owner).__name__}: {name} must be a number between 0 and 1; got {getattr(owner, name)!r}."
        )
