"""The top of the comparison: which model predicts best, whether that is chance, and what an average would give."""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from pbnn.assess import is_clear
from pbnn.report.blocks import NotApplicableError
from pbnn.report.comparison.facts import Comparison
from pbnn.report.summary import Head, Number
from pbnn.report.words import listing, number, percent, plural

NEGLIGIBLE = 0.005
"""Weights below it are not worth a word, and those above 1 less it are everything."""
MANY_TIMES = 1000
"""Ratios beyond which the number itself says nothing."""


def summarize_comparison(facts: Comparison, title: str | None) -> Head:
    """Say in one paragraph, one verdict and a few numbers what a reader in a hurry has to know."""
    trust, banner = _outcome(facts)
    return Head(
        title or f"{_counted(len(facts.models))} models of {listing(facts.first.response.names)}",
        " ".join(_sentences(facts)),
        trust,
        banner,
        verdict_of(facts),
        tuple(_caveats(facts)),
        _numbers(facts),
        facts.judged_on,
    )


def verdict_of(facts: Comparison) -> str:
    """Say in a sentence which model predicts best, and whether that may be chance."""
    if facts.table is None:
        return "Which model predicts best cannot be said without rows that were held out."
    return str(facts.table.attrs["verdict"])


def _outcome(facts: Comparison) -> tuple[str, str]:
    table = facts.table
    if table is None:
        return "caution", "No comparison"
    best = str(table["model"].to_numpy()[0])
    if not is_clear(*_gap(table, 1)):
        return "caution", "No clear winner"
    doubtful = facts.diagnoses[best][0] == "no" or bool((table["n_bad"][:2] > 0).any())
    return "caution" if doubtful else "yes", f"{best} predicts best"


def _sentences(facts: Comparison) -> Iterator[str]:
    table = facts.table
    several = f"{_counted(len(facts.models))} models of {listing(facts.first.response.names)}"
    if table is None:
        yield (
            f"{several} stand side by side here. Which predicts best cannot be said: {facts.left_out[1]}, and no "
            "rows were held out. Pass some to have an answer."
        )
        return
    n = plural(table.attrs["n_obs"], "row")
    of = (
        f"{n} that were held out"
        if facts.held_out
        else f"the {n} of training, each predicted from the others"
    )
    yield f"{several} were compared by how well they predict {of}."
    if not np.isfinite(table["elpd"][0]):
        yield "Each of them holds some row for impossible, so none can be said to predict best."
        return
    yield from _first_and_second(table)
    yield from _others(table)
    yield from _mixture_words(facts, table)


def _first_and_second(table: xr.Dataset) -> Iterator[str]:
    best, second = map(_code, table["model"].to_numpy().tolist()[:2])
    gap, se = _gap(table, 1)
    if not math.isfinite(gap):
        yield f"{best} predicts best: all the others hold some row for impossible."
        return
    yield (
        f"{best} {'predicts best' if is_clear(gap, se) else 'comes out first'}, {number(gap)} nats better than "
        f"{second}, the next, over all rows together (standard error {number(se, 2)})."
    )
    times = _times(gap / table.attrs["n_obs"])
    yield f"So it held what was then observed for {times} as likely as {second} did, on average over rows."
    if is_clear(gap, se):
        yield "That is more than chance."
    else:
        yield f"That may be chance: on other rows {second} might be first."


def _others(table: xr.Dataset) -> Iterator[str]:
    rest = range(2, table.sizes["model"])
    names = list(map(_code, table["model"].to_numpy().tolist()))
    near = [names[i] for i in rest if not is_clear(*_gap(table, i)) and math.isfinite(_gap(table, i)[0])]
    far = [names[i] for i in rest if names[i] not in near]
    if near:
        yield f"{listing(near)} {'is' if len(near) == 1 else 'are'} within chance of it too."
    if far:
        yield f"{listing(far)} {'is' if len(far) == 1 else 'are'} clearly behind."


def _mixture_words(facts: Comparison, table: xr.Dataset) -> Iterator[str]:
    assert facts.weighed is not None
    weights = facts.weighed["stacking"]
    shares = sorted(
        zip(weights.to_numpy().tolist(), weights["model"].to_numpy().tolist(), strict=True), reverse=True
    )
    best = _code(table["model"].to_numpy()[0])
    if shares[0][0] > 1 - NEGLIGIBLE:
        yield f"Mixing gains nothing here: the best average is {_code(shares[0][1])} alone."
        return
    parts = [f"{percent(w)} of {_code(name)}" for w, name in shares if w >= NEGLIGIBLE]
    mixture = facts.mixture
    gain, se = float(mixture["elpd_difference"]), float(mixture["difference_se"])
    size = f"{_better(gain)}, standard error {number(se, 2)}"
    if abs(gain) <= 2 * se or not math.isfinite(gain):
        outcome = f"about as well as {best} alone ({size})"
    else:
        outcome = f"{'better' if gain > 0 else 'worse'} than {best} alone ({size})"
    known = (
        ", on the rows that its weights were chosen on, which flatters it"
        if facts.weights_know_the_rows
        else ""
    )
    yield f"The average that promises most takes {listing(parts, 6)}; it predicts {outcome}{known}."


def _better(gain: float) -> str:
    """Write a difference with its direction: `0.84 nats worse`."""
    return f"{number(abs(gain))} nats {'better' if gain >= 0 else 'worse'}"


def _caveats(facts: Comparison) -> Iterator[str]:
    """Say what speaks against the comparison."""
    if facts.seen_by:
        unfair = "its log density there flatters it" if facts.held_out else "they are not taken for such"
        yield f"The rows given as held-out are training rows of {listing(list(facts.seen_by))}, so {unfair}."
    for name, (trust, verdict) in facts.diagnoses.items():
        if trust == "no":
            yield f"{name}: {verdict}"
    left_out = facts.left_out[0]
    if left_out is not None and (left_out is facts.table or left_out is facts.weighed):
        n = left_out.attrs["n_obs"]
        for name, bad in zip(left_out["model"].to_numpy(), left_out["n_bad"].to_numpy(), strict=True):
            if bad:
                rows = f"{bad:,} of {plural(n, 'training row')}"
                yield (
                    f"{name}: {rows} would change the fit too much to be left out by reweighting (Pareto k), so "
                    f"{_rests(facts)}"
                )
    if not facts.held_out and left_out is not None:
        for name, why in facts.not_left_out.items():
            yield f"{name} is not among those compared, because it {why}."


def _rests(facts: Comparison) -> str:
    """Say what is not to be trusted where rows cannot be left out by reweighting."""
    if facts.held_out:
        return (
            "the weights of the average, which are chosen by leaving training rows out, are not to be trusted. The "
            "comparison itself is of held-out rows, and stands."
        )
    return (
        "its log density is not to be trusted, nor are the weights, which rest on it. Judge it on rows that were held "
        "out."
    )


def _numbers(facts: Comparison) -> tuple[Number, ...]:
    table = facts.table
    if table is None:
        return (Number("models", str(len(facts.models)), "not comparable without held-out rows"),)
    gap, se = _gap(table, 1)
    names = table["model"].to_numpy().tolist()
    found = [
        Number("first", str(names[0]), f"of {plural(len(facts.models), 'model')}, by log density"),
        Number("lead", number(gap), f"nats over {names[1]}; standard error {number(se, 2)}"),
        Number(
            "log density",
            number(float(table["elpd"][0]) / table.attrs["n_obs"]),
            "nats per row, of the first",
        ),
    ]
    if facts.weighed is not None:
        top = facts.weighed["stacking"].to_numpy()
        heaviest = str(facts.weighed["model"].to_numpy()[top.argmax()])
        found.append(
            Number("largest weight", percent(round(float(top.max()), 4)), f"of {heaviest}, by stacking")
        )
    try:
        gain = float(facts.mixture["elpd_difference"])
        error = number(float(facts.mixture["difference_se"]), 2)
        found.append(Number("average", _better(gain), f"than the first alone; standard error {error}"))
    except NotApplicableError:
        pass
    return tuple(found)


def _code(name: object) -> str:
    """Set a name off from the words around it."""
    return f"`{name}`"


def _gap(table: xr.Dataset, i: int) -> tuple[float, float]:
    """Return by how many nats a model is behind the first, and the standard error of that."""
    return -float(table["elpd_difference"][i]), float(table["difference_se"][i])


def _times(nats: float) -> str:
    """Write a ratio of densities: `1.24 times`, `more than 1,000 times`."""
    if nats > math.log(MANY_TIMES):
        return f"more than {MANY_TIMES:,} times"
    ratio = math.exp(nats)
    return f"{number(ratio, 4 if ratio < 1.1 else 3)} times"


def _counted(n: int) -> str:
    words = ("Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
    return words[n - 2] if n - 2 < len(words) else f"{n:,}"
