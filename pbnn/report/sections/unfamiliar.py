"""Whether the fit notices what is unlike the data it learned from."""

import numpy as np

from pbnn.plots import plot_ood
from pbnn.plots.style import summary_of
from pbnn.report.blocks import (
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
from pbnn.report.row_tables import input_names, input_words, left_out_words, predicted_words
from pbnn.report.subsets import STEPS
from pbnn.report.words import number, percent, plain, plural

MOST_ROWS, MOST_OUTPUTS = 8, 4
BEYOND = 1.5
"""How many times as far as the furthest training row a row lies that is unlike them."""


def unfamiliar_section(facts: Facts) -> Section:
    """Show how uncertainty grows away from the data, and which rows are unlike them."""
    text = (
        "Away from the data it learned from, a model can only guess, and should say so: its uncertainty, above all the "
        "epistemic part, should grow."
    )
    blocks: list[Block] = [Paragraph(text)]
    blocks += [
        attempt(_named("Away from the data", o), _away, facts, o) for o in facts.outputs[:MOST_OUTPUTS]
    ]
    title = "Unfamiliar inputs" if facts.X_out is not None else "Held-out rows against training rows"
    blocks.append(group(attempt(title, _separation, facts, title), attempt("Separation", _areas, facts)))
    if facts.held_out and facts.X_out is None:
        blocks.append(attempt("Rows unlike the training data", _unlike, facts))
    return Section("unfamiliar", "Does it notice what it has not seen?", tuple(blocks))


def _away(facts: Facts, output: str | None) -> Table:
    if facts.n_draws == 1:
        raise NotApplicableError("the fit is a single point in the space of weights, which knows no doubt.")
    classes = facts.kind == "classes"
    table = summary_of(facts.away, output)
    kind, unit = ("entropy", "nats") if classes else ("sd", "sd")
    n = table.sizes["obs"] // len(STEPS)
    rows = []
    for i, step in enumerate(STEPS):
        part = table.isel(obs=slice(i * n, (i + 1) * n))
        means = [float(np.median(part[f"{name}_{kind}"])) for name in ("epistemic", "aleatoric")]
        where = "where they are" if step == 1 else f"{plain(step)} times as far out"
        rows.append((where, *(number(value) for value in means)))
    caption = (
        f"Median uncertainty at {plural(n, 'training row')}"
        f"{f', output {output}' if output else ''}, and at the same rows with all their numbers moved away from the "
        "average. The epistemic part should grow."
    )
    return Table(
        caption, ("rows", f"epistemic ({unit})", f"aleatoric ({unit})"), tuple(rows), frozenset({1, 2})
    )


def _sets(facts: Facts) -> tuple[str, str]:
    """Return words for the familiar and the unfamiliar rows."""
    if facts.X_out is None:
        return "training rows", "held-out rows"
    return "rows of the " + facts.judged_on if facts.labelled else "new rows", "unfamiliar inputs given"


def _separation(facts: Facts, title: str) -> Picture:
    table = facts.familiarity
    known, other = _sets(facts)
    if facts.X_out is not None:
        caption = (
            f"How many of the {other} are flagged, for each share of the {known} that is flagged too, by each measure "
            "of uncertainty. The nearer to the upper left corner, the better; on the diagonal a measure tells nothing."
        )
    else:
        caption = (
            f"The {known} are taken for familiar, the {other} for unfamiliar. If they are alike, all lines are near "
            "the diagonal, and the scores above tell what to expect in use. Held-out rows always look a little less "
            "familiar, as the fit has adapted to the others."
        )
    alt = f"ROC curves of measures of uncertainty, {known} against {other}."
    return draw(plot_ood, table, title=title, alt=alt, caption=caption, size=(6.6, 4.9))


def _areas(facts: Facts) -> Table:
    table = facts.familiarity
    known, other = _sets(facts)
    rows = []
    for name in table["measure"].values:
        one = table.sel(measure=name)
        rows.append(
            (
                str(name).replace("_", " "),
                *(
                    f"{number(one[key])} ± {number(one[f'{key}_se'], 2)}"
                    for key in ("auroc", "aupr", "fpr95")
                ),
            )
        )
    caption = (
        f"How well measures tell {table.attrs['n_out']:,} {other} from {table.attrs['n_in']:,} {known}: "
        "area under the ROC curve (0.5 is chance), under the precision-recall curve, and the share of "
        "familiar rows flagged where 95 % of the others are; each with its standard error."
    )
    return Table(
        caption, ("measure", "AUROC ↑", "AUPR ↑", "FPR95 ↓"), tuple(rows), frozenset({1, 2, 3}), wrap=True
    )


def unlike_rows(facts: Facts) -> list[tuple[int, float]]:
    """Return held-out rows far beyond all training rows that were looked at, the furthest first.

    Each with its distance, as a multiple of that of the furthest training row; distances are those of features. Of rows
    that are all alike, one of the held-out ones is often the furthest; seldom it is so by `BEYOND`.
    """
    if facts.X_out is not None or not facts.held_out:
        return []
    distance = facts.familiarity.sel(measure="feature_distance")
    most = float(distance["in_score"].max())
    shares = np.sqrt(distance["out_score"].to_numpy() / max(most, np.finfo(float).tiny))
    numbers = facts.unfamiliar_numbers
    order = np.argsort(-shares, kind="stable")
    return [(int(numbers[i]), float(shares[i])) for i in order if shares[i] > BEYOND]


def _unlike(facts: Facts) -> Table:
    found = unlike_rows(facts)
    looked = facts.familiarity.attrs["n_out"]
    if not found:
        raise NotApplicableError(
            f"none of {plural(looked, 'held-out row')} lies more than {BEYOND:g} times as far from the training data "
            f"as the furthest of {plural(facts.familiarity.attrs['n_in'], 'training row')}."
        )
    names, place = input_names(facts), {int(row): i for i, row in enumerate(facts.row_numbers)}
    rows = []
    for row, share in found[:MOST_ROWS]:
        i = place.get(row)
        said = predicted_words(facts, i) if facts.labelled and i is not None else "–"
        rows.append((facts.row_name(row), *input_words(facts, facts.X, row), said, number(share)))
    head = ("row", *names, "predicted", "distance")
    caption = (
        f"{plural(len(found), 'row')} of {looked:,} held-out ones ({percent(len(found) / looked)}) lie more than "
        f"{BEYOND:g} times as far from the training data, in the space of the last hidden layer, as the furthest of "
        f"{plural(facts.familiarity.attrs['n_in'], 'training row')}. The distance is in units of that one's. Trust "
        f"predictions there least. {facts.naming_words}{left_out_words(facts)}"
    )
    return Table(caption, head, tuple(rows), frozenset({0, len(head) - 1}))


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
