"""The top of the report: what was done, whether to trust it, and the numbers that matter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pbnn.assess import wording
from pbnn.assess.chain_findings import BIAS
from pbnn.errors import warn
from pbnn.report.facts import Facts
from pbnn.report.plain_words import in_plain_words, only_class
from pbnn.report.ranges import chances_off, departures, far_off, share_inside
from pbnn.report.words import inputs_words, listing, method_words, network_words, number, percent, plural


@dataclass(frozen=True, slots=True)
class Number:
    """A key number: its name, its value, and what it is in a few words."""

    name: str
    value: str
    hint: str


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the chapters.

    Attributes
    ----------
    paragraph
        For a reader who knows nothing of the method.
    technical
        What was fitted to what, and how.
    trust
        "yes", "caution" or "no".
    banner, verdict
        The judgement of convergence in a few words, and the sentence that gives the reasons.
    caveats
        What speaks against the predictions although the method may have converged.
    judged_on
        The data behind the numbers; empty if there is nothing to judge.
    """

    title: str
    paragraph: str
    trust: str
    banner: str
    verdict: str
    caveats: tuple[str, ...]
    numbers: tuple[Number, ...]
    judged_on: str
    technical: str = ""


def summarize(facts: Facts, title: str | None) -> Head:
    """Say in one paragraph, one verdict and a few numbers what a reader in a hurry has to know."""
    computed, verdict = _judge(facts)
    trust, verdict = _with_ranges(facts, computed, verdict)
    banner, _, reason = verdict.partition(": ")
    names, shape = facts.bnn.columns.names, facts.bnn.columns.shape
    inputs = inputs_words(facts.bnn) if shape or len(names) <= 3 else f"{len(names)} inputs"
    return Head(
        title or f"Predicting {listing(facts.bnn.response.names)} from {inputs}",
        in_plain_words(facts, computed),
        trust,
        banner,
        f"{reason[:1].upper()}{reason[1:]}",
        tuple(_caveats(facts)),
        _numbers(facts),
        _basis(facts),
        _what(facts),
    )


def _basis(facts: Facts) -> str:
    if facts.seen_before:
        return f"{facts.judged_on}: the rows given as held-out are among the rows that it was fitted to"
    return facts.judged_on if facts.labelled else ""


def _judge(facts: Facts) -> tuple[str, str]:
    try:
        attrs = facts.diagnosis.attrs
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        warn(f"report: the fit could not be judged ({reason}).")
        return (
            "no",
            f"Do not trust the predictions: whether the method converged could not be judged ({reason}).",
        )
    return str(attrs["trust"]), str(attrs["verdict"])


def _with_ranges(facts: Facts, trust: str, verdict: str) -> tuple[str, str]:
    """Let the verdict on the computation stand only if what was observed does not refute the ranges it gives."""
    missed = "" if trust == "no" or not facts.labelled else far_off(facts)
    if not missed:
        return trust, verdict
    _, _, reason = verdict.partition(": ")
    return "no", f"Do not trust the uncertainty: {missed}. Of the computation: {reason}"


def _what(facts: Facts) -> str:
    words = network_words(facts.bnn)
    return (
        f"{words[0].upper()}{words[1:]} was fitted to {plural(len(facts.y_train), 'row')}, to predict "
        f"{listing(facts.bnn.response.names)} from {inputs_words(facts.bnn)}. {method_words(facts.idata)}."
    )


def _caveats(facts: Facts) -> Iterator[str]:
    """Say where the data contradict the predictions."""
    if not facts.labelled:
        return
    if facts.kind == "classes":
        if one := only_class(facts):
            yield (
                f"All held-out rows are of the class {one}: accuracy and calibration there say nothing of other "
                "classes."
            )
        if chances_off(facts):
            yield (
                f"On the {facts.judged_on} the probabilities of the predicted classes are off by "
                f"{percent(float(facts.scores['ece']))} on average, more than chance explains: do not take them at "
                "their word."
            )
        return
    for wrong in departures(facts):
        if not wrong.slight:
            of = f" of {wrong.output}" if wrong.output else ""
            yield (
                f"On the {facts.judged_on} the predictive distributions{of} are {wrong.words}: do not take the "
                "intervals at their word."
            )


def _numbers(facts: Facts) -> tuple[Number, ...]:
    if not facts.labelled:
        return _sampling_numbers(facts)
    scores = facts.scores
    if facts.kind == "classes":
        quality = [
            Number("accuracy", percent(float(scores["accuracy"])), "rows classified right"),
            Number("log density", number(scores["lpd"]), "nats per row; higher is better"),
            Number("Brier", number(scores["brier"]), "squared error of probabilities; lower is better"),
            Number("ECE", number(scores["ece"]), "calibration error; lower is better"),
        ]
    else:
        each = [number(value) for value in np.ravel(scores["rmse"])]
        quality = [
            Number("RMSE", " · ".join(each), "typical error, in units of the response"),
            Number("log density", number(scores["lpd"]), "nats per row; higher is better"),
            Number(
                "CRPS",
                " · ".join(number(v) for v in np.ravel(scores["crps"])),
                "error of the whole distribution; lower is better",
            ),
            Number("coverage", percent(share_inside(facts)), "of rows inside the 90 % interval"),
        ]
    return (*quality, *_sampling_numbers(facts))


def _sampling_numbers(facts: Facts) -> tuple[Number, ...]:
    try:
        attrs: Mapping[Any, Any] = facts.diagnosis.attrs
    except Exception:  # `_judge` has warned of it
        return ()

    def value(key: str) -> float:
        return float(attrs.get(key, np.nan))

    found = [
        ("R-hat", value("r_hat_max"), wording.r_hat, "worst input; at most 1.01 is good"),
        (
            "effective draws",
            value("ess_bulk_min") if facts.approximate else min(value("ess_bulk_min"), value("ess_tail_min")),
            _whole,
            "worst input; 400 or more is good",
        ),
        (
            "MCSE",
            value("mcse_share_max"),
            _two_digits,
            "error of the worst mean by the number of draws, in posterior sd",
        ),
        ("restarts", value("restarts"), _whole, "of chains that froze, diverged or got stuck"),
        ("Pareto k", value("k_hat"), number, "of the approximation; below 0.7 is good"),
    ]
    tiles = [Number(name, write(of), hint) for name, of, write, hint in found if np.isfinite(of)]
    return (*tiles, *_bias(value("bias"), value("bias_mcse")))


def _bias(size: float, error: float) -> Iterator[Number]:
    """Say what the step size does to predictions: unknown, none seen, or how much."""
    if not np.isfinite(size + error):
        return
    known = f"of predictions by the step size, known to {error:.1g} posterior sd"
    if error > BIAS:
        yield Number("bias", "unknown", f"{known} only")
    elif size <= error:
        yield Number("bias", "none seen", known)
    else:
        yield Number("bias", f"{size:.1g} sd", f"{known}; below {BIAS} is good")


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _two_digits(value: float) -> str:
    return number(value, 2)
