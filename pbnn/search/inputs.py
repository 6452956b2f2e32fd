"""Parameters of a search as rows of numbers, and back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from scipy.stats import qmc

from pbnn.errors import DataError, ShapeError, SpecError, unknown
from pbnn.search.columns import Column, column_of

SAME = 1e-9
"""Two places of a grid nearer than this are one: grids of the parents of conditions are far coarser."""


@final
@dataclass(frozen=True, slots=True)
class Condition:
    """A parameter is active if its parent is, and the parent's value is among `values`.

    Examples
    --------
    >>> Condition("depth", (2, 3))
    Condition(parent='depth', values=(2, 3))
    """

    parent: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))


@final
@dataclass(frozen=True, slots=True)
class Points:
    """Points of a search: one row each, one column per parameter in the order of names.

    Parameters
    ----------
    x
        `(n, d)`, float64: a number in [0, 1], or the index of a category; 0.5 or 0 where the parameter is inactive.
    active
        `(n, d)`, bool.
    """

    x: np.ndarray
    active: np.ndarray

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.x.shape != self.active.shape:
            raise ShapeError(
                f"Points: x and active must have one shape (n, d); got {self.x.shape} and {self.active.shape}."
            )

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Any) -> "Points":
        """Return some rows; a single one is a set of one point."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        return Points(self.x[rows], self.active[rows])

    def distinct(self) -> np.ndarray:
        """Return the first row of each point that is there, in order."""
        return np.sort(self.grouped()[0])

    def grouped(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first row of each of the `m` points that are there, `(m,)`, and which each row is, `(n,)`."""
        key = np.hstack([self.x, self.active]).round(12)
        _, first, which = np.unique(key, axis=0, return_index=True, return_inverse=True)
        return first, which.ravel()

    @staticmethod
    def joined(sets: Sequence["Points"]) -> "Points":
        """Return all points of some sets, one after the other."""
        return Points(np.concatenate([p.x for p in sets]), np.concatenate([p.active for p in sets]))


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """What a program for these inputs is compiled for: plain numbers, so that equal layouts share one program.

    Parameters
    ----------
    choices
        Of each column, the number of its categories; 0 of a number.
    levels
        Of each column, 1 or 2 where its grid has so few values; else 0, for programs need not know how fine a grid is.
    gates
        A column of each group of columns that are active together; those that always are have none.
    parts
        On how many parts (seeds, folds) trials were scored, each on some of them; 0: that is not known, or all were
        scored on the same.
    exact
        Whether scores have no noise that has to be learned.
    """

    choices: tuple[int, ...]
    levels: tuple[int, ...]
    gates: tuple[int, ...]
    parts: int = 0
    exact: bool = False

    @property
    def numeric(self) -> tuple[int, ...]:
        """Columns that hold a number."""
        return tuple(j for j, c in enumerate(self.choices) if not c)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Columns that hold the index of a category."""
        return tuple(j for j, c in enumerate(self.choices) if c)

    @property
    def free(self) -> int:
        """Number of columns that can vary."""
        return sum(1 not in pair for pair in zip(self.choices, self.levels, strict=True))


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """How the parameters of a search become rows of numbers. Made by `Inputs.of`.

    Numbers lie in [0, 1] after their log scale. Each value of a grid (integers, floats with a step) has a cell, as in
    Optuna's own rounding, so that uniform draws give every value its share. Of a parameter that is inactive, the value
    is forgotten.

    Examples
    --------
    >>> from optuna.distributions import CategoricalDistribution, IntDistribution
    >>> space = {"depth": IntDistribution(1, 2), "width": IntDistribution(8, 128, log=True),
    ...          "width2": IntDistribution(8, 128, log=True), "act": CategoricalDistribution(["relu", "tanh"])}
    >>> inputs = Inputs.of(space, {"width2": Condition("depth", [2])})
    >>> points = inputs.points([{"depth": 1, "width": 32, "act": "tanh"}])
    >>> points.x.round(2)
    array([[0.25, 0.51, 0.5 , 1.  ]])
    >>> inputs.params(points)
    [{'depth': 1, 'width': 32, 'act': 'tanh'}]
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    conditions: Mapping[str, Condition]
    order: tuple[int, ...]
    """Columns, parents before children."""

    @staticmethod
    def of(
        distributions: Mapping[str, BaseDistribution], conditions: Mapping[str, Condition] | None = None
    ) -> "Inputs":
        """Return the inputs of a space.

        Parameters
        ----------
        distributions
            Optuna's distribution of each parameter, by name.
        conditions
            When a parameter is active, by its name; one that is not named always is.

        Raises
        ------
        SpecError
            If the space is empty; or a condition is of, or on, a parameter that is not there, on a value that its
            parent cannot take, on a continuous parent, or on itself by some way round.
        """
        if not distributions:
            raise SpecError("Inputs: the space is empty; name at least one parameter.")
        names = tuple(distributions)
        columns = tuple(column_of(name, d) for name, d in distributions.items())
        conditions = dict(conditions or {})
        for name, condition in conditions.items():
            _check(name, condition, distributions, dict(zip(names, columns, strict=True)))
        return Inputs(names, columns, conditions, _order(names, conditions))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def layout(self) -> Layout:
        """What programs for these inputs are compiled for."""
        groups = {c: self.names.index(name) for name, c in reversed(self.conditions.items())}
        return Layout(
            tuple(c.choices for c in self.columns),
            tuple(c.levels if c.levels <= 2 else 0 for c in self.columns),
            tuple(groups.values()),
        )

    def points(self, params: Iterable[Mapping[str, Any]]) -> Points:
        """Return the points of some parameter sets.

        Raises
        ------
        DataError
            If a parameter that is active has no value.
        """
        params = list(params)
        x, active = self._blank(len(params))
        for j in self.order:
            name, column = self.names[j], self.columns[j]
            active[:, j] = self._active_column(j, x, active)
            for i in np.flatnonzero(active[:, j]):
                if name not in params[i]:
                    raise DataError(
                        f"Inputs.points: parameter set {i} has no value of {name!r}, which is active in it; it has "
                        f"{', '.join(map(repr, params[i])) or 'none'}."
                    )
                x[i, j] = column.encode(params[i][name])
        return Points(x, active)

    def params(self, points: Points) -> list[dict[str, Any]]:
        """Return the parameters that are active at each point, by name; of a grid, exactly its values."""
        self._check_width(points.x)
        return [
            {
                name: column.decode(value)
                for name, column, value, on in zip(self.names, self.columns, row, actives, strict=True)
                if on
            }
            for row, actives in zip(points.x.tolist(), points.active.tolist(), strict=True)
        ]

    def snap(self, points: Points | np.ndarray) -> Points:
        """Return the nearest admissible points: on the grids, and with activity as the conditions say.

        A parameter that becomes active keeps the number in its column.
        """
        given = points.x if isinstance(points, Points) else np.asarray(points, float)
        self._check_width(given)
        x, active = self._blank(len(given))
        for j in self.order:
            column = self.columns[j]
            on = active[:, j] = self._active_column(j, x, active)
            values = given[on, j]
            if column.choices:
                x[on, j] = np.clip(np.floor(values + 0.5), 0, column.choices - 1)
            elif column.levels:
                x[on, j] = [column.encode(column.decode(v)) for v in values.tolist()]
            else:
                x[on, j] = np.clip(values, 0.0, 1.0)
        return Points(x, active)

    def sample(self, n: int, rng: np.random.Generator) -> Points:
        """Draw `n` points that fill the space evenly: a scrambled Sobol sequence, snapped.

        References
        ----------
        Owen (1998), Scrambling Sobol' and Niederreiter-Xing points, 10.1006/jcom.1998.0487.
        """
        sobol = qmc.Sobol(len(self), scramble=True, rng=rng)
        # A sequence is balanced at powers of two only, and SciPy warns of others.
        u = sobol.random_base2(max(int(np.ceil(np.log2(max(n, 1)))), 0))[:n]
        for j, column in enumerate(self.columns):
            if column.choices:
                u[:, j] = np.minimum(np.floor(u[:, j] * column.choices), column.choices - 1)
        return self.snap(u)

    def neighbours(self, point: Points) -> Points:
        """Return all points one move away in a category or on a grid: `(k, d)`.

        A move goes to any other category, or 1, 2, 4, ... steps along a grid. What becomes active by it stands at the
        middle of its range, or at its first category.
        """
        if len(point) != 1:
            raise ShapeError(f"Inputs.neighbours: expected one point; got {len(point)}.")
        moved = []
        for j in np.flatnonzero(point.active[0]):
            for value in _moves(self.columns[j], point.x[0, j]):
                x = point.x[0].copy()
                x[j] = value
                moved.append(x)
        return self.snap(np.array(moved).reshape(len(moved), len(self)))

    def grid(self, name: str) -> np.ndarray | None:
        """Return the places of all values of a parameter, rising; None of a continuous one."""
        if name not in self.names:
            raise SpecError(unknown("Inputs.grid", "parameter", name, self.names))
        column = self.columns[self.names.index(name)]
        if column.choices:
            return np.arange(column.choices, dtype=float)
        if not column.levels:
            return None
        step = column.step or 0.0
        return np.array([column.encode(column.low + i * step) for i in range(column.levels)])

    def _blank(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.tile(np.array([c.middle for c in self.columns]), (n, 1))
        return x, np.zeros((n, len(self)), bool)

    def _active_column(self, j: int, x: np.ndarray, active: np.ndarray) -> np.ndarray:
        condition = self.conditions.get(self.names[j])
        if condition is None:
            return np.ones(len(x), bool)
        parent = self.names.index(condition.parent)
        allowed = np.array([self.columns[parent].encode(v) for v in condition.values])
        return active[:, parent] & (np.abs(x[:, parent, None] - allowed) < SAME).any(-1)

    def _check_width(self, x: np.ndarray) -> None:
        if x.ndim != 2 or x.shape[1] != len(self):
            raise ShapeError(
                f"Inputs: expected points (n, {len(self)}), one column for each of {', '.join(self.names)}; got "
                f"{x.shape}."
            )


def _moves(column: Column, x: float) -> list[float]:
    if column.choices:
        return [float(c) for c in range(column.choices) if c != round(x)]
    if column.levels < 2:
        return []
    here = round((column.decode(x) - column.low) / column.step)
    hops = [2**i for i in range(column.levels.bit_length()) if 2**i < column.levels]
    places = {here + sign * hop for hop in hops for sign in (-1, 1)}
    return [column.encode(column.low + p * column.step) for p in sorted(places) if 0 <= p < column.levels]


def _check(
    name: str,
    condition: Condition,
    distributions: Mapping[str, BaseDistribution],
    columns: Mapping[str, Column],
) -> None:
    if name not in distributions:
        raise SpecError(unknown("Inputs", "parameter in conditions", name, distributions))
    parent = condition.parent
    if parent not in distributions:
        raise SpecError(unknown(f"Inputs: condition of {name!r}", "parent", parent, distributions))
    if not (columns[parent].choices or columns[parent].levels):
        raise SpecError(
            f"Inputs: {name!r} depends on {parent!r}, which is continuous; a parent must be a category, an integer or "
            "have a step."
        )
    if not condition.values:
        raise SpecError(f"Inputs: {name!r} is never active, for its condition on {parent!r} has no values.")
    for value in condition.values:
        if not _takes(columns[parent], value):
            raise SpecError(
                f"Inputs: {name!r} is to be active where {parent!r} is {value!r}, which it never is: "
                f"{distributions[parent]}."
            )


def _takes(column: Column, value: Any) -> bool:
    try:
        return column.decode(column.encode(value)) == value or bool(column.choices)
    except (ValueError, TypeError):
        return False


def _order(names: Sequence[str], conditions: Mapping[str, Condition]) -> tuple[int, ...]:
    placed: list[str] = []
    while len(placed) < len(names):
        ready = [
            n for n in names if n not in placed and (n not in conditions or conditions[n].parent in placed)
        ]
        if not ready:
            left = [n for n in names if n not in placed]
            raise SpecError(f"Inputs: the conditions of {', '.join(map(repr, left))} wait for each other.")
        placed += ready
    return tuple(names.index(n) for n in placed)
