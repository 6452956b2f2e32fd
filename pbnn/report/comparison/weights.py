"""What an average of the models takes of each."""

import xarray as xr

from pbnn.report.blocks import Block, NotApplicableError, Note, Paragraph, Section, Table, attempt
from pbnn.report.comparison.facts import Comparison
from pbnn.report.words import number, percent

WAYS = {
    "stacking": "stacking",
    "pseudo_bma": "pseudo-BMA+",
    "evidence": "marginal likelihood",
}


def weights_section(facts: Comparison) -> Section:
    """Show the weights of an average, and what it would give."""
    text = (
        "Instead of choosing one model, the predictions of several may be mixed. Stacking takes the weights whose "
        "mixture predicts best, so models that are right in different places complement each other; pseudo-BMA+ "
        "weighs each model by itself and shares the weight where the difference may be chance; the marginal "
        "likelihood, where it is known, asks which model made the data, if one of them did."
    )
    blocks: list[Block] = [
        Paragraph(text),
        attempt("Weights", _table, facts),
        attempt("The average", _mixture, facts),
    ]
    if facts.weighed is not None and "evidence" not in facts.weighed:
        why = str(facts.weighed.attrs["evidence"]).removeprefix("none: ").rstrip(".")
        blocks.insert(2, Note(("Weights by marginal likelihood",), f"{why}."))
    return Section("weights", "What would an average take of each?", tuple(blocks))


def _table(facts: Comparison) -> Table:
    weighed = facts.weighed
    if weighed is None:
        raise NotApplicableError("the models could not be compared.")
    ways = [way for way in WAYS if way in weighed]
    rows = tuple(
        (str(name), *(_share(weighed[way].sel(model=name)) for way in ways))
        for name in weighed["model"].to_numpy()
    )
    of = (
        "held-out rows"
        if facts.held_out and facts.weights_know_the_rows
        else "training rows, each left out in turn"
    )
    caption = f"Weights in an average, in per cent, chosen on the {of}."
    return Table(caption, ("model", *(WAYS[way] for way in ways)), rows, frozenset(range(1, 1 + len(ways))))


def _share(weight: xr.DataArray) -> str:
    return percent(round(float(weight), 4))  # what a weight lacks of 1 or 0 by rounding is nothing


def _mixture(facts: Comparison) -> Paragraph:
    mixture = facts.mixture
    gain, se = float(mixture["elpd_difference"]), float(mixture["difference_se"])
    rows = "held-out rows" if facts.held_out else "training rows, each left out in turn,"
    text = (
        f"On the {rows} the stacked mixture has a log density of {number(float(mixture['elpd']), 4)} nats, "
        f"{number(abs(gain))} {'more' if gain >= 0 else 'less'} than the best single model (standard error "
        f"{number(se, 2)})."
    )
    if facts.weights_know_the_rows:
        text += " The weights were chosen on these very rows: expect a little less on others."
    return Paragraph(f"{text} `pbnn.average` makes it, and predicts with it.")
