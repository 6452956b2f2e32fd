"""Whether the predictions are right, and what they say of their own uncertainty."""

from collections.abc import Callable

import xarray as xr

from pbnn.assess import coverage, pit_histogram, reliability
from pbnn.plots import plot_coverage, plot_pit, plot_reliability
from pbnn.report.blocks import Block, Paragraph, Picture, Section, Table, attempt, draw, group
from pbnn.report.facts import Facts
from pbnn.report.words import number, percent, plural

MOST_OUTPUTS = 4
NAMES = {
    "rmse": "root mean squared error ↓",
    "crps": "continuous ranked probability score ↓",
    "accuracy": "share of rows classified right ↑",
    "brier": "Brier score ↓",
    "ece": "expected calibration error ↓",
    "lpd": "log predictive density, nats per row ↑",
}


def calibration_section(facts: Facts) -> Section:
    """Score the predictions, and look at residuals and calibration."""
    tables = [attempt("Scores", _scores, facts)]
    if facts.kind != "classes":
        tables.append(attempt("Intervals", _intervals, facts))
    if facts.kind == "classes":
        figures = _class_figures(facts)
    else:
        figures = [
            figure
            for output in facts.outputs[:MOST_OUTPUTS]
            for figure in (
                attempt(_named("Coverage of intervals", output), _coverage, facts, output),
                attempt(_named("Calibration (PIT)", output), _pit, facts, output),
            )
        ]
    blocks = (Paragraph(_words(facts)), group(*tables), group(*figures))
    return Section("calibration", "How good are the predictions?", blocks)


def _words(facts: Facts) -> str:
    if facts.held_out:
        return "Everything here is judged on data that the fit has not seen."
    return (
        "No held-out data were given, so the fit is judged on the data it was trained on. That flatters it: expect "
        "larger errors, and intervals that hold less, on new data. Pass X_test and y_test for an honest answer."
    )


def _scores(facts: Facts) -> Table:
    scores, rows = facts.scores, []
    for name, words in NAMES.items():
        if name in scores:
            write = percent if name == "accuracy" else number
            rows.append((words, _each(scores[name], write), _each(scores[f"{name}_se"], write)))
    caption = (
        f"Scores on the {facts.judged_on} ({plural(len(facts.y), 'row')}). The standard error says how far a score "
        "might move with other rows of the same kind; the arrow says which way is better."
    )
    return Table(caption, ("score", "value", "standard error"), tuple(rows), frozenset({1, 2}), wrap=True)


def _intervals(facts: Facts) -> Table:
    scores = facts.scores
    rows = []
    for level in scores["level"].values:
        at = scores.sel(level=level)
        rows.append(
            (
                percent(level),
                _each(at["coverage"], percent),
                _each(at["coverage_se"], percent),
                _each(at["width"], number),
            )
        )
    head = ("interval", "rows inside", "standard error", "mean width")
    caption = "How many rows lie inside the central predictive intervals, and how wide these are."
    return Table(caption, head, tuple(rows), frozenset({1, 2, 3}), wrap=True)


def _each(value: xr.DataArray, write: Callable[[float], str]) -> str:
    return " · ".join(write(v) for v in value.to_numpy().ravel())


def _coverage(facts: Facts, output: str | None) -> Picture:
    return draw(
        plot_coverage,
        coverage(facts.rows),
        output=output,
        title=_named("Coverage of intervals", output),
        alt=f"Share of observations inside central intervals against their probability, on the {facts.judged_on}.",
        caption="Below the dashed line intervals are too narrow (overconfident), above it too wide. Within the band "
        "the difference may be chance.",
    )


def _pit(facts: Facts, output: str | None) -> Picture:
    rows = facts.rows if output is None else facts.rows.sel(output=output)
    table = pit_histogram(rows, bins=min(20, max(5, rows.sizes["obs"] // 10)))
    verdict = f"Here the predictive distributions look {table['shape'].item()}."
    return draw(
        plot_pit,
        table,
        title=_named("Calibration (PIT)", output),
        alt=f"Histogram of probability integral transforms on the {facts.judged_on}. {verdict}",
        caption="How far into its predictive distribution each observation falls. Flat is right; a U means too "
        f"narrow, a hump too wide, a slope biased. {verdict}",
    )


def _class_figures(facts: Facts) -> list[Block]:
    labels = facts.bnn.response.classes
    if len(labels) == 2:
        return [attempt("Reliability", _reliability, facts, labels[1])]
    figures = [attempt("Reliability", _reliability, facts, None)]
    if len(labels) <= 5:
        figures += [attempt(f"Reliability: {label}", _reliability, facts, label) for label in labels]
    return figures


def _reliability(facts: Facts, label: object) -> Picture:
    of = "the predicted class" if label is None else f"“{facts.response_name} = {label}”"
    table = reliability(facts.rows, label=label)
    return draw(
        plot_reliability,
        table,
        of=of,
        title="Reliability" if label is None else f"Reliability: {label}",
        alt=f"Observed frequency of {of} against its predicted probability, on the {facts.judged_on}.",
        caption=f"When the fit gives {of} a probability, how often is it so? On the dashed line the probabilities "
        "are right; bars show where a point would lie 95 times in 100 if they were.",
    )


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
