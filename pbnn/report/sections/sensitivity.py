"""Whether predictions would be others under a slightly different prior."""

import json

import xarray as xr

from pbnn.errors import MethodError
from pbnn.plots import plot_sensitivity
from pbnn.report.blocks import (
    Block,
    NotApplicableError,
    Paragraph,
    Picture,
    Points,
    Section,
    attempt,
    draw,
    group,
)
from pbnn.report.facts import Facts

MOST_CLASSES = 10
MOST_DRAWN = 16


def sensitivity_section(facts: Facts) -> Section:
    """Say whether the prior matters, and show for what."""
    text = (
        "A prior is a choice. If predictions changed noticeably when it counted a little more or a little less, that "
        "choice would need reasons; if they change with the data alone, it hardly matters."
    )
    blocks: list[Block] = [
        Paragraph(text),
        attempt("Findings", _findings, facts),
        group(attempt("Sensitivity to the prior", _figure, facts)),
    ]
    return Section("sensitivity", "Does the prior matter?", tuple(blocks))


def _sensitivity(facts: Facts) -> xr.Dataset:
    n = len(facts.bnn.response.classes)
    if n > MOST_CLASSES:
        raise NotApplicableError(
            f"each of {n} classes would be watched by itself, which takes long; call pbnn.prior_sensitivity."
        )
    try:
        return facts.sensitivity
    except MethodError as reason:
        raise NotApplicableError(str(reason).removeprefix("prior_sensitivity: ")) from None


def _findings(facts: Facts) -> Points:
    return Points(
        tuple((str(level), str(said)) for level, said in json.loads(_sensitivity(facts).attrs["findings"]))
    )


def _figure(facts: Facts) -> Picture:
    table = _sensitivity(facts)
    n = table.sizes["quantity"]
    if n > MOST_DRAWN:
        most = table["sensitivity"].sel(component=table.attrs["group"]).fillna(-1).argsort().to_numpy()[::-1]
        table = table.isel(quantity=sorted(most[:MOST_DRAWN]))
    left_out = (
        f" Of {n} quantities, the {MOST_DRAWN} most sensitive to the prior are shown."
        if n > MOST_DRAWN
        else ""
    )
    return draw(
        plot_sensitivity,
        table,
        title="Sensitivity to the prior",
        alt="Sensitivity of predictions to the prior and to the likelihood, with the threshold from which it counts.",
        caption="How fast the distribution of each quantity moves when the prior, or the likelihood, counts a little "
        "more or less. Right of the dashed line it counts; the likelihood should, the prior should not. Hollow points "
        f"may be chance.{left_out}",
        size=(5.6, 1.8 + 0.3 * table.sizes["quantity"]),
    )
