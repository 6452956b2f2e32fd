"""Whether the data could have come from the fit."""

import numpy as np

from pbnn.assess import PARETO_K, pit_ecdf
from pbnn.plots import plot_pit_ecdf, plot_predictive_check, plot_rootogram
from pbnn.report.blocks import NotApplicableError, Paragraph, Picture, Section, attempt, draw, group
from pbnn.report.facts import MOST_CHECKED, Facts
from pbnn.report.words import plural

FEWEST_DRAWS = 100
MOST_OUTPUTS = 4
MOST_INFLUENTIAL = 0.1
KNOWN_IN_PART = (
    "draws are whole times, and times known in part are not; "
    "coverage and PIT above take them for what they are."
)


def checks_section(facts: Facts) -> Section:
    """Posterior predictive check and leave-one-out calibration, on the training data."""
    text = (
        "A model can be sampled perfectly and still be wrong. These figures ask whether the training data look like "
        "data from the fit."
    )
    if len(facts.y_train) > MOST_CHECKED:
        text += f" They show {MOST_CHECKED} of {len(facts.y_train):,} rows, evenly spaced."
    figures = [
        attempt(_named("Posterior predictive check", o), _check, facts, o)
        for o in facts.outputs[:MOST_OUTPUTS]
    ]
    figures.append(attempt("Leave-one-out calibration (LOO-PIT)", _loo_pit, facts))
    return Section("checks", "Could the data have come from this fit?", (Paragraph(text), group(*figures)))


def _check(facts: Facts, output: str | None) -> Picture:
    if facts.kind == "classes":
        raise NotApplicableError("for classes the reliability diagram above answers this question.")
    if facts.bnn.response.censored:
        raise NotApplicableError(KNOWN_IN_PART)
    if facts.n_draws < 2:
        raise NotApplicableError("the fit is a single point.")
    counts = facts.kind == "counts"
    return draw(
        plot_rootogram if counts else plot_predictive_check,
        facts.checks,
        output=output,
        title=_named("Posterior predictive check", output),
        alt="How often each count occurs in the data and in draws from the fit."
        if counts
        else "Density of the response in the data, over densities of data drawn from the fit.",
        caption="How many rows have each count: in the data, and in data drawn from the fit. Heights are on a "
        "square-root scale."
        if counts
        else "The dark line is the data; each pale one is a data set drawn from the fit. They should be hard to tell "
        "apart.",
    )


def _loo_pit(facts: Facts) -> Picture:
    if facts.kind == "classes":
        raise NotApplicableError("classes have no order, so they have no PIT.")
    if facts.bnn.response.censored:
        raise NotApplicableError(KNOWN_IN_PART)
    if not facts.bnn.response.vector:
        raise NotApplicableError("it is made for a single output.")
    if facts.approximate:
        raise NotApplicableError("leaving rows out by reweighting needs draws from the posterior itself.")
    if facts.n_draws < FEWEST_DRAWS:
        raise NotApplicableError(f"it needs at least {FEWEST_DRAWS} draws.")
    if not np.isfinite(facts.checks["log_likelihood"]["y"]).all():
        raise NotApplicableError("the log-likelihood of some rows is not finite.")
    bad = (facts.loo_pit["pareto_k"] > PARETO_K).to_numpy()
    influential = f"{plural(int(bad.sum()), 'row')} of {len(bad)}"
    if bad.mean() > MOST_INFLUENTIAL:
        raise NotApplicableError(
            f"{influential} would change the fit too much to be left out by reweighting (Pareto k above {PARETO_K})."
        )
    warning = f" For {influential} this is uncertain (Pareto k above {PARETO_K})." if bad.any() else ""
    table = pit_ecdf(facts.loo_pit, seed=facts.seed)
    verdict = "stays inside the band" if bool(table["inside"]) else "leaves the band"
    return draw(
        plot_pit_ecdf,
        table,
        title="Leave-one-out calibration (LOO-PIT)",
        alt="Difference from uniform of the distribution of leave-one-out probability integral transforms, with a "
        f"band; the line {verdict}.",
        caption="Is each row where a fit to all the others would expect it? If the predictive distributions are right, "
        f"the line stays inside the band 95 times in 100. Here it {verdict}.{warning}",
    )


def _named(title: str, output: str | None) -> str:
    return f"{title}: {output}" if output else title
