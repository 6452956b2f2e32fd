"""Figures with a row for each of many things: which of them to show, and what they are called."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

MANY = 12
"""Rows beyond which names are written smaller."""
LONGEST = 32
"""Letters of a name; a longer one is cut."""


def worst(badness: Any, most: int) -> np.ndarray:
    """Return the places of all, in their order; if they are more than `most`, of the worst, the worst first."""
    badness = np.nan_to_num(np.asarray(badness, dtype=float), nan=-np.inf)
    if len(badness) <= most:
        return np.arange(len(badness))
    return np.argsort(-badness, kind="stable")[:most]


def say_which(ax: Axes, shown: int, total: int, what: str) -> None:
    """Write above the axes that some are left out, if they are."""
    if shown < total:
        ax.set_title(f"the {shown} worst of {total} {what}")


def name_rows(ax: Axes, names: Sequence[Any]) -> np.ndarray:
    """Write a name beside each row, the first on top, and return the heights of the rows."""
    heights = np.arange(len(names))[::-1]
    ax.set_yticks(heights, [_short(str(name)) for name in names], fontsize=9 if len(names) > MANY else None)
    ax.set_ylim(-0.7, len(names) - 0.3)
    return heights


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
