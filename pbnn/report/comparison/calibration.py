"""Whether the models know how sure they may be, side by side."""

import xarray as xr

from pbnn.assess import coverage, pit_histogram, reliability
from pbnn.plots import plot_coverage, plot_reliability
from pbnn.report.blocks import Block, Paragraph, Picture, Section, Table, attempt, draw, group
from pbnn.report.comparison.facts import MIXTURE, Comparison
from pbnn.report.words import number, percent

LEVELS = (0.5, 0.8, 0.9, 0.95)
MOST_FIGURES = 8


def calibration_section(facts: Comparison) -> Section:
    """Show the calibration of each model."""
    make = _reliability if facts.kind == "classes" else _coverage
    wanted = [(name, rows, output) for name, rows in _rows(facts).items() for output in _outputs(facts)]
    figures = [
        attempt(_named(name, output), make, facts, name, rows, output)
        for name, rows, output in wanted[:MOST_FIGURES]
    ]
    table = attempt("Calibration", _classes if facts.kind == "classes" else _numbers, facts)
    blocks: list[Block] = [Paragraph(_words(facts, len(wanted))), table, group(*figures)]
    return Section("calibration", "Do they know how sure they may be?", tuple(blocks))


def _outputs(facts: Comparison) -> tuple[str | None, ...]:
    return (None,) if facts.kind == "classes" else facts.outputs


def _rows(facts: Comparison) -> dict[str, xr.Dataset]:
    """Return the judged rows of each model, and of the average if it meets them for the first time."""
    together = facts.averaged[0] if facts.held_out else None
    return facts.rows if together is None else {**facts.rows, MIXTURE: together[0]}


def _words(facts: Comparison, n: int) -> str:
    where = "On the held-out rows."
    if not facts.held_out:
        where = (
            "On the training rows, which flatters the models: expect intervals to hold less, and probabilities to be "
            "off by more, on new rows."
        )
    shown = f" Of {n} figures the first {MOST_FIGURES} are shown." if n > MOST_FIGURES else ""
    return f"A model that is sure of itself should be right as often as it says. {where}{shown}"


def _numbers(facts: Comparison) -> Table:
    rows = []
    for name, of in _rows(facts).items():
        inside, shapes = coverage(of, LEVELS), pit_histogram(of)["shape"]
        shares = [_each(inside["coverage"].sel(level=level)) for level in LEVELS]
        rows.append((name, *shares, " · ".join(map(str, shapes.to_numpy().ravel()))))
    band = coverage(next(iter(facts.rows.values())), LEVELS)
    spans = [
        f"{percent(float(band['lower'].sel(level=level)))} to {percent(float(band['upper'].sel(level=level)))}"
        for level in LEVELS
    ]
    rows.append(("by chance, if right", *spans, ""))
    head = ("model", *(f"{percent(level)} interval" for level in LEVELS), "predictive distributions are")
    several = f" Outputs: {', '.join(str(o) for o in facts.outputs)}." if len(facts.outputs) > 1 else ""
    caption = (
        "Share of the rows that lie inside central predictive intervals; in the last line where it would be, 95 "
        f"times in 100, if the intervals were right.{several}"
    )
    return Table(caption, head, tuple(rows), frozenset(range(1, 5)))


def _each(values: xr.DataArray) -> str:
    return " · ".join(percent(float(v)) for v in values.to_numpy().ravel())


def _classes(facts: Comparison) -> Table:
    rows = []
    for name, of in _rows(facts).items():
        table = reliability(of)
        values = (float(table[key]) for key in ("ece", "ece_if_calibrated", "ece_debiased"))
        rows.append((name, *(number(value, 2) for value in values)))
    caption = (
        "Expected calibration error of the predicted class: the mean gap between its probability and how often it "
        "is right; it is never 0 in finite data, so beside it stands what chance alone would give, and what is "
        "left without that."
    )
    head = ("model", "calibration error", "by chance, if right", "debiased")
    return Table(caption, head, tuple(rows), frozenset({1, 2, 3}), wrap=True)


def _coverage(facts: Comparison, name: str, rows: xr.Dataset, output: str | None) -> Picture:
    return draw(
        plot_coverage,
        coverage(rows),
        output=output,
        title=_named(name, output),
        alt=f"Share of observations inside central intervals by {name} against their probability.",
        caption="Below the dashed line intervals are too narrow, above it too wide; within the band it may be chance.",
    )


def _reliability(facts: Comparison, name: str, rows: xr.Dataset, output: str | None) -> Picture:
    labels = facts.first.response.classes
    label = labels[1] if len(labels) == 2 else None
    of = "the predicted class" if label is None else f"“{facts.first.response.names[0]} = {label}”"
    return draw(
        plot_reliability,
        reliability(rows, label=label),
        of=of,
        title=name,
        alt=f"Observed frequency of {of} against its probability by {name}.",
        caption="On the dashed line the probabilities are right; bars show where a point would lie 95 times in 100 "
        "if they were.",
    )


def _named(name: str, output: str | None) -> str:
    return f"{name}: {output}" if output else name
