"""The top of the page: what to take, how sure that is, and what it stands on."""

from collections.abc import Iterator

import numpy as np

from pbnn.report.study.facts import StudyFacts
from pbnn.report.summary import Head, Number
from pbnn.report.words import duration, listing, number, percent, plural
from pbnn.search.attributes import PARTS, SE

SURE, LIKELY = 0.8, 0.4
"""Probabilities of being the best from which on a configuration is called so."""
MANY_FAILED = 0.25


def summarize_study(facts: StudyFacts, title: str | None) -> Head:
    """Say in one paragraph, one verdict and a few numbers what a reader in a hurry has to know."""
    trust, banner = _outcome(facts)
    return Head(
        title or f"A search over {listing(_names(facts))}",
        " ".join(_sentences(facts)),
        trust,
        banner,
        _verdict(facts),
        tuple(_caveats(facts)),
        tuple(_numbers(facts)),
        "",
        f"Scored was {facts.objective}; {'less' if _minimises(facts) else 'more'} is better.",
    )


def _names(facts: StudyFacts) -> list[str]:
    names = list(dict.fromkeys(name for t in facts.trials for name in t.distributions))
    return names or ["nothing"]


def _outcome(facts: StudyFacts) -> tuple[str, str]:
    p = facts.recommendation.p_best
    if p >= SURE:
        return "yes", "One configuration stands out"
    return ("yes", "A likely best") if p >= LIKELY else ("caution", "Several are about as good")


def _sentences(facts: StudyFacts) -> Iterator[str]:
    found = facts.recommendation
    tried = len(found.table)
    yield (
        f"{plural(len(facts.finished), 'configuration')} {'was' if len(facts.finished) == 1 else 'were'} tried, which "
        f"took {duration(facts.seconds)} of computing."
    )
    if facts.ended:
        yield f"The search {facts.ended}."
    yield f"The one to take is {_which(facts)}: {_chosen(facts)}."
    if tried > 1:
        yield (
            f"Its true score is estimated as {number(found.mean, 4)}, give or take {number(found.sd, 2)}. With a "
            f"probability of {percent(round(found.p_best, 2))} it is the best of the {tried} that were scored; what "
            f"another would gain over it is {number(found.regret, 2)} on average."
        )
    luckiest = _luckiest(facts)
    if luckiest is not None and luckiest != found.number:
        yield (
            f"The best score, {number(float(found.table.loc[luckiest, 'score']), 4)}, was that of trial {luckiest}. It "
            "is not recommended, because, in the light of all the others, part of its score is held for luck."
        )


def _luckiest(facts: StudyFacts) -> int | None:
    score = facts.recommendation.table["score"].dropna()
    if len(score) < 2:
        return None
    return int(score.idxmin() if _minimises(facts) else score.idxmax())


def _minimises(facts: StudyFacts) -> bool:
    return facts.study.directions[0].name == "MINIMIZE"


def _which(facts: StudyFacts) -> str:
    n = facts.recommendation.number
    return "one that was not tried yet" if n is None else f"that of trial {n}"


def _chosen(facts: StudyFacts) -> str:
    params = facts.recommendation.params
    return (
        ", ".join(f"`{k}` {number(v) if isinstance(v, float) else v}" for k, v in params.items())
        or "no choice"
    )


def _verdict(facts: StudyFacts) -> str:
    found = facts.recommendation
    if found.p_best >= SURE:
        return "More trials would hardly change the choice among those that were tried."
    rivals = found.table["p_best"].to_numpy()
    close = int((rivals >= max(0.1 * found.p_best, 0.02)).sum())
    return (
        f"{plural(close, 'configuration')} may well be the best; choosing wrongly among them costs "
        f"{number(found.regret, 2)} on average."
    )


def _caveats(facts: StudyFacts) -> Iterator[str]:
    troubled = facts.troubled
    if len(troubled) > MANY_FAILED * max(len(facts.finished), 1):
        yield (
            f"{len(troubled)} of {plural(len(facts.finished), 'trial')} have no score that counts; see why below. "
            "Where they fail, nothing is known of the space."
        )
    if facts.search is not None and facts.search.interrupted:
        yield "The search was interrupted before its budget was spent."
    if not any({SE, PARTS} & set(t.user_attrs) for t in facts.scored):
        yield "The scores come without standard errors: how noisy they are is guessed from how much neighbours differ."
    if (running := len(facts.trials) - len(facts.finished)) > 0:
        yield f"{plural(running, 'trial')} had not ended when this was written."


def _numbers(facts: StudyFacts) -> Iterator[Number]:
    found = facts.recommendation
    yield Number(
        "recommended", _which(facts).removeprefix("that of "), f"of {plural(len(found.table), 'candidate')}"
    )
    sd = number(found.sd, 2) if np.isfinite(found.sd) else "unknown"
    yield Number("estimated score", number(found.mean, 4), f"standard deviation {sd}")
    yield Number("probably the best", percent(round(found.p_best, 2)), "of those that were scored")
    yield Number("expected regret", number(found.regret, 2), "what the best would gain over it")
    yield Number("trials", str(len(facts.finished)), f"{len(facts.scored)} with a score that counts")
