"""Whether the method found the posterior."""

import json

import numpy as np

from pbnn.plots import plot_convergence, plot_energy, plot_optimization, plot_rank, plot_trace
from pbnn.report.blocks import (
    Block,
    Details,
    NotApplicableError,
    Paragraph,
    Picture,
    Points,
    Section,
    Table,
    attempt,
    draw,
    group,
)
from pbnn.report.facts import Facts
from pbnn.report.words import number

FEWEST_DRAWS = 20


def convergence_section(facts: Facts) -> Section:
    """Show convergence in function space, then ArviZ's figures of the chains."""
    text = (
        "Weights of a network cannot be judged one by one: hidden units can swap places without changing anything. So "
        "convergence is judged where it matters, by the predictions at a set of inputs, and by the log density."
    )
    function_space = [attempt(title, _function_space, facts, name) for title, name in _DIAGNOSTICS]
    optimiser = [attempt("Optimisation", _optimization, facts)] if facts.approximate else []
    chains = [
        attempt("Trace of the log density", _trace, facts),
        attempt("Ranks of the log density", _rank, facts),
        attempt("Energy", _energy, facts),
    ]
    blocks: list[Block] = [
        Paragraph(text),
        attempt("Findings", _findings, facts),
        group(*optimiser, *function_space, *chains),
        attempt("Weights", _weights, facts),
    ]
    return Section("convergence", "Did it converge?", tuple(blocks))


_DIAGNOSTICS = (("R-hat over inputs", "r_hat"), ("Effective draws over inputs", "ess_bulk"))


def findings(facts: Facts) -> list[tuple[str, str]]:
    """Return what `diagnose` found: levels and sentences."""
    raw = facts.diagnosis.attrs.get("findings", "[]")
    return [(str(level), str(sentence)) for level, sentence in json.loads(raw)]


def _findings(facts: Facts) -> Points:
    items = findings(facts) or [(str(facts.diagnosis.attrs["trust"]), str(facts.diagnosis.attrs["verdict"]))]
    return Points(tuple(items))


def _need_chains(facts: Facts) -> None:
    if facts.approximate:
        raise NotApplicableError(
            "draws of an approximation are independent by construction; there is no chain to judge."
        )
    if facts.idata["posterior"].sizes["draw"] < FEWEST_DRAWS:
        raise NotApplicableError(f"there are fewer than {FEWEST_DRAWS} draws in each chain.")


def _function_space(facts: Facts, name: str) -> Picture:
    _need_chains(facts)
    if not np.isfinite(facts.diagnosis[name].to_numpy()).any():
        raise NotApplicableError("it cannot be computed from these draws.")
    caption = {
        "r_hat": "How far the chains differ in their predictions, at each input: 1 if they agree. Above the dashed "
        "line the chains have not mixed.",
        "ess_bulk": "To how many independent draws the chains amount, for the prediction at each input. Below the "
        "dashed line means and intervals are noisy.",
    }[name]
    title = {key: title for title, key in _DIAGNOSTICS}[name]
    alt = f"Histogram of {title} with a limit."
    return draw(plot_convergence, facts.diagnosis, of=name, title=title, alt=alt, caption=caption)


def _weights(facts: Facts) -> Details:
    _need_chains(facts)
    found = {name: values.to_numpy() for name, values in facts.weight_r_hat.items()}
    found = {name: values[np.isfinite(values)] for name, values in found.items()}
    rows = tuple(
        (str(name), f"{values.size:,}", number(np.median(values), 4), number(values.max(), 4))
        for name, values in found.items()
        if values.size
    )
    if not rows:
        raise NotApplicableError("R-hat of weights compares chains of at least 4 draws.")
    caption = (
        "R-hat of the weights, after hidden units of all draws were put in the same order and given the same signs: "
        "for information. Modes of the posterior that are no copies of each other keep it large, and predictions may "
        "agree all the same."
    )
    table = Table(caption, ("variable", "numbers", "median", "worst"), rows, numeric=frozenset({1, 2, 3}))
    return Details("Weights, for information", blocks=(table,))


def _optimization(facts: Facts) -> Picture:
    if "optimization" not in facts.idata.children:
        raise NotApplicableError("the method kept no record of it.")
    return draw(
        plot_optimization,
        facts.idata,
        title="Optimisation",
        alt="The objective of the optimiser against its steps.",
        caption="The objective should have levelled off by the last step. The steep start is left out.",
    )


def _trace(facts: Facts) -> Picture:
    _need_chains(facts)
    return draw(
        plot_trace,
        facts.idata,
        title="Trace of the log density",
        alt="Log density against draw, a line for each chain.",
        caption="One line for each chain. They should overlap and look like noise, without trend or long stays. Ticks "
        "along the bottom, if any, are divergent transitions.",
    )


def _rank(facts: Facts) -> Picture:
    _need_chains(facts)
    if facts.idata["posterior"].sizes["chain"] < 2:
        raise NotApplicableError("it compares chains, and there is only one.")
    return draw(
        plot_rank,
        facts.idata,
        title="Ranks of the log density",
        alt="Difference from uniform of the distribution of ranks, a line for each chain.",
        caption="If all chains draw from the same distribution, each has its share of low and of high values, and the "
        "lines stay near zero. A small p says they do not.",
    )


def _energy(facts: Facts) -> Picture:
    _need_chains(facts)
    if "energy" not in facts.idata["sample_stats"]:
        raise NotApplicableError("only Hamiltonian samplers have an energy.")
    return draw(
        plot_energy,
        facts.idata,
        title="Energy",
        alt="Densities of the energy and of its change between draws.",
        caption="The two should be about as wide. If the changes are much narrower, the chains move too slowly through "
        "the tails.",
    )
