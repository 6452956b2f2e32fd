"""The options of the samplers: frozen data with defaults that work."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal, final

from pbnn.errors import MethodError, unknown
from pbnn.infer.option_checks import Precision, check_counts, check_number, check_precision, require

SAMPLERS = ("blackjax", "pymc", "nutpie", "numpyro")
SG_KERNELS = ("sghmc", "csgld")


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
        Steps between draws; None: 60 for up to 1000 rows and fewer for more, in proportion to the root of their
        number, because each step costs more.
    tune
        Steps of adaptation, before them; None: 30,000 for up to 1000 rows and fewer for more, likewise, but 6000 at
        least. Rounded to pieces, of which there are 20 at least; with a Metropolis step a quarter as many
        trajectories.
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
    thin: int | None = None
    tune: int | None = None
    energy_error: float = 0.005
    adjusted: bool = False
    restarts: int = 3
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_counts(self, "draws", "chains")
        check_counts(self, "restarts", least=0)
        check_counts(self, *(name for name in ("thin", "tune") if getattr(self, name) is not None))
        check_number(self, "energy_error", 0, float("inf"), "a positive number")
        require(self, isinstance(self.adjusted, bool), "adjusted", "True or False")
        check_precision(self)


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
        check_counts(self, "draws", "chains", "max_treedepth")
        check_counts(self, "tune", least=0)
        check_number(self, "target_accept", 0, 1, "between 0 and 1")
        if self.sampler not in SAMPLERS:
            raise MethodError(unknown("NUTS", "sampler", self.sampler, SAMPLERS))
        check_precision(self)
        if self.sampler != "blackjax" and self.precision != "float64":
            raise MethodError(f"NUTS: sampler={self.sampler!r} runs in float64 only; leave out precision.")


@final
@dataclass(frozen=True, slots=True)
class SGMCMC:
    """Stochastic-gradient MCMC: chains on minibatches, for data too large for gradients of all rows.

    `"sghmc"` is stochastic-gradient Hamiltonian Monte Carlo (Chen et al. 2014, arXiv:1402.4102), `"csgld"` cyclical
    stochastic-gradient Langevin dynamics (Zhang et al. 2020, arXiv:1902.03932; not the contour SGLD that BlackJAX
    calls so). Without a Metropolis step: draws have a bias that grows with the step size and with the noise of
    minibatch gradients, which heats the chains in the directions that the data determine best. The default step size
    keeps that at about a tenth of the variance; the smaller the batches, the slower the chains.

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
        Steps before the first draw or cycle, at a third of the step size.
    batch_size
        Rows in each gradient, drawn with replacement; with no more rows than that, all of them, each once. A general
        `pm.Model` takes all.
    step_size
        Of `"sghmc"` in the position; of `"csgld"` the largest of a cycle, and in its square. Parameters are measured
        in units of their Fisher information. None measures curvature and noise of the gradient in each chain.
    friction
        Share of the momentum that a step loses, of `"sghmc"`.
    cycles
        Of `"csgld"`: in each the step size falls from its largest value to 0; the first half is to find another mode,
        in the second half draws are kept.
    restarts
        How often a chain that diverges may begin anew, at a third of the step size (a ninth, of `"csgld"`).
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
        check_counts(self, "draws", "chains", "thin", "batch_size", "cycles")
        check_counts(self, "tune", "restarts", least=0)
        if self.step_size is not None:
            check_number(self, "step_size", 0, float("inf"), "a positive number")
        check_number(self, "friction", 0, 1, "between 0 and 1")
        check_precision(self)
