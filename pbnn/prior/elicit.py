"""`elicit`: answers to questions that anyone can answer, to a prior over functions."""

from math import pi
from typing import Literal

from pbnn.errors import SpecError
from pbnn.spec.functions import FunctionPrior, Lengthscale
from pbnn.spec.numbers import as_number

INSIDE = 2.0
"""The response lies within this many standard deviations of the middle: 19 times in 20."""


def elicit(
    *,
    x_changes_over: Lengthscale,
    response_between: tuple[float, float],
    monotone: Literal["increasing", "decreasing"] | None = None,
    column: str | int | None = None,
    smooth: bool = True,
    repeats_after: float | None = None,
) -> FunctionPrior:
    """Turn "the response changes over about 3 units of x and lies between 0 and 40" into a prior over functions.

    Parameters
    ----------
    x_changes_over
        How far `x` has to go for the response to become another one, in the units of `X`: a number, or one for each
        column. It becomes the lengthscale: at that distance, the correlation of the response is 0.61 (`smooth`).
    response_between
        A range that holds the response at any one input 19 times in 20: the mean is its middle, and the standard
        deviation is a quarter of its width.
    monotone, column
        Whether the response only rises, or falls, and along which column, if there are several.
    smooth
        Whether the response has no kinks.
    repeats_after
        The period, if it repeats. `x_changes_over` is then still a distance in `x`.

    Returns
    -------
    FunctionPrior
        In the units of the response: `calibrate` has to be given `y` too.

    Raises
    ------
    SpecError
        If a number makes no sense, or the answers contradict each other.

    Examples
    --------
    >>> from pbnn import priors
    >>> said = priors.elicit(x_changes_over=3.0, response_between=(0, 40))
    >>> said.mean, said.amplitude, said.lengthscale
    (20.0, 10.0, 3.0)
    """
    try:
        low, high = (as_number(v) for v in response_between)
    except (TypeError, ValueError):
        low = high = None
    if low is None or high is None or not (-float("inf") < low < high < float("inf")):
        raise SpecError(
            f"elicit: response_between must be two numbers, the lower one first, such as (0, 40); got "
            f"{response_between!r}."
        )
    distances = x_changes_over if isinstance(x_changes_over, tuple | list) else [x_changes_over]
    if any(not 0 < (as_number(d) or 0) < float("inf") for d in distances):
        raise SpecError(
            "elicit: x_changes_over must be a distance > 0 in the units of X, or one for each column; got "
            f"{x_changes_over!r}."
        )
    lengthscale = x_changes_over
    if repeats_after is not None:
        over, period = as_number(x_changes_over), as_number(repeats_after)
        if over is None or period is None or not 0 < 2 * over < period:
            raise SpecError(
                "elicit: a response that repeats changes within half of its period; got "
                f"x_changes_over={x_changes_over!r} and repeats_after={repeats_after!r}."
            )
        # Near each other, a periodic kernel's points are as correlated as those of an RBF with this lengthscale.
        lengthscale = 2 * pi * over / period
    return FunctionPrior(
        lengthscale,
        (high - low) / (2 * INSIDE),
        (low + high) / 2,
        monotone=monotone,
        column=column,
        smooth=smooth,
        period=repeats_after,
    )
