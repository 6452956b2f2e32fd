"""The paragraph for those who read nothing else: what the fit is worth, computed from the numbers, without jargon."""

from collections.abc import Callable

import numpy as np

from pbnn.assess import coverage, pit_histogram
from pbnn.errors import warn
from pbnn.predict.angles import around, mean_direction
from pbnn.report.blocks import NotApplicableError
from pbnn.report.facts import Facts
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
    sentences = (_what(facts), *(_attempt(say, facts, trust) for say in (_good, _honest, _where, _next)))
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
    off, naive, better = guesses(facts)
    if len(off) == 1:
        beside = _against("always guessing the average", naive[0], off[0], better[0])
        return f"{where} it is typically off by {number(off[0])}; {beside}."
    each = [
        f"{name} by {number(o)} ({_against('guessing the average', g, o, b)})"
        for name, o, g, b in zip(facts.bnn.response.names, off, naive, better, strict=True)
    ]
    return f"{where} it is typically off as follows: {'; '.join(each[:4])}{'; and others' if len(each) > 4 else ''}."


def _against(guess: str, naive: float, off: float, better: bool) -> str:
    if not better:
        return f"{guess} would be off by {number(naive)}, so it is not clearly better than that"
    return f"{guess} would be off by {number(naive)}, so it does away with {percent(1 - off / naive)} of that error"


def guesses(facts: Facts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each output the typical error, that of always guessing the training average, and who is better.

    A fit is better if its squared errors are smaller by `CLEAR` standard errors.
    """
    rows = facts.rows
    seen = rows["observed"].to_numpy().reshape(rows.sizes["obs"], -1)
    wrong = rows["residual"].to_numpy().reshape(len(seen), -1)
    train = np.asarray(facts.y_train, dtype=float).reshape(len(facts.y_train), -1)
    if facts.bnn.response.circular:
        naive = around(seen, mean_direction(train)) - mean_direction(train)
    else:
        naive = seen - train.mean(axis=0)
    return _rms(wrong), _rms(naive), _clear(naive**2 - wrong**2)


def most_frequent(facts: Facts) -> tuple[str, float, bool]:
    """Return the most frequent class of training, how often it is right, and whether the fit is clearly better."""
    labels, counts = np.unique(np.asarray(facts.y_train).astype(str), return_counts=True)
    usual = str(labels[counts.argmax()])
    naive = facts.rows["observed"].to_numpy().astype(str) == usual
    return (
        usual,
        float(naive.mean()),
        bool(_clear(facts.rows["correct"].to_numpy()[:, None] - naive[:, None])[0]),
    )


def _right(facts: Facts) -> str:
    usual, naive, better = most_frequent(facts)
    right = percent(float(facts.rows["correct"].mean()))
    text = (
        f"it names the right class for {right}; always naming the most frequent one ({usual}) would be right for "
        f"{percent(naive)}"
    )
    return f"{text}." if better else f"{text}, so it is not clearly better than that."


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt((values**2).mean(axis=0))


def _clear(gain: np.ndarray) -> np.ndarray:
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return gain.mean(axis=0) > CLEAR * error


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
    held = coverage(facts.rows, [0.9]).isel(level=0)
    share = float(held["coverage"].mean())
    said = f"those meant to hold 90 % of cases held {percent(share)}"
    if facts.bnn.response.censored:
        said += ", where times known in part count by where they may lie"
    wrong = _wrong_shapes(facts)
    if wrong:
        return f"Do not take its ranges at their word: they are {listing(wrong)} ({said}).{alone}"
    low, high = float(held["lower"]), float(held["upper"])
    if not low <= share <= high and len(facts.outputs) == 1:
        way = "too narrow" if share < low else "wider than needed"
        return f"Its ranges are a little {way}: {said}.{alone}"
    where = "" if facts.held_out else " of the examples it learned from; new ones may fall outside more often"
    if high - low > VAGUE:
        few = f"{plural(facts.rows.sizes['obs'], 'example')} cannot show much"
        return f"Nothing speaks against its ranges: {said}{where}, though {few}.{alone}"
    return f"Its ranges can be believed: {said}{where}.{alone}"


def _wrong_shapes(facts: Facts) -> list[str]:
    shapes = pit_histogram(facts.rows)["shape"]
    found = []
    for output in facts.outputs:
        shape = str(shapes.item() if output is None else shapes.sel(output=output).item())
        if shape != "about right":
            found.append(f"{shape} for {output}" if output else shape)
    return found


def chances_off(facts: Facts) -> bool:
    """Whether probabilities of classes are off by more than chance explains."""
    ece = facts.scores["ece"]
    return float(ece) > ece.attrs["limit"]


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
        said.append(f"It is least reliable where {weak}.")
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
    """Name the worst group, as in `kind is b`; empty if none falls short."""
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
    if facts.n_draws == 1:
        return "fit it by a method that knows its own doubt, before its ranges are used"
    if not _useful(facts):
        return f"look for inputs that say more about {name}, since these hardly do"
    wrong = chances_off(facts) if facts.kind == "classes" else bool(_wrong_shapes(facts))
    if wrong:
        what = "chances" if facts.kind == "classes" else "ranges"
        return f"correct its {what} on fresh examples before they are used"
    if weak := _weak(facts):
        return f"collect more examples where {weak.partition(' (')[0]}"
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


def _useful(facts: Facts) -> bool:
    if facts.kind == "classes":
        return most_frequent(facts)[2]
    return facts.bnn.response.censored or bool(guesses(facts)[2].any())
