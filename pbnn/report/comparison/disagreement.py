"""The rows at which the models disagree most."""

import math

import numpy as np
import xarray as xr

from pbnn.report.blocks import Block, NotApplicableError, Paragraph, Section, Table, attempt
from pbnn.report.comparison.facts import Comparison
from pbnn.report.row_names import names_of_rows, naming_words, row_name
from pbnn.report.words import number, percent, plain

MOST_ROWS, MOST_INPUTS, MOST_MODELS = 10, 5, 6


def disagreement_section(facts: Comparison) -> Section:
    """Say how far the models are apart, and list the rows at which they are farthest."""
    blocks: list[Block] = [
        attempt("How far they are apart", _words, facts),
        *(attempt(_named("Rows", output), _table, facts, output) for output in _outputs(facts)),
    ]
    return Section("disagreement", "Where do they disagree?", tuple(blocks))


def _outputs(facts: Comparison) -> tuple[str | None, ...]:
    return (None,) if facts.kind == "classes" else facts.outputs[:MOST_INPUTS]


def _words(facts: Comparison) -> Paragraph:
    apart = facts.apart["disagreement"].to_numpy()
    apart = apart[np.isfinite(apart)]
    if not len(apart):
        raise NotApplicableError("the predictions have no spread to measure it by.")
    middle, tenth = np.quantile(apart, [0.5, 0.9])
    if facts.kind == "classes":
        most = math.log(len(facts.models))
        return Paragraph(
            "How much the models disagree about a row is measured by the mutual information of class and model: 0 "
            f"if all give the same probabilities, {number(most)} nats if each is sure of another class. At half of "
            f"the rows it is below {number(middle)}, at one in ten above {number(tenth)}."
        )
    return Paragraph(
        "How much the models disagree about a row is measured by the standard deviation of their predictions, in "
        "units of the predictive standard deviation: at 1 they differ by as much as each expects to be off. At "
        f"half of the rows it is below {number(middle)}, at one in ten above {number(tenth)}. Where models that "
        "predict equally well disagree, none of them knows."
    )


def _table(facts: Comparison, output: str | None) -> Table:
    names = names_of_rows(facts.X) if facts.held_out else None
    table = facts.apart if output is None else facts.apart.sel(output=output)
    apart = table["disagreement"].to_numpy()
    chosen = np.argsort(-np.nan_to_num(apart))[:MOST_ROWS]
    columns = facts.X_seen if not facts.first.columns.shape else facts.X_seen.iloc[:, :0]
    columns = columns.iloc[:, :MOST_INPUTS]
    models = table["model"].to_numpy().tolist()
    rows = []
    for i in chosen:
        of = table.isel(obs=int(i))
        at = int(table["obs"][i])
        inputs = (v if isinstance(v, str) else plain(v) for v in columns.iloc[at])
        observed = of["observed"].item()
        rows.append(
            (
                row_name(names, at),
                *inputs,
                str(observed) if facts.kind == "classes" else plain(observed),
                *(_prediction(facts, of.sel(model=name)) for name in models[:MOST_MODELS]),
                number(float(of["disagreement"]), 2),
            )
        )
    head = ("row", *map(str, columns.columns), "observed", *models[:MOST_MODELS], "disagreement")
    data = "held-out data" if facts.held_out else "training data"
    what = "class and its probability" if facts.kind == "classes" else "mean ± standard deviation"
    of_output = f", output {output}" if output else ""
    caption = (
        f"The rows of the {data} at which the models disagree most{of_output}; by each model {what}. "
        f"{naming_words(names)}"
    )
    if len(columns.columns) < facts.X_seen.shape[1] and len(columns.columns):
        caption += f" Of {facts.X_seen.shape[1]} inputs the first {MOST_INPUTS} are shown."
    if len(models) > MOST_MODELS:
        caption += f" Of {len(models)} models the first {MOST_MODELS} are shown."
    words = range(1 + columns.shape[1], len(head) - 1) if facts.kind == "classes" else ()
    return Table(caption, head, tuple(rows), frozenset(range(len(head))).difference(words))


def _prediction(facts: Comparison, of: xr.Dataset) -> str:
    if facts.kind == "classes":
        return f"{of['predicted'].item()} ({percent(float(of['confidence']))})"
    return f"{number(float(of['predicted']))} ± {number(float(of['sd']), 2)}"


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
