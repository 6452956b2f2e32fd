"""Likelihoods of labels."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Two classes, with `logit p(x)` from the network. The second class, in sorted order, is the event."""


@final
@dataclass(frozen=True, slots=True)
class Categorical:
    """Two or more classes, with `softmax` of one output for each class."""
