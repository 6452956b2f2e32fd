"""One parameter as a column of numbers, and back."""

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from pbnn.errors import SpecError


@final
@dataclass(frozen=True, slots=True)
class Numeric:
    """A number in [0, 1]: after its log scale, and with a cell of equal worth for each value of a grid.

    `levels` is the number of values of a grid, and 0 of a continuous parameter.
    """

    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    middle = 0.5
    choices = 0

    @property
    def levels(self) -> int:
        """Number of values of a grid; 0 of a continuous parameter."""
        if self.low == self.high:
            return 1
        return 0 if self.step is None else round((self.high - self.low) / self.step) + 1

    def _ends(self) -> tuple[float, float]:
        # Half a step more at either end, so that uniform draws give the values at the ends their full share.
        half = 0.0 if self.step is None else self.step / 2
        return self._scaled(self.low - half), self._scaled(self.high + half)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else float(value)

    def encode(self, value: Any) -> float:
        """Return the place of a value in [0, 1]."""
        if self.levels == 1:
            return self.middle
        low, high = self._ends()
        # Halves, for the width of a space such as (-1e308, 1e308) is no float.
        return (self._scaled(float(value)) / 2 - low / 2) / (high / 2 - low / 2)

    def decode(self, x: float) -> int | float:
        """Return the admissible value nearest to a place in [0, 1]."""
        if self.levels == 1:
            value = self.low
        else:
            low, high = self._ends()
            value = low * (1 - x) + high * x
            if self.log:
                value = math.exp(value)
            if self.step is not None:
                steps = min(max(round((value - self.low) / self.step), 0), self.levels - 1)
                value = self.low + steps * self.step
            value = min(max(value, self.low), self.high)
        return round(value) if self.whole else float(value)


@final
@dataclass(frozen=True, slots=True)
class Category:
    """The index of a choice."""

    distribution: CategoricalDistribution

    middle = 0.0
    levels = 0

    @property
    def choices(self) -> int:
        """Number of choices."""
        return len(self.distribution.choices)

    def encode(self, value: Any) -> float:
        """Return the index of a choice."""
        return float(self.distribution.to_internal_repr(value))

    def decode(self, x: float) -> Any:
        """Return the choice at the nearest index."""
        return self.distribution.choices[int(min(max(np.floor(x + 0.5), 0), self.choices - 1))]


Column = Numeric | Category


def column_of(name: str, distribution: BaseDistribution) -> Column:
    """Return the column of a parameter.

    Raises
    ------
    SpecError
        If the distribution is none of Optuna's three, or not finite.
    """
    match distribution:
        case CategoricalDistribution():
            return Category(distribution)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return Numeric(low, high, step, log, True)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            if not (math.isfinite(low) and math.isfinite(high)):
                raise SpecError(f"Inputs: the bounds of {name!r} must be finite; got [{low}, {high}].")
            return Numeric(low, high, step, log, False)
    raise SpecError(
        f"Inputs: {name!r} must have a FloatDistribution, IntDistribution or CategoricalDistribution of Optuna; got "
        f"{type(distribution).__name__}."
    )


def words(value: Any) -> str:
    """Write a value of a parameter."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
