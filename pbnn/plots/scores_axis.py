"""The axis of a search's scores, on which the bad corners of a space would leave no room for the rest."""

import numpy as np
from matplotlib.axes import Axes

from pbnn.plots.style import INK

REACH = 3.0
"""Scores further below the median than so many times the best is above it are marks at the edge."""
MARGIN = 0.08


def leave_room(
    ax: Axes, scores: np.ndarray, noise: np.ndarray, direction: str, *beside: np.ndarray
) -> np.ndarray:
    """Set the ends of the vertical axis, and return which scores lie beyond.

    Parameters
    ----------
    scores, noise
        Scores and what reaches beyond them on both sides.
    direction
        `"maximize"` or `"minimize"`: to which side bad scores lie.
    *beside
        What has to be seen whole, such as the ends of a band.
    """
    sign = -1.0 if direction == "minimize" else 1.0
    y = sign * np.asarray(scores, float)
    reach = REACH * (np.max(y) - np.median(y))
    inside = y >= np.median(y) - reach if reach > 0 else np.ones(len(y), bool)
    whole = np.concatenate([(y - noise)[inside], (y + noise)[inside], *(sign * part for part in beside)])
    low, high = np.min(whole), np.max(whole)
    room = MARGIN * (high - low) or max(abs(high), 1.0) * MARGIN
    # At the bad end there is room for the marks.
    ax.set_ylim(*sorted((sign * (low - 2 * room), sign * (high + room))))
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
