"""How the search went, and which trials came to nothing."""

from itertools import groupby

from pbnn.plots.history import plot_history
from pbnn.report.blocks import Block, Paragraph, Picture, Section, Table, attempt, draw
from pbnn.report.hover import Hover
from pbnn.report.study.facts import StudyFacts
from pbnn.report.words import listing, number, plural

MOST = 20
LONGEST = 300


def course_section(facts: StudyFacts) -> Section:
    """Show the scores in the order of trials, and list the trials that failed."""
    blocks: list[Block] = [attempt("History", _picture, facts)]
    troubled = facts.troubled
    if troubled:
        blocks += [
            Paragraph(
                f"{plural(len(troubled), 'trial')} of {len(facts.finished)} "
                f"{'has' if len(troubled) == 1 else 'have'} no score that counts: a fit that failed, or that is not to "
                "be trusted, says nothing of its network."
            ),
            _troubled(facts),
        ]
    else:
        blocks.append(Paragraph("Every trial that ended has a score that counts."))
    return Section("course", "How did the search go?", tuple(blocks))


def _picture(facts: StudyFacts) -> Picture:
    table = facts.history
    noise = table["noise_sd"].to_numpy()
    words = [
        f"trial {t}: {number(y, 4)} ± {number(e, 2)}"
        for t, y, e in zip(table["trial"].to_numpy(), table["score"].to_numpy(), noise, strict=True)
    ]
    rows = tuple(
        (str(int(t)), number(y, 4), number(e, 2), str(int(i)), number(m, 4), number(s, 2))
        for t, y, e, i, m, s in zip(
            *(table[k].to_numpy() for k in ("trial", "score", "noise_sd", "incumbent", "mean", "sd")),
            strict=True,
        )
    )
    head = ("trial", "score", "noise", "best then", "its posterior mean", "sd")
    return draw(
        plot_history,
        table,
        title="History",
        alt="Scores of the trials in their order, and the posterior of the best one after each.",
        caption="Scores with their noise, and what was believed of the configuration that one would have taken after "
        "each trial. Where the line has levelled off, more trials found nothing better.",
        size=(6.4, 4.4),
        wide=True,
        hover=(Hover(table["trial"].to_numpy().astype(float), table["score"].to_numpy(), words),),
        values=Table("The course of the search.", head, rows, frozenset(range(6))),
    )


def _troubled(facts: StudyFacts) -> Table:
    """List reasons, each with the trials that it is of."""
    by = sorted(((why[:LONGEST], t.number) for t, why in facts.troubled), key=lambda pair: pair[0])
    groups = [(why, [n for _, n in some]) for why, some in groupby(by, key=lambda pair: pair[0])]
    groups.sort(key=lambda pair: -len(pair[1]))
    rows = tuple((str(len(trials)), listing(trials, 6), why) for why, trials in groups[:MOST])
    left = len(groups) - len(rows)
    more = f" {left} more are left out." if left else ""
    return Table(f"Why.{more}", ("trials", "which", "reason"), rows, frozenset({0}), wrap=True)
