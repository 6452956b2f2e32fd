"""What to take, and how it stands among the best."""

from pbnn.plots.best import plot_best
from pbnn.report.blocks import Block, Details, Paragraph, Picture, Section, Table, attempt, draw
from pbnn.report.study.facts import StudyFacts
from pbnn.report.words import json_pretty, number, percent

MOST = 10


def outcome_section(facts: StudyFacts) -> Section:
    """Show the recommended network, and the best few with their chances."""
    text = (
        "The best score belongs, more often than not, to a good configuration that was lucky as well. So what counts "
        "here is the posterior of a configuration's true score, in the light of its own score, of those of its "
        "neighbours, and of how noisy scores are."
    )
    blocks: list[Block] = [
        Paragraph(text),
        attempt("The best", _picture, facts),
        attempt("The best as a table", _table, facts),
    ]
    if facts.network is not None:
        blocks.append(
            Details(
                "The recommended network as JSON (pbnn fit --network reads it, and pbnn.Network.from_json)",
                text=json_pretty(facts.network),
            )
        )
        assert facts.search is not None
        blocks.append(Paragraph(f"It was fitted by `{facts.search.method}`."))
    return Section("best", "What should one take?", tuple(blocks))


def _picture(facts: StudyFacts) -> Picture:
    table = facts.best
    n = table.sizes["trial"]
    return draw(
        plot_best,
        table,
        title="The best few",
        alt=f"Posterior means and intervals of the true scores of {n} configurations, beside their observed scores.",
        caption="What is believed of the true scores, in 90 % intervals, and what was observed. Where intervals "
        "overlap much, the order may be chance.",
        size=(6.4, 1.9 + 0.32 * n),
        wide=True,
    )


def _table(facts: StudyFacts) -> Table:
    found = facts.recommendation
    names = list(dict.fromkeys(name for i in found.table.index[:MOST] if i >= 0 for name in facts.params(i)))
    rows = []
    for i, row in found.table.iloc[:MOST].iterrows():
        params = facts.params(int(i)) if i >= 0 else {}
        rows.append(
            (
                str(i) if i >= 0 else "untried",
                *(number(row[key], 4) for key in ("mean", "sd")),
                percent(round(float(row["p_best"]), 3)),
                number(row["regret"], 2),
                number(row["score"], 4),
                *(_value(params.get(name)) for name in names),
            )
        )
    head = (
        "trial",
        "estimated score",
        "sd",
        "probability of being best",
        "expected regret",
        "observed",
        *names,
    )
    caption = "The best configurations by posterior mean. A dash stands where a parameter is not used."
    return Table(caption, head, tuple(rows), frozenset(range(6)))


def _value(value: object) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else str(value)
