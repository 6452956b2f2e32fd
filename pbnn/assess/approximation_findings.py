"""What there is to say of an approximation."""

from math import log10

from pbnn.assess import wording
from pbnn.assess.evidence import ESS_PER_CHAIN, R_HAT_BAD, Evidence, Finding, Trust

K_HAT_BAD = 1.0
"""Beyond it importance weights have not even a mean."""


def of_approximation(e: Evidence) -> list[Finding]:
    """Return what there is to say, in the order in which to look."""
    if e.method == "map":
        return [*_optimiser(e, "caution"), _POINT]
    close = e.k_hat is not None and e.k_hat <= k_hat_limit(e.total)
    found = [*_optimiser(e, "caution" if close else "no"), _importance(e)]
    if e.held:
        found.append(
            Finding(
                "caution",
                f"{wording.percent(e.held)} of the weights are held at the mode: what is not known of them is left out",
                "Away from the data its intervals may be too narrow; subset='all' takes all weights.",
            )
        )
    if e.total < ESS_PER_CHAIN:
        found.append(Finding("caution", f"there are only {wording.count(e.total, 'draw')}"))
    if e.r_hat_max > R_HAT_BAD:
        found.append(
            Finding("caution", f"its {e.n_chains} runs disagree (R-hat up to {wording.r_hat(e.r_hat_max)})")
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
    if e.k_hat > K_HAT_BAD and e.method == "laplace" and e.predictive == "mc":
        return Finding(
            "no",
            f"its draws, of which predictions are made, are far from the posterior by their importance weights {value}",
            "Fit with predictive='glm', the linearised network, for which the approximation is made.",
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


def k_hat_limit(n_draws: int) -> float:
    """Return the largest Pareto shape at which importance sampling is reliable (Vehtari et al. 2024, JMLR 25(72))."""
    return min(0.7, 1 - 1 / log10(max(n_draws, 11)))
