"""Tables of plain cells, as text and as HTML: how a network, a built model and a fit show themselves."""

from collections.abc import Sequence
from dataclasses import fields, replace
from html import escape
from typing import TYPE_CHECKING

from pbnn.spec.layers import Dense, Frozen, Layer, inner_layers, layer_words, own_priors
from pbnn.spec.priors import (
    ARD,
    R2D2,
    FanIn,
    HalfNormal,
    Horseshoe,
    LogNormal,
    MatrixNormal,
    Pretrained,
    Prior,
    PyMC,
    RelevantInputs,
    ResponseSD,
    SpikeSlab,
)
from pbnn.spec.unknowns import Choice, Float, Int

if TYPE_CHECKING:
    from pbnn.spec.network import Network

Rows = list[tuple[str, ...]]


def _call(name: str, *parts: str) -> str:
    return f"{name}({', '.join(p for p in parts if p)})"


def prior_words(prior: object) -> str:
    """Write a prior short: `Normal(scale ~ LogNormal(1/√n_in, 1))`."""
    match prior:
        case None:
            return "none"
        case Int() | Float():
            return str(prior)
        case Choice(values):
            return " | ".join(map(prior_words, values))
        case FanIn(gain):
            return f"{gain:g}/√n_in"
        case ResponseSD(factor):
            return f"{factor:g}·sd(y)"
        case RelevantInputs(count, rows):
            return f"{count:g} inputs of n_in, {rows} rows"
        case float() | int():
            return f"{prior:g}"
        case PyMC(name, parameters):
            return _call(name, *(f"{key}={value:g}" for key, value in parameters))
        case Pretrained():
            shape = "×".join(map(str, prior.shape)) or "1"
            return _call(
                "Pretrained", shape, "scales" if isinstance(prior.scale, tuple) else _scale(prior.scale)
            )
        case ARD(scale):
            return _call("ARD", f"local ~ {prior_words(scale)}")
        case Horseshoe():
            words = [f"global {prior_words(prior.global_scale)}"]
            if prior.slab_scale is not None:
                words.append(f"slab {prior_words(prior.slab_scale)}, df {prior.slab_df:g}")
            return _call("Horseshoe", *words, f"per {prior.each}")
        case SpikeSlab():
            slab = f"slab {_scale(prior.slab)}, spike {prior.spike:g} of it"
            return _call("SpikeSlab", slab, f"{prior.included:g} included", f"per {prior.each}")
        case R2D2():
            return _call(
                "R2D2", f"r2 {prior.r2:g}", f"concentration {prior.concentration:g}", _scale(prior.scale)
            )
        case MatrixNormal():
            return _call(
                "MatrixNormal", _scale(prior.scale), f"row {prior.row:g}", f"column {prior.column:g}"
            )
    per = getattr(prior, "per", "layer")
    return _call(
        type(prior).__name__,
        f"{prior.df:g}" if hasattr(prior, "df") else "",
        f"{prior.loc:g}" if hasattr(prior, "loc") else "",
        _scale(prior.scale),  # type: ignore[attr-defined]
        f"{prior.sigma:g}" if hasattr(prior, "sigma") else "",
        f"per {per}" if per != "layer" else "",
        "centered" if getattr(prior, "centered", False) else "",
    )


def _scale(scale: object) -> str:
    """Write a scale, with a tilde if it is learned."""
    return (
        f"scale ~ {prior_words(scale)}" if isinstance(scale, HalfNormal | LogNormal) else prior_words(scale)
    )


def layer_priors(layer: Layer, weights: Prior, biases: Prior) -> str:
    """Write the priors of a layer that are not frozen, with the network's defaults where it names none."""
    words, fixed = [], dict(layer.values) if isinstance(layer, Frozen) else {}
    layer = layer.layer if isinstance(layer, Frozen) else layer
    for name, prior in own_priors(layer).items():
        if prior is not False and name not in fixed:
            short = prior_words(weights if prior is None else biases if prior is True else prior)
            words.append(short if name == "weight" else f"{name} {short}")
    inside = [layer_priors(inner, weights, biases) for inner in inner_layers(layer)]
    return " | ".join(part for part in ["; ".join(words), *inside] if part)


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
    if isinstance(likelihood, Choice):
        return " | ".join(likelihood_words(replace(network, likelihood=one)) for one in likelihood.values)
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
