"""The paragraph for those who read nothing else: what the fit is worth, computed from the numbers, without jargon."""

from collections.abc import Callable

import numpy as np

from pbnn.errors import warn
from pbnn.predict.angles import around, mean_direction
from pbnn.report.blocks import NotApplicableError
from pbnn.report.facts import Facts
from pbnn.report.ranges import LEVEL, chance, chances_off, departures, share_inside
from pbnn.report.sections.unfamiliar import unlike_rows
from pbnn.report.sections.weak_spots import outside
from pbnn.report.words import inputs_words, listing, number, percent, plain, plural

CLEAR = 2.0
"""Standard errors from which a difference is one."""
MOST, LITTLE = 0.5, 0.2
"""Shares of the doubt that comes from having seen too few examples, from which more would help much, or a little."""
VAGUE = 0.2
"""Width of what chance allows for the share inside ranges, or the error of chances, from which it tells little."""


def in_plain_words(facts: Facts, trust: str) -> str:
    """Say in a few sentences what is predicted, how well, whether to believe the ranges, where not, and what to do."""
    parts = (_one_class_words, _good, _honest, _where, _next)
    sentences = (_what(facts), *(_attempt(say, facts, trust) for say in parts))
    return " ".join(sentence for sentence in sentences if sentence)


def _attempt(say: Callable[[Facts, str], str], facts: Facts, trust: str) -> str:
    try:
        return say(facts, trust)
    except NotApplicableError:
        return ""
    except Exception as error:
        warn(f"report: a sentence of the summary failed ({type(error).__name__}: {error}) and is left out.")
        return ""


def _what(facts: Facts) -> str:
    return (
        f"This model predicts {listing(facts.bnn.response.names)} from {inputs_words(facts.bnn)}. It learned from "
        f"{plural(len(facts.y_train), 'example')}."
    )


# ------------------------------------------------------------------------------------------------ how good


def only_class(facts: Facts) -> str:
    """Return the class of all held-out rows if they are of one class; else nothing."""
    if facts.kind != "classes" or not (facts.labelled and facts.held_out):
        return ""
    seen = np.unique(facts.rows["observed"].to_numpy().astype(str))
    return str(seen[0]) if len(seen) == 1 else ""


def _one_class_words(facts: Facts, trust: str) -> str:
    one = only_class(facts)
    if not one:
        return ""
    return (
        f"All examples that it is tested on are of one class ({one}), so they cannot show whether it tells classes "
        "apart."
    )


def _good(facts: Facts, trust: str) -> str:
    if not facts.labelled:
        return (
            f"Nobody has observed yet what it predicts for the {plural(len(facts.X), 'new row')} given, so how good it "
            "is there cannot be said."
        )
    judged, given = facts.rows.sizes["obs"], len(facts.X)
    n = plural(given, "example") if judged == given else f"{judged:,} of {given:,} examples"
    where = (
        f"On {n} that it had not seen,"
        if facts.held_out
        else f"On {n} given as new, but among those it learned from, which flatters it,"
        if facts.seen_before
        else f"On the very {n} it learned from, which flatters it,"
    )
    if facts.kind == "classes":
        return f"{where} {_right(facts)}"
    if facts.bnn.response.censored:
        off = facts.rows["residual"].dropna("obs").to_numpy()
        if not len(off):
            return f"{where} how far off it is cannot be said, for no time is known exactly."
        return (
            f"{where} it is typically off by {number(_rms(off))} for the {plural(len(off), 'time')} that are known "
            "exactly."
        )
    off, naive, standing = guesses(facts)
    if len(off) == 1:
        beside = _against("always guessing the average", naive[0], off[0], standing[0])
        return f"{where} it is typically off by {number(off[0])}; {beside}."
    each = [
        f"{name} by {number(o)} ({_against('guessing the average', g, o, s)})"
        for name, o, g, s in zip(facts.bnn.response.names, off, naive, standing, strict=True)
    ]
    return f"{where} it is typically off as follows: {'; '.join(each[:4])}{'; and others' if len(each) > 4 else ''}."


def _against(guess: str, naive: float, off: float, standing: int) -> str:
    if standing > 0:
        return f"{guess} would be off by {number(naive)}, so it does away with {percent(1 - off / naive)} of that error"
    return f"{guess} would be off by {number(naive)}, so {_beside(standing)}"


def _beside(standing: int) -> str:
    return f"it is {'clearly worse' if standing < 0 else 'not clearly better'} than that"


def guesses(facts: Facts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each output the typical error, that of always guessing the training average, and how the two stand.

    1 if the fit is clearly better, -1 if it is clearly worse, 0 if that cannot be said: by the paired difference of
    squared errors, in `CLEAR` standard errors.
    """
    rows = facts.rows
    seen = rows["observed"].to_numpy().reshape(rows.sizes["obs"], -1)
    wrong = rows["residual"].to_numpy().reshape(len(seen), -1)
    train = np.asarray(facts.y_train, dtype=float).reshape(len(facts.y_train), -1)
    if facts.bnn.response.circular:
        naive = around(seen, mean_direction(train)) - mean_direction(train)
    else:
        naive = seen - train.mean(axis=0)
    return _rms(wrong), _rms(naive), _standing(naive**2 - wrong**2)


def most_frequent(facts: Facts) -> tuple[str, float, int]:
    """Return the most frequent class of training, how often it is right, and how the fit stands to it (`guesses`)."""
    labels, counts = np.unique(np.asarray(facts.y_train).astype(str), return_counts=True)
    usual = str(labels[counts.argmax()])
    naive = facts.rows["observed"].to_numpy().astype(str) == usual
    gain = facts.rows["correct"].to_numpy()[:, None] - naive[:, None]
    return usual, float(naive.mean()), int(_standing(gain)[0])


def _right(facts: Facts) -> str:
    usual, naive, standing = most_frequent(facts)
    right = percent(float(facts.rows["correct"].mean()))
    text = (
        f"it names the right class for {right}; always naming the class that was most frequent in what it learned from "
        f"({usual}) would be right for {percent(naive)}"
    )
    return f"{text}." if standing > 0 else f"{text}, so {_beside(standing)}."


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt((values**2).mean(axis=0))


def _standing(gain: np.ndarray) -> np.ndarray:
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    mean = gain.mean(axis=0)
    return np.where(np.abs(mean) > CLEAR * error, np.sign(mean), 0).astype(int)


# ---------------------------------------------------------------------------- whether the ranges can be believed


def _honest(facts: Facts, trust: str) -> str:
    if trust == "no":
        return (
            "Do not rely on any of this yet: the computation behind it did not settle, so that another run might give "
            "other answers."
        )
    alone = (
        " It is a single best guess, which does not know what it does not know." if facts.n_draws == 1 else ""
    )
    if not facts.labelled:
        return alone.strip()
    if facts.kind == "classes":
        return _chances(facts) + alone
    found = departures(facts)
    wrong = [d for d in found if not d.slight]
    if wrong:
        each = [f"{d.words} for {d.output}" if d.output else d.words for d in wrong]
        said = _held(facts, wrong[0].level, wrong[0].share) if len(found) == 1 else _held(facts)
        return f"Do not take its ranges at their word: they are {listing(each)} ({said}).{alone}"
    if found:
        way = "too narrow" if found[0].words == "too narrow" else "wider than needed"
        return f"Its ranges are a little {way}: {_held(facts)}.{alone}"
    where = "" if facts.held_out else " of the examples it learned from; new ones may fall outside more often"
    low, high = chance(facts)
    if high - low > VAGUE:
        few = f"{plural(len(facts.X), 'example')} cannot show much"
        return f"Nothing speaks against its ranges: {_held(facts)}{where}, though {few}.{alone}"
    return f"Its ranges can be believed: {_held(facts)}{where}.{alone}"


def _held(facts: Facts, level: float = LEVEL, share: float | None = None) -> str:
    """Say how many cases were inside ranges; those of counts are made of whole numbers, and hold more."""
    share = share_inside(facts) if share is None else share
    least = "at least " if facts.kind == "counts" and level == LEVEL else ""
    said = f"those meant to hold {least}{percent(level)} of cases held {percent(share)}"
    if facts.bnn.response.censored:
        said += ", where times known in part count by where they may lie"
    return said


def _chances(facts: Facts) -> str:
    off = percent(float(facts.scores["ece"]))
    if chances_off(facts):
        return f"Do not take the chances it states at their word: they are off by {off} on average."
    said = f"they are off by {off} on average, no more than luck explains"
    if not facts.held_out:
        said += ", for the examples it learned from; for new ones they may be off by more"
    if facts.scores["ece"].attrs["limit"] > VAGUE:
        return (
            f"Nothing speaks against the chances it states: {said}. But "
            f"{plural(len(facts.X), 'example')} cannot show much."
        )
    return f"The chances it states can be believed: {said}."


# ----------------------------------------------------------------------------------------- where not, and what next


def _where(facts: Facts, trust: str) -> str:
    if trust == "no":
        return ""
    said = []
    weak = _weak(facts)
    if weak:
        said.append(f"It falls short most clearly where {weak}.")
    unlike = unlike_rows(facts)
    if unlike:
        n = facts.familiarity.attrs["n_out"]
        said.append(
            f"{len(unlike)} of {plural(n, 'new case')} {'is' if len(unlike) == 1 else 'are'} unlike anything it "
            "learned from; rely on it least there."
        )
    elif facts.one_numeric_input:
        x = facts.X_train.iloc[:, 0].to_numpy(dtype=float)
        said.append(
            f"Do not rely on it for {facts.bnn.columns.names[0]} below {plain(x.min())} or above {plain(x.max())}: it "
            "has seen nothing there."
        )
    return " ".join(said)


def _weak(facts: Facts) -> str:
    """Name the group that falls short by most of what chance allows, as in `kind is b`; empty if none does."""
    try:
        short = outside(facts)
    except NotApplicableError:
        return ""
    if not short:
        return ""
    name, output, share = short[0]
    column, _, group = name.rpartition(": ")
    of = f" for {output}" if output else ""
    what = "right for" if facts.kind == "classes" else "its 90 % ranges hold"
    return f"{column} is {group} ({what} only {percent(share)}{of})"


def _next(facts: Facts, trust: str) -> str:
    return f"Next step: {_advice(facts, trust)}."


def _advice(facts: Facts, trust: str) -> str:
    name = listing(facts.bnn.response.names)
    if trust == "no":
        return "run the computation longer, or by another method, before anything is decided"
    if not facts.labelled:
        return f"observe {name} for some of the new rows, and compare"
    if not facts.held_out:
        return "test it on examples it has not seen"
    if only_class(facts):
        return "test it on examples of all classes"
    thing = "chances" if facts.kind == "classes" else "ranges"
    worse, useless = _no_better(facts)
    if worse:
        of = f" for {listing(worse)}" if len(facts.bnn.response.names) > 1 else ""
        better = "since a guess that knows no inputs does better"
        return f"do not use it{of}, {better}; try a smaller model, or another method"
    if facts.n_draws == 1:
        return f"fit it by a method that knows its own doubt, before its {thing} are used"
    if useless:
        return f"look for inputs that say more about {listing(useless)}, since these hardly do"
    if chances_off(facts) if facts.kind == "classes" else any(not d.slight for d in departures(facts)):
        return f"correct its {thing} on fresh examples before they are used"
    if weak := _weak(facts):
        return f"collect more examples where {weak.partition(' (')[0]}"
    if trust != "yes":
        how = "check it against a more exact method" if facts.approximate else "run the computation longer"
        return f"{how} before its {thing} are relied on; the reasons stand below"
    parts = facts.decomposition
    share = float((parts["epistemic"] / parts["total"]).mean())
    if share > MOST:
        return "collect more examples, since most of its doubt comes from having seen too few"
    if share > LITTLE:
        return "use it; more examples would make it somewhat surer, and better inputs more so"
    return (
        "use it; more examples would help little, since most of its doubt is scatter that these inputs cannot explain, "
        "so better ones would help more"
    )


def _no_better(facts: Facts) -> tuple[list[str], list[str]]:
    """Return what the fit predicts clearly worse than a guess that knows no inputs, and what not clearly better."""
    if facts.bnn.response.censored:
        return [], []
    standing = [most_frequent(facts)[2]] if facts.kind == "classes" else guesses(facts)[2]
    pairs = list(zip(facts.bnn.response.names, standing, strict=True))
    return [name for name, s in pairs if s < 0], [name for name, s in pairs if s <= 0]
