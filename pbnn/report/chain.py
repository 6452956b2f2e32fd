"""The network as a small drawing: a column of circles for each layer."""

from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from pbnn.graph.build import BNN
from pbnn.report.words import plural
from pbnn.spec.layers import Embedding, Layer, LayerNorm, Residual, layer_words

MOST_CIRCLES = 7
STEP, TOP, HEIGHT, RADIUS = 132, 20, 190, 8


@dataclass(frozen=True, slots=True)
class Column:
    """A layer as drawn: how many units, and two lines of words below."""

    units: int
    title: str
    words: str


def chain_svg(bnn: BNN) -> Markup:
    """Return the network as inline SVG, from the inputs to the likelihood."""
    columns = _columns(bnn)
    width = STEP * len(columns)
    at = [STEP * (i + 0.5) for i in range(len(columns))]
    spread = [_circles(column.units) for column in columns]
    parts = []
    for i in range(len(columns) - 1):
        for a in spread[i]:
            for b in spread[i + 1]:
                parts.append(f'<line x1="{at[i]:g}" y1="{a:g}" x2="{at[i + 1]:g}" y2="{b:g}"/>')
    lines = f'<g stroke="#b8c7d3" stroke-width="0.7">{"".join(parts)}</g>'
    nodes = "".join(
        _column(column, x, ys, edge=i in (0, len(columns) - 1))
        for i, (column, x, ys) in enumerate(zip(columns, at, spread, strict=True))
    )
    label = " → ".join(f"{column.title}: {column.words}" for column in columns)
    return Markup(
        f'<svg class="chain" viewBox="0 0 {width} {TOP + HEIGHT + 62}" style="max-width:{width}px;'
        f'min-width:{min(width, 84 * len(columns))}px" role="img" aria-label="{escape(label)}">'
        f"{lines}{nodes}</svg>"
    )


def _columns(bnn: BNN) -> list[Column]:
    names = bnn.columns.names
    shapes = bnn.shapes
    entering = f"{len(names)} columns" if not bnn.columns.shape else "×".join(map(str, shapes[0]))
    columns = [Column(len(names), "input", names[0] if len(names) == 1 else entering)]
    for layer, shape in zip(bnn.network.layers, shapes[1:], strict=True):
        columns.append(Column(shape[-1], type(layer).__name__, _words(layer)))
    n_out = len(bnn.model.coords["out_unit"])
    likelihood = type(bnn.network.likelihood).__name__
    return [*columns, Column(n_out, likelihood, ", ".join(bnn.response.names))]


def _words(layer: Layer) -> str:
    """Return words for a layer, without its name."""
    match layer:
        case Embedding():
            return f"{layer.column} → {layer.units}"
        case Residual():
            return f"{plural(len(layer.layers), 'layer')} + skip"
        case LayerNorm():
            return "standardise"
    return layer_words(layer).removeprefix(type(layer).__name__).strip()


def _circles(units: int) -> list[float]:
    shown = min(units, MOST_CIRCLES)
    gap = min(28.0, HEIGHT / max(shown, 1))
    middle = TOP + HEIGHT / 2
    return [middle + gap * (i - (shown - 1) / 2) for i in range(shown)]


def _column(column: Column, x: float, ys: list[float], *, edge: bool) -> str:
    fill = "#fff" if edge else "#0072b2"
    parts = []
    for i, y in enumerate(ys):
        if column.units > MOST_CIRCLES and i == MOST_CIRCLES // 2:
            dots = "".join(f'<circle cx="{x:g}" cy="{y + d:g}" r="1.6" fill="#222"/>' for d in (-6, 0, 6))
            parts.append(f'<rect x="{x - 9:g}" y="{y - 11:g}" width="18" height="22" fill="#fff"/>{dots}')
        else:
            parts.append(
                f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS}" fill="{fill}" stroke="#0072b2" stroke-width="1.6"/>'
            )
    words = column.words if len(column.words) <= 18 else f"{column.words[:17]}…"
    base = TOP + HEIGHT
    parts.append(
        f'<text x="{x:g}" y="{base + 26}" text-anchor="middle" font-weight="600">{escape(column.title)}</text>'
        f'<text x="{x:g}" y="{base + 46}" text-anchor="middle">{escape(words)}</text>'
    )
    return "".join(parts)
