"""Which model predicts best, and whether that is more than chance."""

import math

import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots import plot_models, plot_pointwise_difference
from pbnn.plots.style import legend_below
from pbnn.report.blocks import (
    Block,
    Details,
    NotApplicableError,
    Paragraph,
    Picture,
    Section,
    Table,
    attempt,
    draw,
    group,
)
from pbnn.report.comparison.facts import Comparison
from pbnn.report.words import number, plural

MOST_DRAWN = 12
"""Models in a figure."""


def prediction_section(facts: Comparison) -> Section:
    """Show the log densities of rows not seen, and their paired differences."""
    blocks: list[Block] = [
        Paragraph(_words(facts)),
        attempt("Log densities", _table, facts),
        group(
            attempt("Differences from the best", _differences, facts),
            attempt("Differences row by row", _pointwise, facts),
        ),
    ]
    if facts.held_out:
        blocks.append(attempt("The same on the training rows", _left_out, facts))
    return Section("prediction", "Which predicts best?", tuple(blocks))


def _words(facts: Comparison) -> str:
    rows = (
        "of rows that were held out"
        if facts.held_out
        else "of each training row, by a fit to all the others, which is had from the one fit by reweighting its draws "
        "(PSIS-LOO)"
    )
    return (
        "A model predicts well if what then happens was likely by it. So models are compared by the log density "
        f"{rows}, summed over rows and in nats: higher is better. All models face the same rows, easy and hard "
        "ones, so the error of a difference is that of paired differences, and smaller than the errors of the sums."
    )


def _table(facts: Comparison) -> Table:
    if facts.table is None:
        raise NotApplicableError(f"{facts.left_out[1]}, and no rows were held out.")
    where = "held-out rows" if facts.held_out else "training rows, each left out in turn"
    return _elpd_table(
        facts.table, f"Log density of {facts.table.attrs['n_obs']:,} {where}, the best model first."
    )


def _elpd_table(table: xr.Dataset, caption: str) -> Table:
    psis = bool(table["p_loo"].notnull().any())
    head = [
        "model",
        "log density",
        "standard error",
        "difference",
        "its standard error",
        "ratio per row",
    ]
    rows = []
    for i, name in enumerate(table["model"].to_numpy().tolist()):
        of = table.isel(model=i)
        gap = float(of["elpd_difference"])
        cells = [
            name,
            number(float(of["elpd"]), 4),
            number(float(of["se"]), 2),
            number(gap),
            number(float(of["difference_se"]), 2) if i else "–",
            number(math.exp(gap / table.attrs["n_obs"])) if math.isfinite(gap) else "–",
        ]
        if psis:
            cells += [number(float(of["p_loo"])), f"{int(of['n_bad']):,}"]
        rows.append(tuple(cells))
    if psis:
        head += ["effective parameters", "bad rows"]
        caption += " Bad rows would change the fit too much to be left out by reweighting (Pareto k)."
    return Table(caption, tuple(head), tuple(rows), frozenset(range(1, len(head))))


def _differences(facts: Comparison) -> Picture:
    table = _some(facts)
    assert facts.weighed is not None
    # A page has one set of weights.
    weights = facts.weighed["stacking"].sel(model=table["model"])
    chosen = "on these rows" if facts.weights_know_the_rows else "on the training rows, each left out in turn"
    return draw(
        _models,
        table.assign(stacking=weights),
        title="Differences from the best",
        alt=f"Log density of each model less that of {table['model'].to_numpy()[0]}, with a standard error. "
        f"{table.attrs['verdict']}",
        caption="How far each model is behind the best, over all rows together, and the standard error of that; beside "
        f"the name its weight in an average, chosen {chosen}. Less than 4 nats, or two standard errors, may be "
        f"chance.{_left_away(facts)}",
        size=(5.6, max(3.4, 2.4 + 0.42 * table.sizes["model"])),
    )


def _models(table: xr.Dataset, *, ax: Axes) -> Axes:
    """Draw the models, and the legend in one column, since long names leave little room."""
    plot_models(table, ax=ax)
    legend_below(ax, columns=1)
    return ax


def _pointwise(facts: Comparison) -> Picture:
    table = _some(facts)
    best = str(table["model"].to_numpy()[0])
    return draw(
        plot_pointwise_difference,
        table,
        title="Differences row by row",
        alt=f"A point for each row: its log density by each other model less that by {best}. {table.attrs['verdict']}",
        caption=f"Left of the dashed line {best} predicts the row better, right of it worse; the diamond is the "
        f"mean. A difference that rests on a few rows far out is a difference about these rows.{_left_away(facts)}",
        size=(5.6, max(2.8, 1.3 + 0.55 * table.sizes["model"])),
    )


def _some(facts: Comparison) -> xr.Dataset:
    """Return the comparison of the models that are drawn."""
    if facts.table is None:
        raise NotApplicableError("the models could not be compared.")
    if facts.table.sizes["model"] < 2:
        raise NotApplicableError("there is one model only.")
    return facts.table.isel(model=slice(MOST_DRAWN))


def _left_away(facts: Comparison) -> str:
    n = facts.table.sizes["model"] if facts.table is not None else 0
    return f" The best {MOST_DRAWN} of {n} models are drawn." if n > MOST_DRAWN else ""


def _left_out(facts: Comparison) -> Details:
    table, reason = facts.left_out
    if table is None:
        raise NotApplicableError(f"{reason}.")
    away = [f"{name} {why}" for name, why in facts.not_left_out.items()]
    caption = f"Log density of {plural(table.attrs['n_obs'], 'training row')}, each left out in turn."
    without = f" {'; '.join(away)}." if away else ""
    return Details(
        "The same on the training rows (PSIS-LOO)", blocks=(_elpd_table(table, caption + without),)
    )
