"""Specs as JSON and back, exactly.

A spec becomes `{"type": "Dense", "units": 50, ...}` with every field, defaults too, so that a file keeps its meaning
when a default changes. Types are looked up in the closed tables of this package: reading a file runs no code of its.
"""

import json
from dataclasses import fields, is_dataclass
from typing import Any

from pbnn.errors import SpecError, unknown
from pbnn.spec.layers import LAYERS, REFUSED
from pbnn.spec.likelihoods import LIKELIHOODS
from pbnn.spec.priors import PRIORS, SCALES
from pbnn.spec.unknowns import UNKNOWNS, Choice

# `StudentT` is a prior and a likelihood, so a type is written with its kind.
_KINDS: dict[str, dict[str, type]] = {
    "layer": LAYERS,
    "likelihood": LIKELIHOODS,
    "prior": PRIORS,
    "scale": {name: cls for name, cls in SCALES.items() if name not in PRIORS},
    "open": UNKNOWNS,
}


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        kind = next((k for k, table in _KINDS.items() if type(value) in table.values()), "root")
        body = {f.name: _encode(getattr(value, f.name)) for f in fields(value)}
        return {"type": f"{kind}.{type(value).__name__}", **body}
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    return value


def _decode(value: Any, where: str, kinds: dict[str, dict[str, type]]) -> Any:
    if isinstance(value, list):
        return tuple(_decode(v, f"{where}[{i}]", kinds) for i, v in enumerate(value))
    if not isinstance(value, dict):
        return value
    kind, _, name = str(value.get("type", "")).partition(".")
    if kind == "layer" and name in REFUSED:
        raise SpecError(f"JSON at {where}: {REFUSED[name]}")
    table = kinds.get(kind, {})
    if name not in table:
        near = {kind: table} if table else kinds
        known = [f"{k}.{n}" for k, t in near.items() for n in t]
        raise SpecError(unknown(f"JSON at {where}", "type", value.get("type"), known))
    cls = table[name]
    body = {k: _decode(v, f"{where}.{k}", kinds) for k, v in value.items() if k != "type"}
    names = [f.name for f in fields(cls)]
    for key in body:
        if key not in names:
            raise SpecError(unknown(f"JSON at {where}", f"field of {name}", key, names))
    try:
        return Choice(*body.pop("values"), **body) if cls is Choice else cls(**body)
    except (TypeError, KeyError) as error:
        raise SpecError(f"JSON at {where}: {error}.") from error


def to_json(spec: object) -> str:
    """Return a spec as JSON text."""
    return json.dumps(_encode(spec), allow_nan=False)


def from_json[T](text: str, cls: type[T]) -> T:
    """Return the spec that `to_json` wrote, which must be a `cls`."""
    try:
        spec = _decode(json.loads(text), "$", {**_KINDS, "root": {cls.__name__: cls}})
    except SpecError:
        raise
    except (TypeError, ValueError) as error:
        raise SpecError(f"JSON: not readable ({error}).") from error
    except RecursionError:
        raise SpecError("JSON: nested too deeply to be a network.") from None
    if not isinstance(spec, cls):
        raise SpecError(f"JSON: expected a {cls.__name__}; got {type(spec).__name__}.")
    return spec
