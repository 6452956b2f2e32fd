"""What a report is made of: sections of paragraphs, tables, figures and notes, and how a figure comes into it."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas

from pbnn.errors import warn
from pbnn.plots.style import RC
from pbnn.report.hover import Hover, overlay

MOST_SVG_BYTES = 120_000
"""Beyond this a figure is dense, and smaller with its lines and points as pixels."""

WIDE = (5.8, 4.2)
"""Size in inches of a figure that has a row of its own: small, so that its words are large."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences, each with a level: "ok", "caution" or "no"."""

    items: tuple[tuple[str, str], ...]
    kind: Literal["points"] = "points"


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, a header and rows of text; columns in `numeric` are set right, long cells `wrap` on a phone."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    wrap: bool = False
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Our own markup, such as an inline SVG, with a caption."""

    markup: Markup
    caption: str = ""
    kind: Literal["drawing"] = "drawing"


@dataclass(frozen=True, slots=True)
class Details:
    """Something long that opens on a click: preformatted text or blocks."""

    summary: str
    text: str = ""
    blocks: "tuple[Block, ...]" = ()
    kind: Literal["details"] = "details"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: its `source` is a data URI; `alt` says what it shows to someone who cannot see it.

    `spots` lies over it and shows values under the pointer; `values` has the same as a table, for all others.
    """

    title: str
    source: str
    alt: str
    caption: str
    width: int
    height: int
    wide: bool = False
    spots: Markup = Markup("")
    values: Table | None = None
    kind: Literal["picture"] = "picture"


@dataclass(frozen=True, slots=True)
class Note:
    """Why a figure is missing: it does not apply (`failed=False`), or drawing it failed."""

    titles: tuple[str, ...]
    reason: str
    failed: bool = False
    kind: Literal["note"] = "note"


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures and tables side by side; notes below them."""

    blocks: "tuple[Block, ...]"
    kind: Literal["group"] = "group"


Block = Paragraph | Points | Table | Drawing | Details | Picture | Note | Group


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter: `id` is its anchor, `title` its heading."""

    id: str
    title: str
    blocks: tuple[Block, ...]


class NotApplicableError(Exception):
    """A figure that makes no sense for this fit; the message says why, in a sentence."""


def attempt(title: str, make: Callable[..., Block], *args: Any) -> Block:
    """Return the block that `make` makes, or a note that says in its place why there is none.

    An unforeseen error costs its figure and warns, but does not lose the report.
    """
    try:
        return make(*args)
    except NotApplicableError as reason:
        return Note((title,), str(reason))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        warn(f"report: the part {title!r} failed ({reason}); the report says so in its place.")
        return Note((title,), reason, failed=True)


def group(*blocks: Block) -> Group:
    """Put blocks side by side, and below them the notes, those with the same reason as one."""
    notes: dict[tuple[str, bool], Note] = {}
    for note in blocks:
        if isinstance(note, Note):
            key = (note.reason, note.failed)
            titles = (*notes[key].titles, *note.titles) if key in notes else note.titles
            notes[key] = Note(titles, *key)
    return Group((*(b for b in blocks if not isinstance(b, Note)), *notes.values()))


def draw(
    plot: Callable[..., Any],
    *args: Any,
    title: str,
    alt: str,
    caption: str,
    size: tuple[float, float] = (5.6, 3.7),
    wide: bool = False,
    labels: Mapping[str, str] | None = None,
    hover: tuple[Hover, ...] = (),
    values: Table | None = None,
    **options: Any,
) -> Picture:
    """Draw `plot(*args, ax=..., **options)` on a figure of its own, which pyplot never sees.

    `labels` are set on the axes afterwards, such as `{"ylabel": "acceleration"}`; `hover` shows values under the
    pointer, and `values` the same in a table below.
    """
    with mpl.rc_context(RC | {"svg.hashsalt": "pbnn", "svg.fonttype": "path"}):
        canvas = Canvas(figsize=size, layout="constrained")
        axes = plot(*args, ax=canvas.subplots(), **options)
        axes.set(**(labels or {}))
        source = _data_uri(canvas)
        width, height = (round(96 * side) for side in size)
        spots = overlay(axes, hover, width, height)
    return Picture(title, source, alt, caption, width, height, wide, spots, values)


def _data_uri(canvas: Canvas) -> str:
    svg = _svg(canvas)
    if len(svg) > MOST_SVG_BYTES:
        for axes in canvas.axes:
            for artist in (*axes.lines, *axes.collections):
                artist.set_rasterized(True)
        svg = _svg(canvas)
    return as_data_uri(svg, "image/svg+xml")


def _svg(canvas: Canvas) -> bytes:
    file = BytesIO()
    canvas.savefig(file, format="svg", dpi=200, metadata={"Date": None})
    return file.getvalue()


def as_data_uri(content: bytes, media_type: str) -> str:
    """Return content as an address that carries it whole."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
