"""The values of a figure of the fit: in words under the pointer, and as a table."""

import numpy as np
import xarray as xr

from pbnn.assess.rows import spaced
from pbnn.plots.style import one_output
from pbnn.report.blocks import Table
from pbnn.report.facts import Facts
from pbnn.report.hover import MOST, Hover
from pbnn.report.row_tables import interval_words, observed_words, predicted_words
from pbnn.report.words import number, plain

MOST_LINES = 32
"""Of the table of a curve."""


def along_hover(facts: Facts, along: xr.Dataset) -> Hover:
    """Return words for places along the only input."""
    x = facts.curve["predictions_constant_data"]["X"].to_numpy()[:, 0]
    rows = _curve_rows(facts, along, np.arange(len(x)))
    name = facts.bnn.columns.names[0]
    words = [f"{name} {at}: {mean} on average, 90 % {low} to {high}" for at, mean, low, high, *_ in rows]
    return Hover(x, None, words)


def _curve_rows(facts: Facts, along: xr.Dataset, at: np.ndarray) -> list[tuple[str, ...]]:
    """Return input, mean, and the ends of the outer intervals of response and mean."""
    x = facts.curve["predictions_constant_data"]["X"].to_numpy()[:, 0]
    columns = [
        along["mean"],
        *(along[n].isel(quantile=q) for n in ("quantiles", "mu_quantiles") for q in (0, -1)),
    ]
    values = np.stack([c.to_numpy() for c in columns], axis=1)
    return [(plain(x[i]), *(number(v) for v in values[i])) for i in at]


def curve_table(facts: Facts, along: xr.Dataset) -> Table:
    """Return some lines of a curve and of its bands."""
    name = facts.bnn.columns.names[0]
    head = (name, "mean", "response from", "to", "mean from", "to")
    rows = _curve_rows(facts, along, spaced(along.sizes["obs"], MOST_LINES))
    return Table("The curve and the ends of its 90 % bands.", head, tuple(rows), frozenset(range(6)))


def points_hover(facts: Facts, output: str | None, x: str, y: str) -> tuple[Hover, ...]:
    """Return words for the rows in a scatter plot of two variables of `facts.rows`."""
    rows = one_output(facts.rows, output)
    places = spaced(rows.sizes["obs"], MOST)
    words = [
        f"row {facts.row_name(int(rows['obs'][i]))}: observed {observed_words(facts, i, output)}, predicted "
        f"{predicted_words(facts, i, output)} (90 % {interval_words(facts, i, output=output)})"
        for i in places
    ]
    return (Hover(rows[x].values[places], rows[y].values[places], words),)


def points_table(facts: Facts, output: str | None) -> Table:
    """Return what was observed and what was predicted, row by row."""
    n = facts.rows.sizes["obs"]
    rows = tuple(
        (
            facts.row_name(int(facts.rows["obs"][i])),
            observed_words(facts, i, output),
            predicted_words(facts, i, output),
            interval_words(facts, i, output=output),
        )
        for i in spaced(n, MOST)
    )
    some = f" {MOST} of {n:,} rows, evenly spaced." if n > MOST else ""
    head = ("row", "observed", "predicted", "90 % interval")
    return Table(f"{facts.naming_words}{some}", head, rows, frozenset(range(4)))
