"""Parts of the judged rows, and rows made of them: groups that may be weak spots, and inputs ever further away."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.assess import members_of
from pbnn.graph.columns import Columns
from pbnn.report.blocks import NotApplicableError

MOST_COLUMNS = 12
"""Inputs whose groups are judged; of more, those with which predictions vary most."""
MOST_LEVELS = 12
"""Groups of one input that are judged; of more, those with most rows."""
FEW_VALUES = 6
"""So many different numbers, such as doses, are a group each; more are cut into quarters."""
STEPS = (1.0, 1.5, 2.0, 3.0, 5.0)
"""How many times further from the centre rows are moved."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Booleans for each row, by the name of the group, and the number of `columns` they are of."""

    members: dict[str, np.ndarray]
    columns: int


def groups_of(X: pd.DataFrame, columns: Columns, rows: xr.Dataset) -> Groups:
    """Return groups of rows: each category, and the quarters of each column of numbers.

    Parameters
    ----------
    X
        The inputs of `rows`.
    columns
        Those of the model.
    rows
        From `pointwise`.

    Raises
    ------
    NotApplicableError
        If the inputs are images or sequences, or do not vary.
    """
    if columns.shape:
        raise NotApplicableError(
            "a single element of an image or a sequence makes no group; see pbnn.assess.by_group."
        )
    by_column = {
        name: members_of(X[name].to_numpy(), len(X), most_values=FEW_VALUES) for name in columns.names
    }
    varying = {name: found for name, found in by_column.items() if len(found) > 1}
    if not varying:
        raise NotApplicableError("no input takes more than one value in these rows.")
    # By what is predicted, not by how wrong it is: so the choice does not make chance look like a weakness.
    predicted = (rows["p"] if "p" in rows else rows["predicted"]).transpose("obs", ...).to_numpy()
    predicted = predicted.reshape(len(X), -1)
    strength = {name: _explained(predicted, found) for name, found in varying.items()}
    chosen = sorted(varying, key=lambda name: -strength[name])[:MOST_COLUMNS]
    members = {
        f"{name}: {group}": inside for name in chosen for group, inside in _largest(varying[name]).items()
    }
    return Groups(members, len(chosen))


def _largest(members: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    kept = sorted(members, key=lambda group: -members[group].sum())[:MOST_LEVELS]
    return {group: inside for group, inside in members.items() if group in kept}


def _explained(values: np.ndarray, members: dict[str, np.ndarray]) -> float:
    """Return the share of the variance of `values` `(obs, k)` that lies between groups."""
    off = values - values.mean(axis=0)
    between = sum(inside.sum() * (off[inside].mean(axis=0) ** 2).sum() for inside in members.values())
    return float(between / max((off**2).sum(), np.finfo(float).tiny))


def stretched(X: pd.DataFrame, columns: Columns, factor: float) -> pd.DataFrame:
    """Return rows whose numbers lie `factor` times as far from those of the training data on average.

    Raises
    ------
    NotApplicableError
        If no column holds numbers, or the inputs are images or sequences.
    """
    if columns.shape:
        raise NotApplicableError(
            "an image or a sequence cannot be moved away from the data in a way that makes sense; pass X_out."
        )
    moved = X.copy()
    numbers = [n for n, known in zip(columns.names, columns.categories, strict=True) if known is None]
    if not numbers:
        raise NotApplicableError("all inputs are categories, and there is no distance between these.")
    for name in numbers:
        values = X[name].to_numpy(dtype=float)
        moved[name] = values.mean() + factor * (values - values.mean())
    return moved
