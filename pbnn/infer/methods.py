"""The options of each inference method: frozen data with defaults that work."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, final

from pbnn.errors import MethodError, unknown
from pbnn.spec.numbers import as_number

Precision = Literal["float32", "float64"]
SAMPLERS = ("blackjax", "pymc", "nutpie", "numpyro")
STRUCTURES = ("meanfield", "fullrank", "lowrank")


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


Method = MCLMC | NUTS | ADVI | MAP | PymcADVI
METHODS: Mapping[str, type] = {"mclmc": MCLMC, "nuts": NUTS, "advi": ADVI, "map": MAP, "pymc-advi": PymcADVI}
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
