"""Values under the pointer: see-through marks over a figure, whose titles browsers show. No script is needed.

Paper and phones show the figure as it is; for them, and for keyboards, the values stand in a table too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

RADIUS = 7
MOST = 200
"""Marks of a figure, and rows of its table of values; of more, an evenly spaced part."""


@dataclass(frozen=True, slots=True)
class Hover:
    """Words for places in a figure: at points `x`, `y` of the data, or, without `y`, along the axis."""

    x: np.ndarray
    y: np.ndarray | None
    words: Sequence[str]


def overlay(axes: Axes, hovers: Iterable[Hover], width: int, height: int) -> Markup:
    """Return marks for a figure of that size in pixels; its axes must have been drawn, so that they have a place."""
    marks = [mark for hover in hovers for mark in _marks(axes, hover, width, height)]
    if not marks:
        return Markup("")
    return Markup(
        f'<svg class="spots" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f"{''.join(marks)}</svg>"
    )


def _marks(axes: Axes, hover: Hover, width: int, height: int) -> Iterable[str]:
    box = axes.get_position()
    top, tall = height * (1 - box.y1), height * box.height
    x = np.asarray(hover.x, dtype=float)
    y = np.full(len(x), axes.get_ylim()[0]) if hover.y is None else np.asarray(hover.y, dtype=float)
    at = axes.transData.transform(np.column_stack([x, y])) @ np.diag(1 / _size(axes))
    at = at * [width, -height] + [0, height]
    if hover.y is None:
        edges = np.concatenate([at[:1, 0], (at[1:, 0] + at[:-1, 0]) / 2, at[-1:, 0]])
        for left, right, words in zip(edges[:-1], edges[1:], hover.words, strict=True):
            yield (
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{tall:.1f}">'
                f"<title>{escape(words)}</title></rect>"
            )
        return
    for (left, down), words in zip(at, hover.words, strict=True):
        if np.isfinite([left, down]).all():
            yield f'<circle cx="{left:.1f}" cy="{down:.1f}" r="{RADIUS}"><title>{escape(words)}</title></circle>'


def _size(axes: Axes) -> np.ndarray:
    """Return the figure's width and height in the units of its transforms."""
    return np.asarray(axes.figure.bbox.size)
