"""Likelihoods of counts."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Poisson:
    """Counts 0, 1, 2, ..., with `log(rate(x))` from the network."""
