"""Scores of the models and of their average on rows not seen."""

from collections.abc import Callable

import xarray as xr

from pbnn.report.blocks import Block, Group, Note, Paragraph, Section, Table, attempt, group
from pbnn.report.comparison.facts import MIXTURE, Comparison
from pbnn.report.words import number, percent, plural

NAMES = {
    "lpd": "Log predictive density, nats per row ↑",
    "rmse": "Root mean squared error of the mean ↓",
    "crps": "Continuous ranked probability score ↓",
    "energy": "Energy score of all outputs together ↓",
    "accuracy": "Share of rows classified right ↑",
    "brier": "Brier score ↓",
    "auroc": "Area under the ROC curve ↑",
    "ece": "Expected calibration error ↓",
}


def scores_section(facts: Comparison) -> Section:
    """Show each score of all models beside each other."""
    blocks: list[Block] = [attempt("Scores", _tables, facts)]
    if facts.held_out:
        blocks.insert(0, Paragraph(_words(facts)))
        if facts.averaged[0] is None:
            blocks.append(Note((f"Scores of the {MIXTURE}",), facts.averaged[1]))
    return Section("scores", "Scores", tuple(blocks))


def _words(facts: Comparison) -> str:
    text = (
        f"On {plural(len(facts.y), 'held-out row')}. The standard error says how far a score might move with other "
        "rows of the same kind; the Monte Carlo error how far with other draws of the weights. The arrow says "
        "which way is better. All models face the same rows, so differences are surer than these errors suggest."
    )
    if not facts.weights_know_the_rows:
        text += f" The weights of the {MIXTURE} come from the training rows, so it too meets these for the first time."
    return text


def _tables(facts: Comparison) -> Group:
    scores = facts.scores
    first = next(iter(scores.values()))
    return group(*(_table(scores, name) for name in NAMES if name in first))


def _table(scores: dict[str, xr.Dataset], name: str) -> Table:
    write = percent if name == "accuracy" else number
    short = percent if name == "accuracy" else _two_digits
    rows = tuple(
        (model, _each(of[name], write), _each(of[f"{name}_se"], short), _each(of[f"{name}_mcse"], short))
        for model, of in scores.items()
        if name in of
    )
    head = ("model", "score", "standard error", "Monte Carlo error")
    return Table(NAMES[name], head, rows, frozenset({1, 2, 3}), wrap=True)


def _two_digits(value: float) -> str:
    return number(value, 2)


def _each(value: xr.DataArray, write: Callable[[float], str]) -> str:
    return " · ".join(write(v) for v in value.to_numpy().ravel())
