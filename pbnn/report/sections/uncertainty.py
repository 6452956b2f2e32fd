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
from pbnn.report.row_tables import (
    input_names,
    input_words,
    left_out_words,
    observed_words,
    predicted_words,
)
from pbnn.report.words import number, percent, plural

MOST_OUTPUTS, MOST_ROWS = 4, 8


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
        blocks += [attempt(_named("Parts", o), _shares, facts, o) for o in outputs]
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
        facts.curve
        if facts.one_numeric_input
        else facts.rows
        if facts.labelled and not entropy
        else facts.at_rows,
        output=output,
        title=_named("Two kinds of uncertainty", output),
        alt=f"Epistemic and aleatoric uncertainty {where}.",
        caption=f"Epistemic and aleatoric uncertainty {where}: {unit}.",
        size=WIDE,
        wide=len(facts.outputs) == 1,
    )


def _shares(facts: Facts, output: str | None) -> Table:
    """Say how much of the uncertainty comes from where, with Monte Carlo errors."""
    table = facts.decomposition if output is None else facts.decomposition.sel(output=output)
    entropy, total = facts.kind == "classes", float(table["total"])
    chains = facts.idata["posterior"].sizes["chain"]
    parts = [("total", "all"), ("epistemic", "epistemic: the weights")]
    if chains > 1 and not facts.approximate:
        parts += [("within", "… within chains"), ("between", "… between chains")]
    parts.append(("aleatoric", "aleatoric: the noise"))
    rows = []
    for name, words in parts:
        value, error = float(table[name]), float(table[f"{name}_mcse"])
        if not entropy and value >= 0:
            # Of the root, by the delta method.
            value, error = value**0.5, error / (2 * value**0.5) if value > 0 else np.nan
        share = percent(float(table[name]) / total) if total > 0 else "–"
        rows.append((words, number(value), number(error, 2), share))
    n = plural(facts.decomposition.attrs["n_obs"], "row")
    unit = "mean entropy (nats)" if entropy else "sd, root mean square"
    which = f"{n} of the {facts.judged_on}" if facts.labelled else f"{n}, all of them new"
    caption = (
        f"Uncertainty of the predictions at {which}{f', output {output}' if output else ''}. The "
        f"Monte Carlo error is that of having so many draws and no more. Shares are of "
        f"{'the entropy' if entropy else 'the variance'}."
    )
    return Table(
        caption, ("part", unit, "Monte Carlo error", "share"), tuple(rows), frozenset({1, 2, 3}), wrap=True
    )


def _least_known(facts: Facts, output: str | None) -> Table:
    summary = _at_rows(facts, output)
    kind, unit = ("entropy", "nats") if facts.kind == "classes" else ("sd", "sd")
    epistemic = summary[f"epistemic_{kind}"].to_numpy()
    chosen = np.argsort(-epistemic)[:MOST_ROWS]
    names = input_names(facts)
    rows = []
    for i in chosen:
        at = int(facts.row_numbers[i])
        observed, predicted = _answer(facts, i, output, summary)
        parts = [number(summary[f"{part}_{kind}"].to_numpy()[i]) for part in ("epistemic", "aleatoric")]
        rows.append((facts.row_name(at), *input_words(facts, facts.X, at), *observed, predicted, *parts))
    seen = ("observed",) if facts.labelled else ()
    head = ("row", *names, *seen, "predicted", f"epistemic ({unit})", f"aleatoric ({unit})")
    which = f"rows of the {facts.judged_on}" if facts.labelled else "new rows"
    caption = (
        f"The {which} that the fit knows least about"
        f"{f', output {output}' if output else ''}. {facts.naming_words}{left_out_words(facts)}"
    )
    words = set(range(1 + len(names), len(head) - 2)) if facts.kind == "classes" else set()
    return Table(caption, head, tuple(rows), frozenset(range(len(head))) - words)


def _at_rows(facts: Facts, output: str | None) -> xr.Dataset:
    """Return both parts of the uncertainty at the judged rows."""
    if facts.kind == "classes":
        return summary_of(facts.at_rows)
    return one_output(facts.rows, output) if facts.labelled else summary_of(facts.at_rows, output)


def _answer(facts: Facts, i: int, output: str | None, summary: xr.Dataset) -> tuple[tuple[str, ...], str]:
    """Return what was observed, if it was, and what was predicted."""
    if not facts.labelled:
        if facts.kind != "classes":
            return (), number(summary["mean"].values[i])
        best = int(summary["p"].values[i].argmax())
        return (), f"{summary['class'].values[best]} ({percent(float(summary['p'].values[i, best]))})"
    return (observed_words(facts, i, output),), predicted_words(facts, i, output)


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
