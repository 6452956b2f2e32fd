"""Numbers as a verdict writes them."""

from math import ceil, floor, isfinite, log10

from pbnn.errors import count

__all__ = ["count", "number", "percent", "r_hat", "times"]


def r_hat(value: float) -> str:
    """Write an upper bound, rounded up: 1.0101 is not 1.010."""
    return f"{ceil(1000 * value) / 1000:.3f}" if value < 10 else f"{value:.3g}"


def number(value: float, digits: int = 3) -> str:
    """Write a number with some significant digits, and never fewer than it has before the point: `0.123`, `2,134`."""
    if not isfinite(value) or value == 0:
        return f"{value:g}"
    places = max(0, digits - 1 - floor(log10(abs(value))))
    return f"{value:,.{places}f}"


def percent(share: float) -> str:
    """Write a share with three digits, or one if it is small."""
    return f"{100 * share:.3g} %" if share >= 0.01 else f"{100 * share:.1g} %"


def times(n: int) -> str:
    """Write how often: once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(n, f"{n} times")
