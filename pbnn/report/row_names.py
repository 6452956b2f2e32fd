"""What rows are called in tables and under the pointer: by their place, or by the index of the frame they came in."""

from typing import Any

import pandas as pd


def names_of_rows(X: Any) -> pd.Index | None:
    """Return the index of a frame if it says more than the places of rows."""
    index = X.index if isinstance(X, pd.DataFrame) else None
    return None if index is None or index.equals(pd.RangeIndex(len(index))) else index


def row_name(names: pd.Index | None, row: int) -> str:
    """Return what a row is called: its label, or its place."""
    return str(row if names is None else names[row])


def naming_words(names: pd.Index | None) -> str:
    """Return a sentence that says what rows are called."""
    return "Rows count from 0." if names is None else "Rows are called by the index of X_test."
