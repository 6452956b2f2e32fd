"""Which parameters matter, and how the score hangs on each."""

from pbnn.plots.importance import plot_importance
from pbnn.plots.parallel import plot_parallel
from pbnn.plots.slice import plot_slice
from pbnn.report.blocks import Block, Paragraph, Picture, Section, attempt, draw, group
from pbnn.report.study.facts import StudyFacts

MOST = 8
"""Slices that are shown, of the most important parameters."""


def parameters_section(facts: StudyFacts) -> Section:
    """Show importance, slices, and all trials at once."""
    return Section(
        "parameters",
        "What matters?",
        (
            attempt("Importance", _importance, facts),
            attempt("Slices", _slices, facts),
            attempt("All trials", _parallel, facts),
        ),
    )


def _importance(facts: StudyFacts) -> Picture:
    table = facts.importance
    first = str(table["parameter"].to_numpy()[0])
    return draw(
        plot_importance,
        table,
        title="Importance",
        alt=f"Shares of the variance of the score over the space, by parameter; the largest is that of {first}.",
        caption="Shares of the variance of the true score over the space, of functions that the scores leave possible. "
        "Scores below the median count on a logarithmic scale, for how bad the bad ones are matters little.",
        size=(6.4, 1.9 + 0.32 * min(table.sizes["parameter"], 12)),
        wide=True,
    )


def _slices(facts: StudyFacts) -> Block:
    table = facts.slices
    order = facts.importance["parameter"].to_numpy().tolist()
    shown = [str(name) for name in order][:MOST]
    pictures = [attempt(name, _slice, facts, name) for name in shown]
    left = table.sizes["parameter"] - len(shown)
    if left > 0:
        pictures.append(Paragraph(f"{left} less important parameters are left out."))
    return group(*pictures)


def _slice(facts: StudyFacts, name: str) -> Picture:
    base = int(facts.slices["base"].sel(parameter=name))
    return draw(
        plot_slice,
        facts.slices,
        name,
        title=name,
        alt=f"The posterior of the score along {name}, and the scores of the trials.",
        caption=f"What is believed where the others are as in trial {base}; dots are trials, whose others differ.",
    )


def _parallel(facts: StudyFacts) -> Picture:
    d = facts.parallel.sizes["parameter"]
    return draw(
        plot_parallel,
        facts.parallel,
        title="All trials",
        alt="A line for each trial across all parameters; the best ones stand out.",
        caption="Where the best trials run together, the search has made up its mind.",
        size=(max(6.4, min(1.1 * d, 10.0)), 4.2),
        wide=True,
    )
