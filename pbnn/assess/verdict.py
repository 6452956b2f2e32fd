"""What the evidence says of a fit, in plain words."""

from pbnn.assess import wording
from pbnn.assess.approximation_findings import of_approximation
from pbnn.assess.chain_findings import of_chains, undecided
from pbnn.assess.evidence import Evidence, Finding, Trust


def judge(e: Evidence) -> tuple[Trust, str, list[Finding]]:
    """Return how far to trust a fit, a sentence that says why, and all findings, the worst first."""
    found = [
        *_draws(e),
        *(of_approximation(e) if e.sampling == "approximate" else of_chains(e)),
        *_restarts(e),
    ]
    if e.interrupted:
        found.append(
            Finding("caution", f"the run was interrupted, with {wording.count(e.n_draws, 'draw')} in a chain")
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
    if undecided(e):
        start = "No verdict"
    return trust, f"{start}: {'; '.join(f.clause for f in reasons)}.", findings


def _draws(e: Evidence) -> list[Finding]:
    if not e.non_finite:
        return []
    return [
        Finding(
            "no", f"{e.non_finite:,} of {wording.count(e.total, 'draw')} give predictions that are not finite"
        )
    ]


def _restarts(e: Evidence) -> list[Finding]:
    noun = "chain" if e.sampling == "mcmc" else "member"
    found = []
    if e.lost_chains:
        what = f"{wording.count(e.lost_chains, noun)} could not be run, however often restarted"
        found.append(Finding("caution", f"{what}, so a part of the posterior may be missing", e.message))
    elif e.restarts:
        found.append(
            Finding(
                "yes", f"{noun}s were restarted {wording.times(e.restarts)}, and none is left out", e.message
            )
        )
    elif e.restarts == 0:
        found.append(Finding("yes", f"no {noun} had to be restarted"))
    return found
