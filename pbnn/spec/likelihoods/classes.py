"""Likelihoods of labels."""

from dataclasses import dataclass
from typing import final

from pbnn.errors import SpecError


@final
@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Two classes, with `logit p(x)` from the network. The second class, in sorted order, is the event."""


@final
@dataclass(frozen=True, slots=True)
class Categorical:
    """Two or more classes, with `softmax` of one output for each class."""


@final
@dataclass(frozen=True, slots=True)
class Ordinal:
    """Three or more classes in an order: `logit P(y <= k) = cutpoint_k - f(x)`, with learned cutpoints.

    The cumulative model, also known as proportional odds (McCullagh 1980, 10.1111/j.2517-6161.1980.tb01109.x). The
    first cutpoint is normal with standard deviation 2, the gaps between cutpoints are log-normal around 1.

    Parameters
    ----------
    order
        The labels from low to high; None takes the order of a pandas Categorical, or sorts them.

    Examples
    --------
    >>> from pbnn import likelihoods
    >>> likelihoods.Ordinal(order=("low", "mid", "high")).order
    ('low', 'mid', 'high')
    """

    order: tuple[str | int | float | bool, ...] | None = None

    def __post_init__(self) -> None:
        if self.order is None:
            return
        if isinstance(self.order, str) or not isinstance(self.order, list | tuple):
            raise SpecError(f"Ordinal: order must be a sequence of labels; got {self.order!r}.")
        order = tuple(self.order)
        if len(order) < 3 or len(set(order)) < len(order):
            raise SpecError(f"Ordinal: order must have three or more different labels; got {order!r}.")
        object.__setattr__(self, "order", order)
