"""What the model does not know, and what cannot be known."""

import numpy as np
import xarray as xr

from pbnn.plots import plot_uncertainty
from pbnn.plots.style import one_output, summary_of
from pbnn.report.blocks import (
    WIDE,
    Block,
    NotApplicableError,
    Paragraph,
    Picture,
    Section,
    Table,
    attempt,
    draw,
    group,
)
from pbnn.report.facts import Facts
from pbnn.report.words import number, plain

MOST_OUTPUTS, MOST_ROWS, MOST_INPUTS = 4, 8, 4


def uncertainty_section(facts: Facts) -> Section:
    """Part the predictive uncertainty into epistemic and aleatoric, and name the rows the model knows least about."""
    text = (
        "Predictions are uncertain for two reasons. Epistemic uncertainty is about the function: other weights would "
        "fit these data as well; more data would narrow it. Aleatoric uncertainty is noise: more data would not help."
    )
    outputs = facts.outputs[:MOST_OUTPUTS]
    figures = [attempt(_named("Two kinds of uncertainty", o), _parts, facts, o) for o in outputs]
    blocks: list[Block] = [Paragraph(text), group(*figures)]
    if facts.n_draws > 1:
        blocks += [attempt(_named("Least known rows", o), _least_known, facts, o) for o in outputs]
    return Section("uncertainty", "What the fit knows, and what it does not", tuple(blocks))


def _need_draws(facts: Facts) -> None:
    if facts.n_draws == 1:
        raise NotApplicableError(
            "the fit is a single point in the space of weights, so it has no epistemic uncertainty to show. It does "
            "not know what it does not know; fit with NUTS or ADVI to find out."
        )


def _parts(facts: Facts, output: str | None) -> Picture:
    _need_draws(facts)
    entropy = facts.kind == "classes"
    where = (
        f"along {facts.bnn.columns.names[0]}"
        if facts.one_numeric_input
        else f"of each row of the {facts.judged_on}"
    )
    unit = (
        "entropies in nats; the epistemic part is the mutual information between class and weights"
        if entropy
        else "standard deviations in the units of the response"
    )
    return draw(
        plot_uncertainty,
        facts.curve if facts.one_numeric_input else facts.at_rows if entropy else facts.rows,
        output=output,
        title=_named("Two kinds of uncertainty", output),
        alt=f"Epistemic and aleatoric uncertainty {where}.",
        caption=f"Epistemic and aleatoric uncertainty {where}: {unit}.",
        size=WIDE,
        wide=len(facts.outputs) == 1,
    )


def _least_known(facts: Facts, output: str | None) -> Table:
    summary = _at_rows(facts, output)
    kind, unit = ("entropy", "nats") if facts.kind == "classes" else ("sd", "sd")
    epistemic = summary[f"epistemic_{kind}"].to_numpy()
    chosen = np.argsort(-epistemic)[:MOST_ROWS]
    # A few elements of a sequence or an image tell nothing.
    names = () if facts.bnn.columns.shape else facts.bnn.columns.names[:MOST_INPUTS]
    rows = []
    for i in chosen:
        at = int(facts.rows["obs"][i])
        observed, predicted = _answer(facts, i, output)
        parts = [number(summary[f"{part}_{kind}"].to_numpy()[i]) for part in ("epistemic", "aleatoric")]
        rows.append((str(at), *_inputs(facts, at, len(names)), observed, predicted, *parts))
    head = ("row", *names, "observed", "predicted", f"epistemic ({unit})", f"aleatoric ({unit})")
    more = f" Of {len(facts.bnn.columns.names)} inputs the first {len(names)} are shown."
    caption = (
        f"The rows of the {facts.judged_on} that the fit knows least about, counted from 0"
        f"{f', output {output}' if output else ''}."
        f"{more if names and len(facts.bnn.columns.names) > len(names) else ''}"
    )
    words = {1 + len(names), 2 + len(names)} if facts.kind == "classes" else set()
    return Table(caption, head, tuple(rows), frozenset(range(len(head))) - words)


def _at_rows(facts: Facts, output: str | None) -> xr.Dataset:
    """Return both parts of the uncertainty at the judged rows."""
    return summary_of(facts.at_rows) if facts.kind == "classes" else one_output(facts.rows, output)


def _inputs(facts: Facts, row: int, n: int) -> list[str]:
    return [value if isinstance(value, str) else plain(value) for value in facts.X.iloc[row, :n]]


def _answer(facts: Facts, i: int, output: str | None) -> tuple[str, str]:
    rows = facts.rows if output is None else facts.rows.sel(output=output)
    observed, predicted = (rows[name].values[i] for name in ("observed", "predicted"))
    if facts.kind == "classes":
        return str(observed), str(predicted)
    return plain(observed), number(predicted)


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
