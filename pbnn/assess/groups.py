"""`by_group`: whether predictions are as good, and as honest, in every part of the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from pbnn.assess.calibration import BAND, reliability
from pbnn.assess.scores import mean_and_se
from pbnn.errors import DataError, count

SLICES = 4
"""Into how many slices of about equal counts a column of many numbers is cut."""
MOST_VALUES = 20
"""A column with more different numbers is cut into slices."""


def by_group(rows: xr.Dataset, groups: Any, *, slices: int = SLICES, level: float = 0.9) -> xr.Dataset:
    """Judge predictions group by group.

    Parameters
    ----------
    rows
        From `pointwise`.
    groups
        A value for each of these rows, such as a column of `X` at `rows["obs"]`: labels; numbers, of which many
        different ones are cut into slices of about equal counts; or a mapping of names to booleans, one for each row,
        whose groups may overlap.
    slices
        Into how many.
    level
        Of numbers: the probability of the central intervals whose coverage is given.

    Returns
    -------
    xarray.Dataset
        By `group` (and `output`): `count`; `lpd`, the mean log predictive density in nats; numbers: `coverage` and
        `bias`, the mean residual in predictive standard deviations; classes: `accuracy`, `ece`, `ece_debiased` and
        `gap`, mean confidence minus accuracy. Each with `<name>_se`, its standard error over rows: NaN in a group with
        one row, of which nothing can be said. `lower`, `upper`: where `coverage`, or `accuracy`, would lie with
        probability 0.95 for all groups together, if the predictions were right. attrs: `note`, in words, of groups too
        small and of those outside.

    Raises
    ------
    DataError
        If `rows` are not those of `pointwise`, there is not one value for each, or one is missing.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from pbnn.assess import by_group
    >>> rows = xr.Dataset(
    ...     {name: ("obs", np.linspace(0.01, 0.99, 40)) for name in ("pit", "lpd", "standardized")},
    ...     attrs={"kind": "continuous"},
    ... )
    >>> by_group(rows, ["a"] * 39 + ["b"]).attrs["note"]
    "group 'b' has 1 row: nothing can be said of it."
    """
    _check_rows(rows)
    members = members_of(groups, rows.sizes["obs"], slices)
    # Sidak: of all groups together. They share the fit, but hardly any rows.
    each = BAND ** (1 / len(members))
    parts = []
    for inside in members.values():
        part = rows.isel(obs=np.flatnonzero(inside))
        judged = _classes(part, each) if "p" in rows else _numbers(part, level, each)
        parts.append(judged.assign(count=part.sizes["obs"]))
    table = xr.concat(parts, pd.Index(list(members), name="group"), join="outer", combine_attrs="drop")
    for name, (long_name, units) in _MEANING.items():
        if name in table:
            table[name] = table[name].assign_attrs(long_name=long_name, units=units)
    table.attrs = {"level": level} if "coverage" in table else {}
    return table.assign_attrs(note=_note(table))


_MEANING = {
    "count": ("number of rows", "1"),
    "lpd": ("mean log predictive density", "nat"),
    "coverage": ("share of observations within central intervals", "1"),
    "bias": ("mean residual in predictive standard deviations", "1"),
    "accuracy": ("share of observations whose most probable class is right", "1"),
    "ece": ("expected calibration error of the most probable class", "1"),
    "ece_debiased": ("expected calibration error less what chance adds", "1"),
    "gap": ("mean confidence minus accuracy", "1"),
}


def members_of(
    groups: Any, n: int, slices: int = SLICES, most_values: int = MOST_VALUES
) -> dict[Any, np.ndarray]:
    """Return which of `n` rows are in each group, by its name, as booleans; see `by_group`.

    Numbers of which more than `most_values` differ are cut into slices.
    """
    if isinstance(groups, Mapping):
        members = {name: np.asarray(inside, dtype=bool) for name, inside in groups.items()}
        if not members or any(inside.shape != (n,) for inside in members.values()):
            raise DataError(f"by_group: each group must be {n} booleans, one for each row.")
        empty = [name for name, inside in members.items() if not inside.any()]
        if empty:
            raise DataError(f"by_group: no row is in group {empty[0]!r}; leave it out.")
        return members
    values = np.asarray(groups, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"by_group: pass one column of groups; got shape {values.shape}.")
    values = pd.Series(values).infer_objects()
    if len(values) != n:
        raise DataError(
            f"by_group: needs one value for each of the {n} rows; got {len(values)}. rows['obs'] holds their numbers."
        )
    if values.isna().any():
        row = int(np.argmax(values.isna()))
        raise DataError(
            f"by_group: the value of row {row} is missing; name such a group, as by fillna('unknown')."
        )
    if values.dtype.kind in "iuf" and values.nunique() > most_values:
        codes = pd.qcut(values, slices, labels=False, duplicates="drop").to_numpy()
        spans = values.groupby(codes).agg(["min", "max"])
        names = _span_names(spans.to_numpy().tolist())
        return {name: codes == code for name, code in zip(names, spans.index, strict=True)}
    labels = sorted(values.unique(), key=lambda v: (str(type(v)), v))
    members = {_label(label): (values == label).to_numpy() for label in labels}
    if len(members) < len(labels):
        raise DataError(
            "by_group: different groups have the same name, such as 1 and '1'; rename one of them."
        )
    return members


def _label(value: Any) -> str:
    """Write the value of a group; a whole number stored as a float is written as one."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def _check_rows(rows: Any) -> None:
    judged = isinstance(rows, xr.Dataset) and "lpd" in rows and "obs" in rows.dims
    if not (judged and ("p" in rows or "pit" in rows)):
        raise DataError(
            f"by_group: the first argument must be what pbnn.assess.pointwise(bnn, idata, X, y) returns; got "
            f"{'another Dataset' if isinstance(rows, xr.Dataset) else type(rows).__name__}."
        )


def _span_names(spans: Sequence[tuple[float, float]]) -> list[str]:
    """Write spans of numbers with as many digits as tell them apart, 6 at least."""
    for digits in range(6, 18):
        names = [f"{low:.{digits}g} to {high:.{digits}g}" for low, high in spans]
        if len(set(names)) == len(names):
            break
    return names


def _mean(values: xr.DataArray, name: str) -> dict[str, xr.DataArray]:
    value, se = mean_and_se(values)
    return {name: value, f"{name}_se": se}


def _numbers(rows: xr.Dataset, level: float, each: float) -> xr.Dataset:
    inside = 2 * np.abs(rows["pit"] - 0.5) <= level
    lower, upper = stats.binom.interval(each, rows.sizes["obs"], level)
    return xr.Dataset(
        {
            **_mean(rows["lpd"], "lpd"),
            **_mean(inside.astype(float), "coverage"),
            **_mean(rows["standardized"], "bias"),
            "lower": lower / rows.sizes["obs"],
            "upper": upper / rows.sizes["obs"],
        }
    )


def _classes(rows: xr.Dataset, each: float) -> xr.Dataset:
    table, n = reliability(rows), rows.sizes["obs"]
    lower, upper = stats.binom.interval(each, n, min(1.0, float(rows["confidence"].mean())))
    return xr.Dataset(
        {
            **_mean(rows["lpd"], "lpd"),
            **_mean(rows["correct"], "accuracy"),
            "ece": table["ece"],
            "ece_se": table["ece_se"],
            "ece_debiased": table["ece_debiased"],
            "ece_debiased_se": table["ece_se"],
            **_mean(rows["confidence"] - rows["correct"], "gap"),
            "lower": lower / n,
            "upper": upper / n,
        }
    )


def _note(table: xr.Dataset) -> str:
    said = [
        f"group {name!r} has {count(int(n), 'row')}: nothing can be said of it."
        for name, n in zip(table["group"].values.tolist(), table["count"].values, strict=True)
        if n == 1
    ]
    measured = "coverage" if "coverage" in table else "accuracy"
    value, judged = table[measured], table["count"] > 1
    for where, off in (("below", value < table["lower"]), ("above", value > table["upper"])):
        off = off & judged
        over = [dim for dim in off.dims if dim != "group"]
        names = table["group"].values[off.any(over).to_numpy()].tolist()
        if names:
            said.append(f"{measured} is {where} what chance allows in group {', '.join(map(repr, names))}.")
    return " ".join(said) or "no group stands out."
