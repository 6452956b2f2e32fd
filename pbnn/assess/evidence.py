"""What a verdict rests on, and what it consists of."""

from dataclasses import dataclass
from math import nan
from typing import Literal, final

Trust = Literal["yes", "caution", "no"]

R_HAT_BAD = 1.05
ESS_PER_CHAIN, ESS_IN_ALL = 100, 400
"""Vehtari et al. (2021), 10.1214/20-BA1221: so many effective draws, for R-hat itself to be reliable."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured. None: the method does not tell; NaN: it could not be computed.

    Attributes
    ----------
    sampling, method
        As `fit` records them.
    quantity
        What is predicted, in words: the mean response, or the probabilities of classes.
    n_chains, n_draws, n_points
        Chains, draws in a chain, inputs at which predictions were judged.
    r_hat_max, ess_bulk_min, ess_tail_min, mcse_share_max
        The worst over the predictions; the last is a Monte Carlo error of a mean, in standard deviations.
    noise_r_hat
        R-hat of the variance of the response given the weights, the worst.
    log_density_r_hat
        R-hat of the log density.
    between_share_max, noise_between_max
        The largest standard deviation between chains: of the mean response, relative to that of the response, noise
        included; and of the noise's standard deviation, relative to itself.
    non_finite
        Draws whose predictions are NaN or infinite.
    frozen
        Numbers of chains that do not move.
    divergences, max_treedepth_share, bfmi_min
        Of Hamiltonian samplers.
    restarts, lost_chains
        How often chains began anew, and how many could not be run.
    bias, bias_mcse, noise_bias, noise_bias_mcse
        Bias that the step size causes in the mean response and in its variance given the weights, in posterior
        standard deviations, and the Monte Carlo error of that.
    energy_error
        Mean square energy error of a step, per parameter (nats squared).
    k_hat
        Pareto shape of the importance weights from an approximation to the posterior.
    held, predictive
        Share of the weights that a Laplace approximation holds at the mode, and what its predictions are made of.
    converged, message
        What an optimiser says of itself.
    interrupted
        Whether the user stopped it.
    """

    sampling: str = "mcmc"
    method: str = ""
    quantity: str = "the mean response"
    n_chains: int
    n_draws: int
    n_points: int
    r_hat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    mcse_share_max: float
    noise_r_hat: float = nan
    log_density_r_hat: float = nan
    between_share_max: float = nan
    noise_between_max: float = nan
    non_finite: int = 0
    frozen: tuple[int, ...] = ()
    divergences: int | None = None
    max_treedepth_share: float | None = None
    bfmi_min: float | None = None
    restarts: int | None = None
    lost_chains: int = 0
    bias: float | None = None
    bias_mcse: float | None = None
    noise_bias: float | None = None
    noise_bias_mcse: float | None = None
    energy_error: float | None = None
    k_hat: float | None = None
    held: float | None = None
    predictive: str | None = None
    converged: bool | None = None
    message: str = ""
    interrupted: bool = False

    @property
    def total(self) -> int:
        """Draws in all chains."""
        return self.n_chains * self.n_draws

    @property
    def ess_min(self) -> float:
        """Effective draws of the worst prediction."""
        return min(self.ess_bulk_min, self.ess_tail_min)

    @property
    def ess_needed(self) -> int:
        """Effective draws that are enough."""
        return max(ESS_IN_ALL, ESS_PER_CHAIN * self.n_chains)


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, in a clause, and what to do about it."""

    level: Trust
    clause: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """The clause as a sentence, and the advice."""
        text = f"{self.clause[0].upper()}{self.clause[1:]}."
        return f"{text} {self.advice}" if self.advice else text
