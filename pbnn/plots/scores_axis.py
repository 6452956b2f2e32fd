"""The axis of a search's scores, on which the bad corners of a space would leave no room for the rest."""

import numpy as np
from matplotlib.axes import Axes

from pbnn.plots.style import INK

REACH = 3.0
"""Scores further below the median than so many times the best is above it are marks at the edge."""
MARGIN = 0.08


def leave_room(ax: Axes, values: np.ndarray, spread: np.ndarray, direction: str) -> np.ndarray:
    """Set the ends of the vertical axis, and return which values lie beyond.

    Parameters
    ----------
    values, spread
        Scores and what reaches beyond them on both sides, such as an error.
    direction
        `"maximize"` or `"minimize"`: to which side bad scores lie.
    """
    sign = -1.0 if direction == "minimize" else 1.0
    scores = sign * np.asarray(values, float)
    top, median = np.max(scores), np.median(scores)
    reach = REACH * (top - median)
    inside = scores >= median - reach if reach > 0 else np.ones(len(scores), bool)
    low, high = np.min((scores - spread)[inside]), np.max((scores + spread)[inside])
    room = MARGIN * (high - low) or max(abs(high), 1.0) * MARGIN
    # Below there is room for the marks.
    ends = sorted((sign * (low - 2 * room), sign * (high + room)))
    ax.set_ylim(*ends)
    return ~inside


def mark_beyond(ax: Axes, x: np.ndarray, direction: str, label: str = "worse than shown") -> None:
    """Mark at the bad edge what lies beyond it."""
    if len(x):
        at, marker = (0.97, "^") if direction == "minimize" else (0.03, "v")
        ax.plot(
            x,
            np.full(len(x), at),
            marker,
            color=INK,
            ms=5,
            label=label,
            transform=ax.get_xaxis_transform(),
            clip_on=False,
        )
