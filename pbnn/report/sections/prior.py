"""Before the data: the prior predictive distribution."""

from pbnn.plots import plot_prior
from pbnn.report.blocks import WIDE, Paragraph, Picture, Section, attempt, draw, group
from pbnn.report.facts import Facts


def prior_section(facts: Facts) -> Section:
    """Show what the prior expects, so that a prior that cannot see the data is noticed."""
    text = (
        "A prior over weights is a prior over functions. These are drawn from it, before any data were seen: they "
        "should be diverse, and the data should look possible, not typical."
    )
    figures = [attempt(_title(output), _prior, facts, output) for output in facts.outputs[:4]]
    return Section("prior", "Before the data: what the prior expects", (Paragraph(text), group(*figures)))


def _title(output: str | None) -> str:
    return f"Prior predictive: {output}" if output else "Prior predictive"


def _prior(facts: Facts, output: str | None) -> Picture:
    curves = len(facts.bnn.columns.names) == 1
    what = {
        "continuous": "the response",
        "counts": "the response",
        "classes": "the largest class probability",
    }[facts.kind]
    shown = "Functions drawn from the prior" if curves else f"Distribution of {what} under the prior"
    beside = "" if facts.kind == "classes" else ", and the training data in orange"
    position = facts.outputs.index(output)
    return draw(
        plot_prior,
        facts.prior,
        facts.X_train if curves else None,
        facts.seen_train if output is None else facts.seen_train[:, position],
        output=output,
        title=_title(output),
        alt=f"{shown}{beside}.",
        caption=f"{shown}{beside}.",
        size=WIDE,
        wide=len(facts.outputs) == 1,
    )
