"""Times that are known in part: censored, and observed only from some time on."""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import pandas as pd

from pbnn.errors import DataError, ShapeError
from pbnn.graph.values import as_array

BOUNDS = ("lower", "upper", "entry")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Censored:
    """Times between bounds, a response for `build` and `score`; made by `censored` and `right_censored`.

    Attributes
    ----------
    lower, upper
        Between what each time lies, `(obs,)`: equal where it is known, `upper` infinite where the event was not seen,
        `lower` 0 where it had happened before.
    entry
        From when on each row was watched; 0 for all the time. A row of which the event had come before would not be
        in the data, so the density is that of times beyond `entry`.
    name
        Of the response.
    """

    lower: np.ndarray
    upper: np.ndarray
    entry: np.ndarray
    name: str = "time"

    def __len__(self) -> int:
        return len(self.lower)

    def __getitem__(self, rows: Any) -> Self:
        """Return some rows, as of an array."""
        parts = (np.atleast_1d(part[rows]) for part in (self.lower, self.upper, self.entry))
        return type(self)(*parts, self.name)

    @property
    def exact(self) -> np.ndarray:
        """Whether each time is known."""
        return self.lower == self.upper

    def to_array(self) -> np.ndarray:
        """Return `(obs, 3)`: lower, upper, entry."""
        return np.stack([self.lower, self.upper, self.entry], axis=-1)


def censored(lower: Any, upper: Any, entry: Any = None) -> Censored:
    """Return times that lie between bounds: the response of a `Weibull` or `LogNormal` survival model.

    Parameters
    ----------
    lower, upper
        Bounds `(obs,)`, in the user's units: equal for a known time; `upper = np.inf` where the event has not happened
        by `lower` (right-censored); `lower = 0` where it happened some time before `upper` (left-censored).
    entry
        When each row came under observation (delayed entry, left truncation); None for 0.

    Returns
    -------
    Censored
        Pass it to `build` and `score` as `y`; slices of it are taken as of an array.

    Raises
    ------
    DataError
        If bounds are missing, negative or reversed, or a row enters after its lower bound; the message names the row.
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> y = pbnn.censored(lower=[2.0, 3.0, 0.0], upper=[2.0, np.inf, 1.5])
    >>> y.exact.tolist()
    [True, False, False]
    """
    columns = _columns("censored", lower=lower, upper=upper, entry=entry)
    low, high = columns["lower"], columns["upper"]
    _refuse(low > high, "censored: lower bound {0:g} lies above the upper bound {1:g}", low, high)
    return Censored(low, high, _entries("censored: lower bound", low, high, columns), _name(lower))


def right_censored(time: Any, event: Any, entry: Any = None) -> Censored:
    """Return times of events, or until when there was none: the usual two columns of a survival study.

    Parameters
    ----------
    time
        Until the event, or the end of watching, `(obs,)`.
    event
        Whether the event was seen: booleans, or 0 and 1.
    entry
        When each row came under observation; None for 0.

    Returns
    -------
    Censored
        See `censored`.

    Raises
    ------
    DataError
        As `censored`; or if an `event` is neither 0 nor 1.
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> import pbnn
    >>> pbnn.right_censored(time=[5.0, 8.0], event=[True, False]).upper.tolist()
    [5.0, inf]
    """
    labels = {v for v in np.ravel(np.asarray(event, dtype=object)) if isinstance(v, str)}
    if labels:
        shown = " and ".join(repr(str(v)) for v in sorted(labels)[:3])
        raise DataError(
            f"right_censored: event must be 0 or 1, or a boolean; got the labels {shown}. Pass a comparison with "
            f"the one that means an event, such as event == {str(min(labels))!r}."
        )
    columns = _columns("right_censored", time=time, event=event, entry=entry)
    times, events = columns["time"], columns["event"]
    bad = (events != 0) & (events != 1)
    _refuse(bad, "right_censored: event must be 0 or 1, or a boolean; got {0:g}", events)
    upper = np.where(events == 1, times, np.inf)
    return Censored(times, upper, _entries("right_censored: time", times, upper, columns), _name(time))


def _columns(where: str, **columns: Any) -> dict[str, np.ndarray]:
    """Return the columns as vectors, and refuse other lengths and pandas columns with rows in another order."""
    given = {name: column for name, column in columns.items() if name != "entry" or column is not None}
    vectors = {name: _vector(column, f"{where}: {name}") for name, column in given.items()}
    first = next(iter(vectors))
    for name, vector in vectors.items():
        if len(vector) != len(vectors[first]):
            raise ShapeError(f"{where}: {first} has {len(vectors[first])} rows and {name} has {len(vector)}.")
    indexed = {name: column for name, column in given.items() if isinstance(column, pd.Series)}
    for name, column in indexed.items():
        first, other = next(iter(indexed.items()))
        if not column.index.equals(other.index):
            raise DataError(
                f"{where}: {first} and {name} have different indexes; pass {name}.loc[{first}.index], or arrays."
            )
    return vectors


def _entries(what: str, low: np.ndarray, high: np.ndarray, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Check times, and return when each row came under observation."""
    where = what.partition(":")[0]
    late = columns.get("entry", np.zeros(len(low)))
    _refuse(~np.isfinite(low) | (low < 0), what + " {0:g} is no time; times are finite and >= 0", low)
    _refuse(high <= 0, where + ": an event at time {0:g}; times of events must be > 0", high)
    _refuse(
        ~np.isfinite(late) | (late < 0), where + ": entry {0:g} is no time; times are finite and >= 0", late
    )
    _refuse(late > low, what + " {1:g} comes before entry {0:g}, so the row would not be there", late, low)
    ends = (late == low) & np.isinf(high) & (late > 0)
    _refuse(ends, where + ": entry {0:g} is the end of watching as well", late)
    return late


def _name(values: Any) -> str:
    name = getattr(values, "name", None)
    return "time" if name is None else str(name)


def _vector(values: Any, name: str) -> np.ndarray:
    array = as_array(values, name)
    if array.ndim != 1:
        raise ShapeError(f"{name} must have shape (obs,); got {array.shape}.")
    try:
        numbers = pd.Series(array).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise DataError(f"{name} must hold numbers.") from None
    _refuse(np.isnan(numbers), f"{name} is missing", numbers)
    return numbers


def _refuse(bad: np.ndarray, what: str, *values: np.ndarray) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        more = f", and {bad.sum() - 1} more" if bad.sum() > 1 else ""
        raise DataError(f"{what.format(*(v[row] for v in values))} (row {row}{more}).")
