"""Rows of the data in tables: their inputs, what was observed there, and what was predicted."""

import numpy as np
import pandas as pd

from pbnn.report.facts import Facts
from pbnn.report.words import number, percent, plain

MOST_INPUTS = 4


def input_names(facts: Facts) -> tuple[str, ...]:
    """Return the inputs that a table of rows shows; none of an image or a sequence, whose elements tell nothing."""
    return () if facts.bnn.columns.shape else facts.bnn.columns.names[:MOST_INPUTS]


def left_out_words(facts: Facts) -> str:
    """Say that not all inputs are shown, if so; the sentence starts with a space."""
    n, shown = len(facts.bnn.columns.names), len(input_names(facts))
    return f" Of {n} inputs the first {shown} are shown." if 0 < shown < n else ""


def input_words(facts: Facts, X: pd.DataFrame, row: int) -> list[str]:
    """Return the shown inputs of a row."""
    values = X.iloc[row, : len(input_names(facts))]
    return [value if isinstance(value, str) else plain(value) for value in values]


def observed_words(facts: Facts, i: int, output: str | None = None) -> str:
    """Return what was observed in the `i`-th of `facts.rows`: one output, or all."""
    values = _of(facts, "observed", output)[i]
    return " · ".join(str(v) if facts.kind == "classes" else plain(v) for v in np.ravel(values))


def predicted_words(facts: Facts, i: int, output: str | None = None) -> str:
    """Return what was predicted there: the mean, or the most probable class."""
    if facts.kind == "classes":
        label, p = facts.rows["predicted"].values[i], float(facts.rows["confidence"].values[i])
        return f"{label} ({percent(p)})"
    return " · ".join(number(value) for value in np.ravel(_of(facts, "predicted", output)[i]))


def interval_words(facts: Facts, i: int, level: float = 0.9, output: str | None = None) -> str:
    """Return the central interval there: of one output, or of all."""
    at = int(np.argmin(np.abs(facts.rows["level"].to_numpy() - level)))
    pairs = zip(*(np.ravel(_of(facts, end, output)[at, i]) for end in ("lower", "upper")), strict=True)
    return " · ".join(f"{number(low)} to {number(high)}" for low, high in pairs)


def _of(facts: Facts, name: str, output: str | None) -> np.ndarray:
    values = facts.rows[name]
    return (values if output is None else values.sel(output=output)).to_numpy()
