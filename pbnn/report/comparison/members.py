"""What each model is, how it was fitted, whether its fit is to be trusted, and how the page came about."""

from datetime import UTC, datetime
from functools import singledispatch

import xarray as xr

from pbnn.graph.build import BNN
from pbnn.predict.mixture import Average
from pbnn.report.blocks import Block, Details, Paragraph, Points, Section, Table, attempt
from pbnn.report.comparison.facts import Comparison
from pbnn.report.words import (
    duration,
    json_pairs,
    json_pretty,
    likelihood_sentence,
    listing,
    method_words,
    network_words,
    plural,
)

LEVELS = {"yes": "ok", "caution": "caution", "no": "no"}


def members_section(facts: Comparison) -> Section:
    """List the models, the verdicts on their fits, and provenance."""
    text = (
        "A comparison is worth no more than the fits compared. Whether each has found its posterior is judged by its "
        "predictions, for itself."
    )
    blocks: list[Block] = [
        attempt("The models", _table, facts),
        Paragraph(text),
        attempt("Verdicts", _verdicts, facts),
        attempt("Networks", _networks, facts),
        attempt("Provenance", _provenance, facts),
    ]
    return Section("models", "What are the models?", tuple(blocks))


@singledispatch
def what_it_is(bnn: object) -> str:
    """Say in words what a model is."""
    raise TypeError(f"no words for {type(bnn).__name__}")


@what_it_is.register
def _(bnn: BNN) -> str:
    words = network_words(bnn)
    return f"{words[0].upper()}{words[1:]}, {likelihood_sentence(bnn)}; {plural(bnn.n_weights, 'parameter')}"


@what_it_is.register
def _(bnn: Average) -> str:
    return f"An average of {listing(list(bnn.models))}"


def _table(facts: Comparison) -> Table:
    rows = []
    for name in facts.order:
        bnn, idata = facts.models[name]
        rows.append((name, what_it_is(bnn), _how(bnn, idata), _time(idata), facts.diagnoses[name][0]))
    head = ("model", "what it is", "how it was fitted", "wall time", "trust")
    return Table("The models, the one that predicts best first.", head, tuple(rows), wrap=True)


def _how(bnn: BNN | Average, idata: xr.DataTree) -> str:
    if isinstance(bnn, Average):
        return f"By weights ({idata.attrs.get('weights', 'given')})"
    return method_words(idata)


def _time(idata: xr.DataTree) -> str:
    return duration(float(idata.attrs["wall_time"])) if "wall_time" in idata.attrs else "unknown"


def _verdicts(facts: Comparison) -> Points:
    found = ((name, *facts.diagnoses[name]) for name in facts.order)
    return Points(tuple((LEVELS[trust], f"{name}: {verdict}") for name, trust, verdict in found))


def _networks(facts: Comparison) -> Details:
    parts = tuple(
        Details(name, text=json_pretty(bnn.network.to_json()))
        for name in facts.order
        if isinstance(bnn := facts.models[name][0], BNN)
    )
    return Details("The networks as JSON (pbnn.Network.from_json reads them)", blocks=parts)


def _provenance(facts: Comparison) -> Details:
    rows = [
        ("page written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("seed of this page", str(facts.seed)),
        ("held-out data", plural(len(facts.y), "row") if facts.held_out else "none"),
    ]
    for name in facts.order:
        attrs = facts.models[name][1].attrs
        rows.append((f"{name}: seed", str(attrs.get("seed", "unknown"))))
        rows += [(f"{name}: {key}", value) for key, value in json_pairs(str(attrs.get("options", "")))]
        if "versions" in attrs:
            versions = json_pairs(str(attrs["versions"]))
            rows.append((f"{name}: versions", ", ".join(f"{key} {value}" for key, value in versions)))
    return Details(
        "Seeds, options and versions", blocks=(Table("", ("what", "value"), tuple(rows), wrap=True),)
    )
