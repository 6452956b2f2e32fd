"""The options of what is not a sampler: points, ensembles, Gaussians."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, final

from pbnn.errors import MethodError, unknown
from pbnn.infer.option_checks import Precision, check_counts, check_number, check_precision, require

STRUCTURES = ("meanfield", "fullrank", "lowrank")
WEIGHTINGS = ("uniform", "held_out")


@final
@dataclass(frozen=True, slots=True)
class ADVI:
    """Automatic differentiation variational inference: a Gaussian near the posterior in Kullback–Leibler divergence.

    Kucukelbir et al. 2017 (arXiv:1603.00788), with the path-derivative gradient of Roeder et al. 2017
    (arXiv:1703.09194), whose noise vanishes as the approximation becomes exact. Steps are taken at a falling
    sequence of learning rates, each until the evidence lower bound (ELBO) stops rising, and the last iterates are
    averaged.

    Parameters
    ----------
    structure
        Covariance of the Gaussian: `"meanfield"` (diagonal), `"fullrank"`, or `"lowrank"` (diagonal plus `rank`).
    draws
        Independent draws from the approximation that are kept.
    steps
        Most optimiser steps, in blocks of 250; fewer are taken when the ELBO has converged.
    samples
        Monte Carlo draws in each estimate of the gradient.
    batch_size
        Rows in each estimate of the gradient; None takes all rows. Only for a `BNN`.
    learning_rate
        The first and largest one, of Adam.
    rank
        Of `"lowrank"`.
    """

    structure: Literal["meanfield", "fullrank", "lowrank"] = "meanfield"
    draws: int = 1000
    _: KW_ONLY
    steps: int = 50_000
    samples: int = 1
    batch_size: int | None = None
    learning_rate: float = 0.02
    rank: int = 10
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            raise MethodError(unknown("ADVI", "structure", self.structure, STRUCTURES))
        check_counts(self, "draws", "steps", "samples", "rank")
        if self.batch_size is not None:
            check_counts(self, "batch_size")
        check_number(self, "learning_rate", 0, float("inf"), "a positive number")
        check_precision(self)


@final
@dataclass(frozen=True, slots=True)
class Ensemble:
    """A deep ensemble (Lakshminarayanan et al. 2017, arXiv:1612.01474): the best few networks for the least time.

    Members are optimised by Adam on the log posterior from independent starts, each stopped where it predicts a fifth
    of the rows, which it does not see, best. Each is a draw. Their spread tells where the data do not decide; it is
    not a posterior.

    Parameters
    ----------
    members
        Number of networks, optimised side by side on all cores.
    weighting
        `"uniform"`: each member is one draw. `"held_out"`: members count in proportion to the likelihood of the
        held-out rows (pseudo-BMA; Yao et al. 2018, 10.1214/17-BA1091), for which all hold out the same rows. With
        many rows nearly all the weight goes to one member.
    draws
        Of `"held_out"`: members are drawn so often, by systematic resampling, so that whoever takes draws as equal is
        right; `weight` in `sample_stats` is for reading, not for weighting again. None takes 20 for each member.
    restarts
        How often a member whose optimisation diverges may begin anew.
    """

    members: int = 5
    _: KW_ONLY
    weighting: Literal["uniform", "held_out"] = "uniform"
    draws: int | None = None
    restarts: int = 3
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_counts(self, "members")
        check_counts(self, "restarts", least=0)
        if self.weighting not in WEIGHTINGS:
            raise MethodError(unknown("Ensemble", "weighting", self.weighting, WEIGHTINGS))
        if self.draws is not None:
            check_counts(self, "draws")
            require(self, self.weighting == "held_out", "draws", "None where each member is one draw")
        check_precision(self)


@final
@dataclass(frozen=True, slots=True)
class SWAG:
    """Gaussians fitted to the last iterates of stochastic gradient descent, one for each member of an ensemble.

    SWAG (Maddox et al. 2019, arXiv:1902.02476), and with several members multi-SWAG (Wilson & Izmailov 2020,
    arXiv:2002.08791). From an optimised start, gradient descent on minibatches goes on at a constant learning rate;
    the iterates' mean, their variances and their last `rank` deviations from the mean make a Gaussian, of which each
    member is a chain of independent draws.

    Parameters
    ----------
    members
        Number of Gaussians, fitted side by side on all cores.
    draws
        Independent draws from each.
    iterates, thin
        How many iterates are looked at, and steps between them.
    rank
        Of the covariance beside its diagonal, at least 2.
    batch_size
        Rows in each gradient, drawn with replacement: without their noise the iterates would not spread.
    learning_rate
        Of a step along the gradient of the log posterior (nats). None measures curvature and noise of the gradient at
        the start, and takes the rate at which the iterates spread as the posterior does (Mandt et al. 2017,
        arXiv:1704.04289), or half of the inverse largest curvature if that is less.
    restarts
        How often a member whose iterates diverge may be taken back, at a third of the rate.
    """

    members: int = 5
    draws: int = 200
    _: KW_ONLY
    iterates: int = 100
    thin: int = 50
    rank: int = 20
    batch_size: int = 100
    learning_rate: float | None = None
    restarts: int = 5
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_counts(self, "members", "draws", "thin", "batch_size")
        check_counts(self, "iterates", "rank", least=2)
        require(self, self.rank <= self.iterates, "rank", f"at most iterates, {self.iterates}")
        check_counts(self, "restarts", least=0)
        if self.learning_rate is not None:
            check_number(self, "learning_rate", 0, float("inf"), "a positive number")
        check_precision(self)


@final
@dataclass(frozen=True, slots=True)
class MAP:
    """The mode of the posterior in the unconstrained, non-centred coordinates: a point, without uncertainty.

    Parameters
    ----------
    starts
        Independent starts; the best is kept.
    steps
        Most iterations of L-BFGS from each.
    """

    starts: int = 4
    _: KW_ONLY
    steps: int = 1_000
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        check_counts(self, "starts", "steps")
        check_precision(self)


@final
@dataclass(frozen=True, slots=True)
class PymcADVI:
    """PyMC's own `pm.fit` with its defaults, for comparison.

    Parameters
    ----------
    structure
        `"meanfield"` or `"fullrank"`.
    draws
        Independent draws from the approximation that are kept.
    steps
        Optimiser steps.
    """

    structure: Literal["meanfield", "fullrank"] = "meanfield"
    draws: int = 1000
    _: KW_ONLY
    steps: int = 10_000
    precision: ClassVar[Precision] = "float64"

    def __post_init__(self) -> None:
        if self.structure not in ("meanfield", "fullrank"):
            raise MethodError(unknown("PymcADVI", "structure", self.structure, ("meanfield", "fullrank")))
        check_counts(self, "draws", "steps")
