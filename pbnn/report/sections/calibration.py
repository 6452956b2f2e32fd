"""Whether the predictions are right, and what they say of their own uncertainty."""

from collections.abc import Callable

import xarray as xr

from pbnn.assess import class_calibration, coverage, pit_ecdf, pit_histogram, reliability
from pbnn.plots import plot_class_calibration, plot_coverage, plot_pit, plot_pit_ecdf, plot_reliability
from pbnn.report.blocks import (
    Block,
    Details,
    NotApplicableError,
    Note,
    Paragraph,
    Picture,
    Section,
    Table,
    attempt,
    draw,
    group,
)
from pbnn.report.facts import Facts
from pbnn.report.words import number, percent, plural, recalibration_words

MOST_OUTPUTS = 4
FEWEST_ROWS = 2
NAMES = {
    "rmse": "root mean squared error ↓",
    "crps": "continuous ranked probability score ↓",
    "energy": "energy score of all outputs, in units of their scales ↓",
    "accuracy": "share of rows classified right ↑",
    "f1": "F1 score, averaged over classes ↑",
    "auroc": "area under the ROC curve ↑",
    "brier": "Brier score ↓",
    "ece": "expected calibration error ↓",
    "lpd": "log predictive density, nats per row ↑",
    "sharpness": "sharpness ↓ (among calibrated fits)",
}
MOST_NAMED = 5
SHARES = ("accuracy", "f1", "auroc")


def calibration_section(facts: Facts) -> Section:
    """Score the predictions, and look at residuals and calibration."""
    tables = [attempt("Scores", _scores, facts)]
    if facts.kind != "classes":
        tables.append(attempt("Intervals", _intervals, facts))
        tables.append(attempt("Quantiles", _quantiles, facts))
    if facts.kind == "classes":
        figures = _class_figures(facts)
    else:
        figures = [
            figure
            for output in facts.outputs[:MOST_OUTPUTS]
            for figure in (
                attempt(_named("Coverage of intervals", output), _coverage, facts, output),
                attempt(_named("Calibration (PIT)", output), _pit, facts, output),
                attempt(_named("Calibration at all levels (PIT-ECDF)", output), _pit_ecdf, facts, output),
            )
        ]
    # Tables are too wide to stand side by side; notes of those missing join those of figures.
    missing = [block for block in tables if isinstance(block, Note)]
    shown = [block for block in tables if not isinstance(block, Note)]
    blocks = (Paragraph(_words(facts)), *shown, group(*missing, *figures))
    return Section("calibration", "How good are the predictions?", blocks)


def _words(facts: Facts) -> str:
    corrected = recalibration_words(facts.idata)
    if not facts.labelled:
        return f"No observations came with the new rows, so predictions there cannot be judged.{corrected}"
    if facts.held_out:
        return f"Everything here is judged on data that the fit has not seen.{corrected}"
    if facts.seen_before:
        return (
            "The rows given as held-out are training rows, so the fit is judged on data it was trained on. That "
            "flatters it: expect larger errors, and intervals that hold less, on new data. Pass rows it has not seen "
            f"as X_test and y_test for an honest answer.{corrected}"
        )
    return (
        "No held-out data were given, so the fit is judged on the data it was trained on. That flatters it: expect "
        "larger errors, and intervals that hold less, on new data. Pass X_test and y_test for an honest answer."
        f"{corrected}"
    )


def _scores(facts: Facts) -> Table:
    scores, rows = facts.scores, []
    for name, words in NAMES.items():
        if name in scores:
            write = percent if name in SHARES else number
            rows.append((words, *_with_errors(scores, name, write)))
    caption = (
        f"Scores on the {facts.judged_on} ({plural(len(facts.X), 'row')}). The standard error says how far a score "
        "might move with other rows of the same kind, the Monte Carlo error how far with other draws of the weights; "
        "the arrow says which way is better."
    )
    head = ("score", "value", "standard error", "Monte Carlo error")
    return Table(caption, head, tuple(rows), frozenset({1, 2, 3}), wrap=True)


def _with_errors(
    scores: xr.Dataset, name: str, write: Callable[[float], str] = number
) -> tuple[str, str, str]:
    """Return a score, its standard error and its Monte Carlo error, in words."""
    return (
        _each(scores[name], write),
        *(_each(scores[part], write) if part in scores else "–" for part in (f"{name}_se", f"{name}_mcse")),
    )


def _intervals(facts: Facts) -> Table:
    scores = facts.scores
    rows = []
    for level in scores["level"].values:
        at = scores.sel(level=level)
        inside = _with_errors(at, "coverage", percent)
        rows.append((percent(level), *inside, _each(at["width"]), _each(at["interval_score"])))
    head = ("interval", "rows inside", "standard error", "Monte Carlo error", "mean width", "score ↓")
    caption = (
        "How many rows lie inside the central predictive intervals, and how wide these are. The interval score adds "
        "to the width what a row outside costs."
    )
    return Table(caption, head, tuple(rows), frozenset(range(1, 6)), wrap=True)


def _quantiles(facts: Facts) -> Details:
    scores = facts.scores
    at = [scores.sel(quantile=q) for q in scores["quantile"].values]
    rows = tuple((percent(s["quantile"].item()), *_with_errors(s, "quantile_loss")) for s in at)
    head = ("quantile", "loss ↓", "standard error", "Monte Carlo error")
    caption = "Quantile (pinball) loss: how good each quantile is as a forecast, in units of the response."
    return Details("Loss of quantiles", blocks=(Table(caption, head, rows, frozenset({1, 2, 3})),))


def _each(value: xr.DataArray, write: Callable[[float], str] = number) -> str:
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


def _pit_ecdf(facts: Facts, output: str | None) -> Picture:
    rows = facts.rows if output is None else facts.rows.sel(output=output)
    if not facts.held_out:
        raise NotApplicableError(
            "no held-out data were given. The figure of leave-one-out calibration, further below, answers the question "
            "from the training data."
        )
    if rows["pit"].notnull().sum() < FEWEST_ROWS:
        raise NotApplicableError("it takes two rows or more.")
    table = pit_ecdf(rows, seed=facts.seed)
    verdict = "stays inside the band" if bool(table["inside"]) else "leaves the band"
    return draw(
        plot_pit_ecdf,
        table,
        title=_named("Calibration at all levels (PIT-ECDF)", output),
        alt="Difference from uniform of the distribution of probability integral transforms, with a band; the line "
        f"{verdict}.",
        caption="The same as the histogram, without bins. If the predictive distributions are right, the whole line "
        f"stays inside the band 95 times in 100. Here it {verdict}.",
    )


def _class_figures(facts: Facts) -> list[Block]:
    labels = facts.bnn.response.classes
    if len(labels) == 2:
        return [attempt("Reliability", _reliability, facts, labels[1])]
    figures = [attempt("Reliability", _reliability, facts, None)]
    figures.append(attempt("Calibration of each class", _by_class, facts))
    if len(labels) <= 5:
        figures += [attempt(f"Reliability: {label}", _reliability, facts, label) for label in labels]
    return figures


def _by_class(facts: Facts) -> Picture:
    table = class_calibration(facts.rows)
    off = table["class"].values[(table["ece"] > table["ece_limit"]).to_numpy()].tolist()
    n = table.sizes["class"]
    if off:
        names = ", ".join(map(str, off[:MOST_NAMED])) + (" and others" if len(off) > MOST_NAMED else "")
        said = f" For {len(off)} of {n} classes that is more than chance explains: {names}."
    else:
        said = f" For none of the {n} classes is that more than chance explains, so none stands out."
    return draw(
        plot_class_calibration,
        table,
        title="Calibration of each class",
        alt=f"Calibration error of each class on the {facts.judged_on}, beside what chance alone would give.",
        caption="How far the probability of each class is off from how often it occurs, on average; chance alone "
        f"gives something too.{said}",
    )


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
