"""Tables of plain cells, as text and as HTML: how a network, a built model and a fit show themselves."""

from collections.abc import Sequence
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING

from pbnn.spec.layers import Dense, Embedding, Layer, LayerNorm, Residual
from pbnn.spec.priors import FanIn, Prior, ResponseSD

if TYPE_CHECKING:
    from pbnn.spec.network import Network

Rows = list[tuple[str, ...]]


def _call(name: str, *parts: str) -> str:
    return f"{name}({', '.join(p for p in parts if p)})"


def prior_words(prior: object) -> str:
    """Write a prior short: `Normal(scale ~ LogNormal(1/√n_in, 1))`."""
    match prior:
        case FanIn(gain):
            return f"{gain:g}/√n_in"
        case ResponseSD(factor):
            return f"{factor:g}·sd(y)"
        case float() | int():
            return f"{prior:g}"
    scale = prior.scale  # type: ignore[attr-defined]
    learned = hasattr(scale, "scale")
    return _call(
        type(prior).__name__,
        f"{prior.df:g}" if hasattr(prior, "df") else "",
        f"{prior.loc:g}" if hasattr(prior, "loc") else "",
        f"scale ~ {prior_words(scale)}" if learned else prior_words(scale),
        f"{prior.sigma:g}" if hasattr(prior, "sigma") else "",
    )


def layer_words(layer: Layer) -> str:
    """Write a layer short: `Dense 50 tanh`."""
    match layer:
        case Dense():
            return f"Dense {layer.units} {layer.activation}"
        case Residual():
            return f"Residual [{', '.join(layer_words(inner) for inner in layer.layers)}]"
        case LayerNorm():
            return "LayerNorm"
        case Embedding():
            return f"Embedding {layer.column!r} {layer.units}"


def layer_priors(layer: Layer, weights: Prior, biases: Prior) -> str:
    """Write the priors of a layer, with the network's defaults where it names none."""
    match layer:
        case Dense():
            words = prior_words(layer.weight or weights)
            if layer.bias is False:
                return words
            return f"{words}; bias {prior_words(biases if layer.bias is True else layer.bias)}"
        case Residual():
            return " | ".join(layer_priors(inner, weights, biases) for inner in layer.layers)
        case LayerNorm():
            parts = {"gain": layer.gain, "offset": layer.offset}
            return "; ".join(f"{name} {prior_words(p)}" for name, p in parts.items() if p is not None)
        case Embedding():
            return prior_words(layer.weight) if layer.weight else "Normal(0, 1)"


def network_rows(network: "Network") -> Rows:
    """Return the table of a network: a header, then a row for each layer and the likelihood."""
    rows: Rows = [("layer", "what", "prior")]
    for i, layer in enumerate(network.layers):
        rows.append((f"h{i}", layer_words(layer), layer_priors(layer, network.weights, network.biases)))
    rows.append(("out", "Dense identity", layer_priors(Dense(1), network.weights, network.biases)))
    rows.append(("likelihood", likelihood_words(network), ""))
    return rows


def likelihood_words(network: "Network") -> str:
    """Write the likelihood short: `Gaussian, noise ~ LogNormal(0.3·sd(y), 1)`."""
    likelihood = network.likelihood
    words = [type(likelihood).__name__]
    for field in fields(likelihood):
        value = getattr(likelihood, field.name)
        if isinstance(value, str):
            words.append(value)
        elif isinstance(value, tuple):
            words.append(" < ".join(map(str, value)))
        elif value is not None:
            words.append(
                f"{field.name} {'=' if isinstance(value, int | float) else '~'} {prior_words(value)}"
            )
    return ", ".join(words)


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows, the first of which is the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("─" * w for w in widths), *lines[1:]])


def html_table(rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Write rows, the first of which is the header, as an HTML table."""
    head = "".join(f"<th style='text-align:left'>{escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[1:]
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table class='pbnn'>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
