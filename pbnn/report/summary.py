"""The top of the report: what was done, whether to trust it, and the numbers that matter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pbnn.assess import pit_histogram
from pbnn.errors import warn
from pbnn.report.facts import Facts
from pbnn.report.plain_words import chances_off, in_plain_words
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
    trust, verdict = _judge(facts)
    banner, _, reason = verdict.partition(": ")
    names, shape = facts.bnn.columns.names, facts.bnn.columns.shape
    inputs = inputs_words(facts.bnn) if shape or len(names) <= 3 else f"{len(names)} inputs"
    return Head(
        title or f"Predicting {listing(facts.bnn.response.names)} from {inputs}",
        in_plain_words(facts, trust),
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
        if chances_off(facts):
            yield (
                f"On the {facts.judged_on} the probabilities of the predicted classes are off by "
                f"{percent(float(facts.scores['ece']))} on average, more than chance explains: do not take them at "
                "their word."
            )
        return
    shapes = pit_histogram(facts.rows)["shape"]
    for output in facts.outputs:
        shape = str(shapes.item() if output is None else shapes.sel(output=output).item())
        if shape != "about right":
            of = f" of {output}" if output else ""
            yield (
                f"On the {facts.judged_on} the predictive distributions{of} are {shape}: do not take the intervals at "
                "their word."
            )


def _coverage(scores: xr.Dataset, level: float = 0.9) -> float:
    return float(scores["coverage"].sel(level=level, method="nearest").mean())


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
            Number("coverage", percent(_coverage(scores)), "of rows inside the 90 % interval"),
        ]
    return (*quality, *_sampling_numbers(facts))


def _sampling_numbers(facts: Facts) -> tuple[Number, ...]:
    try:
        attrs: Mapping[str, object] = facts.diagnosis.attrs
    except Exception:  # `_judge` has warned of it
        return ()
    wanted = (
        ("r_hat_max", "R-hat", "worst input; at most 1.01 is good"),
        ("ess_bulk_min", "effective draws", "worst input; 400 or more is good"),
        ("mcse_share_max", "MCSE", "error of the worst mean by the number of draws, in posterior sd"),
        ("bias", "bias", "of the means by the step size, in posterior sd; 0 if chance explains it"),
        ("restarts", "restarts", "of chains that froze, diverged or got stuck"),
        ("k_hat", "Pareto k", "of the approximation; below 0.7 is good"),
    )
    values = [(name, float(attrs.get(key, np.nan)), hint) for key, name, hint in wanted]  # type: ignore[arg-type]
    return tuple(
        Number(name, _short(name, value), hint) for name, value, hint in values if np.isfinite(value)
    )


def _short(name: str, value: float) -> str:
    if name in ("effective draws", "restarts"):
        return f"{value:,.0f}"
    return number(value, 2 if name in ("MCSE", "bias") else 4)
