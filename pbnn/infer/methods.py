"""The options of each inference method: frozen data with defaults that work."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, final

from pbnn.errors import MethodError, unknown
from pbnn.spec.numbers import as_number

Precision = Literal["float32", "float64"]
SAMPLERS = ("blackjax", "pymc", "nutpie", "numpyro")
STRUCTURES = ("meanfield", "fullrank", "lowrank")
WEIGHTINGS = ("uniform", "held_out")
SG_KERNELS = ("sghmc", "csgld")


def _require(owner: object, condition: bool, name: str, expected: str) -> None:
    if not condition:
        raise MethodError(f"{type(owner).__name__}: {name} must be {expected}; got {getattr(owner, name)!r}.")


def _check_counts(owner: object, *names: str, least: int = 1) -> None:
    for name in names:
        value = as_number(getattr(owner, name))
        _require(owner, isinstance(value, int) and value >= least, name, f"a whole number >= {least}")
        object.__setattr__(owner, name, value)


def _check_number(owner: object, name: str, above: float, below: float, expected: str) -> None:
    value = as_number(getattr(owner, name))
    _require(owner, value is not None and above < value < below, name, expected)
    object.__setattr__(owner, name, value)


def _check_precision(owner: Any) -> None:
    _require(owner, owner.precision in ("float32", "float64"), "precision", "'float32' or 'float64'")


@final
@dataclass(frozen=True, slots=True)
class NUTS:
    """The no-U-turn sampler (Hoffman & Gelman 2014, arXiv:1111.4246): asymptotically exact, slow for large networks.

    Parameters
    ----------
    draws, tune
        Draws kept, and steps of adaptation before them, in each chain.
    chains
        Number of chains, run side by side on all cores.
    target_accept
        Acceptance rate that the step size is adapted to. Networks have curved posteriors: 0.9 rather than 0.8.
    sampler
        `"blackjax"` on the target, or `"pymc"`, `"nutpie"`, `"numpyro"` through `pm.sample`.
    max_treedepth
        A trajectory has at most `2 ** max_treedepth` gradients.
    precision
        Of `"blackjax"`; the other samplers use float64.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    sampler: Literal["blackjax", "pymc", "nutpie", "numpyro"] = "blackjax"
    _: KW_ONLY
    max_treedepth: int = 10
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        _check_counts(self, "draws", "chains", "max_treedepth")
        _check_counts(self, "tune", least=0)
        _check_number(self, "target_accept", 0, 1, "between 0 and 1")
        if self.sampler not in SAMPLERS:
            raise MethodError(unknown("NUTS", "sampler", self.sampler, SAMPLERS))
        _check_precision(self)
        if self.sampler != "blackjax" and self.precision != "float64":
            raise MethodError(f"NUTS: sampler={self.sampler!r} runs in float64 only; leave out precision.")


@final
@dataclass(frozen=True, slots=True)
class MCLMC:
    """Microcanonical Langevin chains from the members of a deep ensemble: for networks, the most draws for the time.

    Robnik et al. 2023 (arXiv:2212.08549), Robnik & Seljak 2023 (arXiv:2303.18221); for networks Sommer et al. 2025
    (arXiv:2502.06335). Without a Metropolis step: draws have a bias that falls with the square of the step size, and
    which is measured by repeating some of them at half the step size.

    Parameters
    ----------
    draws
        Draws kept in each chain.
    chains
        Number of chains, each from a start optimised on other rows, run side by side on all cores.
    thin
        Steps between draws.
    tune
        Steps of adaptation, before them.
    energy_error
        Mean square of the energy error of a step, per parameter (nats squared), that the step size is adapted to.
    adjusted
        With a Metropolis step: asymptotically exact, and some times slower.
    restarts
        How often a chain that is frozen, diverges or gets stuck may begin anew.
    """

    draws: int = 1000
    chains: int = 4
    _: KW_ONLY
    thin: int = 100
    tune: int = 20_000
    energy_error: float = 5e-5
    adjusted: bool = False
    restarts: int = 3
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        _check_counts(self, "draws", "chains", "thin", "tune")
        _check_counts(self, "restarts", least=0)
        _check_number(self, "energy_error", 0, float("inf"), "a positive number")
        _require(self, isinstance(self.adjusted, bool), "adjusted", "True or False")
        _check_precision(self)


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
        _check_counts(self, "draws", "steps", "samples", "rank")
        if self.batch_size is not None:
            _check_counts(self, "batch_size")
        _check_number(self, "learning_rate", 0, float("inf"), "a positive number")
        _check_precision(self)


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
        _check_counts(self, "starts", "steps")
        _check_precision(self)


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
        _check_counts(self, "members")
        _check_counts(self, "restarts", least=0)
        if self.weighting not in WEIGHTINGS:
            raise MethodError(unknown("Ensemble", "weighting", self.weighting, WEIGHTINGS))
        if self.draws is not None:
            _check_counts(self, "draws")
            _require(self, self.weighting == "held_out", "draws", "None where each member is one draw")
        _check_precision(self)


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
        _check_counts(self, "members", "draws", "thin", "batch_size")
        _check_counts(self, "iterates", "rank", least=2)
        _require(self, self.rank <= self.iterates, "rank", f"at most iterates, {self.iterates}")
        _check_counts(self, "restarts", least=0)
        if self.learning_rate is not None:
            _check_number(self, "learning_rate", 0, float("inf"), "a positive number")
        _check_precision(self)


@final
@dataclass(frozen=True, slots=True)
class SGMCMC:
    """Stochastic-gradient MCMC: chains on minibatches, for data too large for gradients of all rows.

    `"sghmc"` is stochastic-gradient Hamiltonian Monte Carlo (Chen et al. 2014, arXiv:1402.4102), `"csgld"` cyclical
    stochastic-gradient Langevin dynamics (Zhang et al. 2020, arXiv:1902.03932; not the contour SGLD that BlackJAX
    calls so). Without a Metropolis step: draws have a bias that grows with the step size and with the noise of
    minibatch gradients, which heats the chains in the directions that the data determine best. The default step size
    keeps that below a tenth of the variance; the smaller the batches, the slower the chains.

    Parameters
    ----------
    kernel
        `"sghmc"` or `"csgld"`.
    draws
        Draws kept in each chain.
    chains
        Number of chains, each from a start optimised on other rows, run side by side on all cores.
    thin
        Steps between draws.
    tune
        Steps before the first draw, of `"sghmc"`.
    batch_size
        Rows in each gradient, drawn with replacement; with no more rows than that, all of them, each once. A general
        `pm.Model` takes all.
    step_size
        Of `"sghmc"` in the position; of `"csgld"` the largest of a cycle, and in its square. None measures curvature
        and noise of the gradient at the start, in each chain.
    friction
        Share of the momentum that a step loses, of `"sghmc"`.
    cycles
        Of `"csgld"`: in each the step size falls from its largest value to 0; in the first half without noise, to
        find a mode, in the second half draws are kept.
    restarts
        How often a chain that diverges may begin anew, at a third of the step size.
    """

    kernel: Literal["sghmc", "csgld"] = "sghmc"
    draws: int = 1000
    chains: int = 4
    _: KW_ONLY
    thin: int = 100
    tune: int = 10_000
    batch_size: int = 1000
    step_size: float | None = None
    friction: float = 0.05
    cycles: int = 10
    restarts: int = 3
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.kernel not in SG_KERNELS:
            raise MethodError(unknown("SGMCMC", "kernel", self.kernel, SG_KERNELS))
        _check_counts(self, "draws", "chains", "thin", "batch_size", "cycles")
        _check_counts(self, "tune", "restarts", least=0)
        if self.step_size is not None:
            _check_number(self, "step_size", 0, float("inf"), "a positive number")
        _check_number(self, "friction", 0, 1, "between 0 and 1")
        _check_precision(self)


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
        _check_counts(self, "draws", "steps")


Method = MCLMC | NUTS | ADVI | Ensemble | SWAG | SGMCMC | MAP | PymcADVI
METHODS: Mapping[str, type] = {
    "mclmc": MCLMC,
    "nuts": NUTS,
    "advi": ADVI,
    "ensemble": Ensemble,
    "swag": SWAG,
    "sgmcmc": SGMCMC,
    "map": MAP,
    "pymc-advi": PymcADVI,
}
DEFAULT_METHOD = "nuts"


def as_method(method: object) -> Method:
    """Return the options that a name, or options themselves, stand for.

    Raises
    ------
    MethodError
        If the method is unknown; the message lists the known ones.
    """
    if method is None:
        method = DEFAULT_METHOD
    if isinstance(method, str):
        if method.lower() not in METHODS:
            raise MethodError(unknown("fit", "method", method, METHODS))
        return METHODS[method.lower()]()
    if isinstance(method, type) and method in METHODS.values():
        return method()
    if not isinstance(method, tuple(METHODS.values())):
        raise MethodError(unknown("fit", "method", method, METHODS))
    return method


def method_name(method: Method) -> str:
    """Return the name under which a method is known."""
    return next(name for name, cls in METHODS.items() if isinstance(method, cls))
