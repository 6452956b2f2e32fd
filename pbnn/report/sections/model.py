"""Data and model."""

import shutil
import warnings

import numpy as np
import pandas as pd
import pymc as pm
from markupsafe import Markup

from pbnn.graph.censoring import Censored
from pbnn.predict.angles import around, mean_direction
from pbnn.report.blocks import (
    Block,
    Details,
    Drawing,
    NotApplicableError,
    Paragraph,
    Picture,
    Section,
    Table,
    as_data_uri,
    attempt,
)
from pbnn.report.chain import chain_svg
from pbnn.report.facts import Facts
from pbnn.report.words import (
    inputs_words,
    likelihood_sentence,
    listing,
    network_words,
    number,
    percent,
    plain,
    plural,
)

MOST_COLUMNS = 12
"""A longer table opens on a click."""


def model_section(facts: Facts) -> Section:
    """Say in words, a drawing and tables what was fitted to what."""
    blocks = [
        Paragraph(_data_words(facts)),
        attempt("Columns", _columns_table, facts),
        Paragraph(_model_words(facts)),
        attempt("The network", _chain, facts),
        attempt("Layers and priors", _layers, facts),
        attempt("PyMC's graph of the model", _pymc_graph, facts),
    ]
    return Section("model", "Data and model", tuple(blocks))


def _data_words(facts: Facts) -> str:
    bnn = facts.bnn
    n, columns = len(facts.y_train), plural(len(bnn.columns.names), "input column")
    text = f"The training data have {plural(n, 'row')} and {columns} ({inputs_words(bnn)})"
    if facts.held_out:
        text += f"; {plural(len(facts.X), 'further row')} were held out"
        text += "" if facts.labelled else ", without a response"
    if facts.kind == "classes":
        labels, counts = np.unique(np.asarray(facts.y_train).astype(str), return_counts=True)
        shares = [f"{label} ({percent(c / n)})" for label, c in zip(labels, counts, strict=True)]
        return f"{text}. The response {facts.response_name} is one of {len(labels)} classes: {listing(shares, 10)}."
    if isinstance(facts.y_train, Censored):
        return f"{text}. {_times_words(facts.y_train)}"
    y = np.asarray(facts.y_train, dtype=float).reshape(n, -1)
    if bnn.response.circular:
        centre = mean_direction(y)
        around_it = around(y, centre).std(axis=0)
        means = [
            f"{name} has the mean direction {number(mean)} and a standard deviation of {number(sd)} around it"
            for name, mean, sd in zip(bnn.response.names, centre, around_it, strict=True)
        ]
        return f"{text}. The response is an angle, in radians: {listing(means, 6)}."
    spans = [
        f"{name} lies between {plain(col.min())} and {plain(col.max())} (mean {number(col.mean())}, "
        f"standard deviation {number(col.std())})"
        for name, col in zip(bnn.response.names, y.T, strict=True)
    ]
    what = "counts" if facts.kind == "counts" else "continuous"
    return f"{text}. The response is {what}: {listing(spans, 6)}."


def _times_words(y: Censored) -> str:
    seen, late = y.exact.sum(), (y.entry > 0).sum()
    text = f"The response {y.name} is a time, known for {plural(int(seen), 'row')} and in part for {len(y) - int(seen)}"
    if late:
        text += f"; {plural(int(late), 'row')} came under observation after 0"
    if seen:
        text += (
            f". Known times lie between {plain(y.lower[y.exact].min())} and {plain(y.lower[y.exact].max())}"
        )
    return f"{text}."


def _columns_table(facts: Facts) -> Block:
    """Describe each column, or each channel of sequences and images over all their positions."""
    rows, table, columns = [], facts.X_train, facts.bnn.columns
    if columns.shape:
        channels = table.to_numpy().reshape(-1, columns.shape[-1])
        table = pd.DataFrame(channels, columns=[f"channel {i}" for i in range(channels.shape[1])])
    for name, categories in zip(table.columns, columns.categories, strict=False):
        column = table[name]
        if categories is None:
            spread = (number(column.mean()), number(column.std(ddof=0)))
            rows.append((name, "number", *spread, plain(column.min()), plain(column.max())))
        else:
            rows.append((name, f"category: {listing(categories, 6)}", "", "", "", ""))
    head = ("channel" if columns.shape else "column", "kind", "mean", "sd", "smallest", "largest")
    found = Table("Inputs, in the training data.", head, tuple(rows), frozenset(range(2, 6)))
    if len(rows) <= MOST_COLUMNS:
        return found
    return Details(f"The {len(rows)} input {'channels' if columns.shape else 'columns'}", blocks=(found,))


def _model_words(facts: Facts) -> str:
    words = network_words(facts.bnn)
    return (
        f"The model is {words}, with {plural(facts.bnn.n_weights, 'parameter')} in all. "
        f"The likelihood of the response is {likelihood_sentence(facts.bnn)}. Each weight, bias and learned scale has "
        "a prior, listed below; inputs and a continuous response are standardised inside the model, and everything in "
        "this report is back in the units of the data."
    )


def _chain(facts: Facts) -> Drawing:
    return Drawing(
        chain_svg(facts.bnn), "The network, from the inputs on the left to the likelihood on the right."
    )


def _layers(facts: Facts) -> Drawing:
    return Drawing(Markup(facts.bnn._repr_html_()))


def _pymc_graph(facts: Facts) -> Block:
    if shutil.which("dot") is None:
        raise NotApplicableError("drawing it needs Graphviz, whose program `dot` is not installed here.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        svg = pm.model_to_graphviz(facts.bnn.model).pipe(format="svg")
    picture = Picture(
        "PyMC's graph of the model",
        as_data_uri(svg, "image/svg+xml"),
        "Graph of the random variables of the PyMC model and how they depend on each other.",
        "Circles are random variables, grey ones are observed; plates say how often each is repeated.",
        width=700,
        height=500,
    )
    return Details("Graph of the PyMC model", blocks=(picture,))
