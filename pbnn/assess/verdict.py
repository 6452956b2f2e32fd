"""What the evidence says of a fit, in plain words."""

from dataclasses import dataclass
from math import ceil, isfinite, isnan, log10, nan
from typing import Literal, final

Trust = Literal["yes", "caution", "no"]

MIN_DRAWS = 4
"""Fewer in a chain, and R-hat cannot be computed."""
R_HAT = 1.01
R_HAT_BAD = 1.05
ESS_PER_CHAIN, ESS_IN_ALL = 100, 400
"""Vehtari et al. (2021), 10.1214/20-BA1221: so many effective draws, for R-hat itself to be reliable."""
DIVERGENT_BAD = 0.05
TREEDEPTH_SHARE = 0.05
K_HAT_BAD = 1.0
"""Beyond it importance weights have not even a mean."""
BETWEEN = 0.1
"""Chains that differ in their means by less, in standard deviations of the response, hardly change its intervals."""
BIAS = 0.25
"""In posterior standard deviations: an interval of 95 % then holds 94 %."""
BFMI = 0.3
"""Betancourt (2016), arXiv:1604.00695."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was measured. None: the method does not tell; NaN: it could not be computed.

    Attributes
    ----------
    sampling, method
        As `fit` records them.
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
    converged, message
        What an optimiser says of itself.
    interrupted
        Whether the user stopped it.
    """

    sampling: str = "mcmc"
    method: str = ""
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


def judge(e: Evidence) -> tuple[Trust, str, list[Finding]]:
    """Return how far to trust a fit, a sentence that says why, and all findings, the worst first."""
    found = [*_draws(e), *(_approximation(e) if e.sampling == "approximate" else _chains(e))]
    if e.interrupted:
        found.append(
            Finding("caution", f"the run was interrupted, with {_count(e.n_draws, 'draw')} in a chain")
        )
    by_level: dict[Trust, list[Finding]] = {
        level: [f for f in found if f.level == level] for level in ("no", "caution", "yes")
    }
    findings = [f for group in by_level.values() for f in group]
    trust: Trust = next(level for level, group in by_level.items() if group)
    reasons = by_level[trust] if trust != "no" else by_level["no"] + by_level["caution"]
    start = {
        "yes": "Trust the predictions",
        "caution": "Trust the predictions with caution",
        "no": "Do not trust the predictions",
    }[trust]
    if _undecided(e):
        start = "No verdict"
    return trust, f"{start}: {'; '.join(f.clause for f in reasons)}.", findings


def k_hat_limit(n_draws: int) -> float:
    """Return the largest Pareto shape at which importance sampling is reliable (Vehtari et al. 2024, JMLR 25(72))."""
    return min(0.7, 1 - 1 / log10(max(n_draws, 11)))


def _undecided(e: Evidence) -> bool:
    """Return whether there is no R-hat, and no worse reason to distrust the draws."""
    return e.sampling == "mcmc" and not e.non_finite and not e.frozen and isnan(e.r_hat_max)


def _draws(e: Evidence) -> list[Finding]:
    if not e.non_finite:
        return []
    return [
        Finding("no", f"{e.non_finite:,} of {_count(e.total, 'draw')} give predictions that are not finite")
    ]


def _chains(e: Evidence) -> list[Finding]:
    found = []
    if e.frozen:
        chains = ", ".join(map(str, e.frozen))
        found.append(
            Finding("no", f"chain {chains} stands still", "Fit again with another seed, and tune longer.")
        )
    if _undecided(e):
        few = e.n_draws < MIN_DRAWS * (2 if e.n_chains == 1 else 1)
        why = f"{_count(e.n_draws, 'draw')} in a chain are too few" if few else "the draws do not allow"
        return [*found, Finding("no", f"{why} to compute R-hat", f"Draw at least {ESS_IN_ALL} in all.")]
    found += [*_agreement(e), *_effective_draws(e)]
    if e.n_chains == 1:
        found.append(
            Finding(
                "caution",
                "there is one chain, so R-hat compares its parts only, and a mode that it missed would not show",
                "Run four chains.",
            )
        )
    return [*found, *_log_density(e), *_hamiltonian(e), *_restarts(e), *_bias(e)]


def _agreement(e: Evidence) -> list[Finding]:
    """Judge the R-hat of the predictions, and that of the noise if it is worse than good."""
    they = "the parts of the chain" if e.n_chains == 1 else "the chains"
    found = []
    if e.r_hat_max <= R_HAT:
        who = {1: they, 2: "both chains"}.get(e.n_chains, f"all {e.n_chains} chains")
        value = f"(R-hat at most {_r_hat(e.r_hat_max)})"
        found.append(
            Finding("yes", f"{who} agree on the mean response at {_count(e.n_points, 'input')} {value}")
        )
    for what, r_hat in (("the mean response", e.r_hat_max), ("the noise", e.noise_r_hat)):
        value = f"(R-hat up to {_r_hat(r_hat)}; it should be at most {R_HAT})"
        if r_hat > R_HAT_BAD:
            found.append(_disagreement(e, f"{they} disagree on {what} {value}", what))
        elif r_hat > R_HAT:
            found.append(Finding("caution", f"{they} do not quite agree on {what} {value}", "Draw more."))
    return found


def _disagreement(e: Evidence, clause: str, what: str) -> Finding:
    """Judge chains that do not mix: they sample an ensemble of modes, which may all predict about the same."""
    advice = "Tune and draw longer, or make the network smaller."
    share = e.between_share_max if what == "the mean response" else e.noise_between_max
    if e.n_chains < 2 or not isfinite(share):
        return Finding("no", clause, advice)
    unit = "of the standard deviation of a new observation" if what == "the mean response" else "of its size"
    if share <= BETWEEN:
        clause = (
            f"{clause}, but by at most {_percent(share)} {unit}, which intervals of the response hardly feel"
        )
        return Finding("caution", clause, f"For {what} itself: {advice[0].lower()}{advice[1:]}")
    return Finding("no", f"{clause}, by up to {_percent(share)} {unit}", advice)


def _effective_draws(e: Evidence) -> list[Finding]:
    least, needed = e.ess_min, e.ess_needed
    if isnan(least):
        return []
    if least >= needed:
        error = (
            f", so their means are known to {e.mcse_share_max:.2g} sd" if isfinite(e.mcse_share_max) else ""
        )
        return [Finding("yes", f"there are at least {least:,.0f} effective draws of each prediction{error}")]
    close = e.n_chains > 1 and e.total >= needed and e.between_share_max <= BETWEEN
    level: Trust = "caution" if close or least >= needed / 4 else "no"
    where = "tails" if e.ess_tail_min < e.ess_bulk_min else "bulk"
    return [
        Finding(
            level,
            f"of {e.total:,} draws only {least:,.0f} are effective in the {where} of the worst prediction "
            f"({needed} are needed)",
            "Draw more.",
        )
    ]


def _log_density(e: Evidence) -> list[Finding]:
    """Judge loosely: what the log density mixes slowly in, such as learned scales, predictions may not see."""
    if not e.log_density_r_hat > R_HAT_BAD:
        return []
    return [
        Finding(
            "caution",
            f"{'parts of the chain' if e.n_chains == 1 else 'the chains'} differ in log density (R-hat "
            f"{_r_hat(e.log_density_r_hat)}), so they explore different parts of the posterior",
        )
    ]


def _hamiltonian(e: Evidence) -> list[Finding]:
    found = []
    if e.divergences:
        share = e.divergences / e.total
        found.append(
            Finding(
                "no" if share > DIVERGENT_BAD else "caution",
                f"{e.divergences:,} of {_count(e.total, 'draw')} diverged ({_percent(share)}), so a part of the "
                "posterior may be missing",
                "Raise `target_accept`.",
            )
        )
    elif e.divergences == 0:
        found.append(Finding("yes", "no draw diverged"))
    if e.max_treedepth_share is not None and e.max_treedepth_share > TREEDEPTH_SHARE:
        cut = f"{_percent(e.max_treedepth_share)} of the trajectories were cut at the greatest tree depth"
        if e.ess_min >= e.ess_needed:
            # A cut trajectory is as valid as any, only short; with enough effective draws that does not matter.
            found.append(Finding("yes", f"{cut}, which slows the sampler, but leaves its draws valid"))
        else:
            advice = "Raise `max_treedepth`, or tune longer."
            found.append(Finding("caution", f"{cut}, so the chains move slowly", advice))
    if e.bfmi_min is not None and e.bfmi_min < BFMI:
        found.append(
            Finding(
                "caution",
                f"the energy moves slowly (BFMI {e.bfmi_min:.2f}; it should be above {BFMI})",
                "Tune longer.",
            )
        )
    return found


def _restarts(e: Evidence) -> list[Finding]:
    noun = "chain" if e.sampling == "mcmc" else "member"
    found = []
    if e.lost_chains:
        what = f"{_count(e.lost_chains, noun)} could not be run, however often restarted"
        found.append(Finding("caution", f"{what}, so a part of the posterior may be missing", e.message))
    elif e.restarts:
        found.append(
            Finding("yes", f"{noun}s were restarted {_times(e.restarts)}, and none is left out", e.message)
        )
    elif e.restarts == 0:
        found.append(Finding("yes", f"no {noun} had to be restarted"))
    return found


def _bias(e: Evidence) -> list[Finding]:
    """Judge what the step size does to means, measured by draws at half of it."""
    found = []
    for what, size, error in (
        ("the mean response", e.bias, e.bias_mcse),
        ("the noise", e.noise_bias, e.noise_bias_mcse),
    ):
        if size is None or error is None or not isfinite(size + error):
            continue
        if error > BIAS:
            clause = (
                f"the bias of {what} by the step size could not be measured (it is known to {error:.1g} sd)"
            )
            found.append(Finding("caution", clause, "Draw more."))
            continue
        if size <= error:
            clause = f"no bias of {what} by the step size is seen, which is known to {error:.1g} sd"
            found.append(Finding("yes", clause))
            continue
        clause = f"the step size biases {what} by about {size:.1g} sd (known to {error:.1g} sd)"
        large = size > BIAS and size > 2 * error
        advice = "Lower `energy_error`, or sample with `adjusted=True`." if large else ""
        found.append(Finding("caution" if large else "yes", clause, advice))
    return found


def _approximation(e: Evidence) -> list[Finding]:
    if e.method == "map":
        return [*_optimiser(e, "caution"), _POINT]
    close = e.k_hat is not None and e.k_hat <= k_hat_limit(e.total)
    found = [*_optimiser(e, "caution" if close else "no"), _importance(e), *_restarts(e)]
    if e.total < ESS_PER_CHAIN:
        found.append(Finding("caution", f"there are only {_count(e.total, 'draw')}"))
    if e.r_hat_max > R_HAT_BAD:
        found.append(
            Finding("caution", f"its {e.n_chains} runs disagree (R-hat up to {_r_hat(e.r_hat_max)})")
        )
    return found


_POINT = Finding(
    "caution",
    "the fit is one point, the mode, which tells nothing of the uncertainty of the weights: intervals hold the noise "
    "only",
    "For uncertainty fit with NUTS or ADVI.",
)


def _optimiser(e: Evidence, level: Trust) -> list[Finding]:
    if e.converged is None:
        return []
    if e.converged:
        return [Finding("yes", "the optimiser converged", e.message)]
    return [Finding(level, "the optimiser had not converged", e.message)]


def _importance(e: Evidence) -> Finding:
    advice = "Its draws are independent, so R-hat cannot tell: compare its scores and predictions with those of NUTS."
    if e.k_hat is None:
        return Finding(
            "caution", "this is an approximation, and nothing here measures how close it is", advice
        )
    limit = k_hat_limit(e.total)
    value = f"(k-hat {e.k_hat:.2f}; up to {limit:.2f} is good)"
    if e.k_hat <= limit:
        return Finding(
            "yes", f"the approximation is close to the posterior by its importance weights {value}"
        )
    if e.k_hat > K_HAT_BAD:
        return Finding(
            "caution",
            f"the approximation is far from the posterior by its importance weights {value}: compare with NUTS before "
            "you rely on its uncertainty",
            "The test is pessimistic where weights are many, so predictions may be good all the same.",
        )
    return Finding(
        "caution",
        f"the approximation differs from the posterior by its importance weights {value}, a test that is pessimistic "
        "where weights are many: predictions may be good all the same",
        advice,
    )


def _r_hat(value: float) -> str:
    """Write an upper bound, rounded up: 1.0101 is not 1.010."""
    return f"{ceil(1000 * value) / 1000:.3f}" if value < 10 else f"{value:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share >= 0.01 else f"{100 * share:.1g} %"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
