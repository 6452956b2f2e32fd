"""What there is to say of the draws of chains."""

from math import isfinite, isnan

from pbnn.assess import wording
from pbnn.assess.evidence import ESS_IN_ALL, R_HAT_BAD, Evidence, Finding, Trust

MIN_DRAWS = 4
"""Fewer in a chain, and R-hat cannot be computed."""
R_HAT = 1.01
DIVERGENT_BAD = 0.05
TREEDEPTH_SHARE = 0.05
BETWEEN = 0.1
"""Chains that differ in their means by less, in standard deviations of the response, hardly change its intervals."""
BIAS = 0.25
"""In posterior standard deviations: an interval of 95 % then holds 94 %."""
BFMI = 0.3
"""Betancourt (2016), arXiv:1604.00695."""


def of_chains(e: Evidence) -> list[Finding]:
    """Return what there is to say, in the order in which to look."""
    found = []
    if e.frozen:
        chains = ", ".join(map(str, e.frozen))
        found.append(
            Finding("no", f"chain {chains} stands still", "Fit again with another seed, and tune longer.")
        )
    if undecided(e):
        few = e.n_draws < MIN_DRAWS * (2 if e.n_chains == 1 else 1)
        why = (
            f"{wording.count(e.n_draws, 'draw')} in a chain {'is' if e.n_draws == 1 else 'are'} too few"
            if few
            else "the draws do not allow"
        )
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
    return [*found, *_log_density(e), *_hamiltonian(e), *_bias(e)]


def _agreement(e: Evidence) -> list[Finding]:
    """Judge the R-hat of the predictions, and that of the noise if it is worse than good."""
    they = "the parts of the chain" if e.n_chains == 1 else "the chains"
    found = []
    if e.r_hat_max <= R_HAT:
        who = {1: they, 2: "both chains"}.get(e.n_chains, f"all {e.n_chains} chains")
        value = f"(R-hat at most {wording.r_hat(e.r_hat_max)})"
        found.append(
            Finding("yes", f"{who} agree on {e.quantity} at {wording.count(e.n_points, 'input')} {value}")
        )
    for what, r_hat in ((e.quantity, e.r_hat_max), ("the noise", e.noise_r_hat)):
        value = f"(R-hat up to {wording.r_hat(r_hat)}; it should be at most {R_HAT})"
        if r_hat > R_HAT_BAD:
            found.append(_disagreement(e, f"{they} disagree on {what} {value}", what))
        elif r_hat > R_HAT:
            found.append(Finding("caution", f"{they} do not quite agree on {what} {value}", "Draw more."))
    return found


def _disagreement(e: Evidence, clause: str, what: str) -> Finding:
    """Judge chains that do not mix: they sample an ensemble of modes, which may all predict about the same."""
    advice = "Tune and draw longer, or make the network smaller."
    share = e.noise_between_max if what == "the noise" else e.between_share_max
    if e.n_chains < 2 or not isfinite(share):
        return Finding("no", clause, advice)
    unit = "of its size" if what == "the noise" else "of the standard deviation of a new observation"
    if share <= BETWEEN:
        clause += (
            f", but by at most {wording.percent(share)} {unit}, which intervals of the response hardly feel"
        )
        return Finding("caution", clause, f"For {what} itself: {advice[0].lower()}{advice[1:]}")
    return Finding("no", f"{clause}, by up to {wording.percent(share)} {unit}", advice)


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
            f"{wording.r_hat(e.log_density_r_hat)}), so they explore different parts of the posterior",
        )
    ]


def _hamiltonian(e: Evidence) -> list[Finding]:
    found = []
    if e.divergences:
        share = e.divergences / e.total
        found.append(
            Finding(
                "no" if share > DIVERGENT_BAD else "caution",
                f"{e.divergences:,} of {wording.count(e.total, 'draw')} diverged ({wording.percent(share)}), so a part "
                "of the posterior may be missing",
                "Raise `target_accept`.",
            )
        )
    elif e.divergences == 0:
        found.append(Finding("yes", "no draw diverged"))
    if e.max_treedepth_share is not None and e.max_treedepth_share > TREEDEPTH_SHARE:
        cut = f"{wording.percent(e.max_treedepth_share)} of the trajectories were cut at the greatest tree depth"
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


def _bias(e: Evidence) -> list[Finding]:
    """Judge what the step size does to means, measured by draws at half of it."""
    found = []
    for what, size, error in (
        (e.quantity, e.bias, e.bias_mcse),
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


def undecided(e: Evidence) -> bool:
    """Return whether there is no R-hat, and no worse reason to distrust the draws."""
    return e.sampling == "mcmc" and not e.non_finite and not e.frozen and isnan(e.r_hat_max)
