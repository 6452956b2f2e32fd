"""A `BNN` as texts and arrays that a file can hold, and back: nothing in them is code."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from math import isclose, isfinite, prod
from typing import Any

import numpy as np

from pbnn.graph.build import BNN, assemble
from pbnn.graph.censoring import BOUNDS
from pbnn.graph.columns import Columns
from pbnn.graph.response import Response
from pbnn.graph.support import support_of
from pbnn.spec.network import Network

ROUNDING = {"rel_tol": 1e-6, "abs_tol": 1e-9}
"""Differences of means and scales that come from the precision of the data."""

WORDS = {"loc": "means of the training rows", "scale": "scales of the training rows"}

MOST_TEXT = 60
"""Characters of a value in a message."""

_OWN = ("kind", "names", "vector", "classes", "loc", "scale", "censored")
"""Fields of a response that the network does not tell."""


def as_texts(bnn: BNN) -> dict[str, str]:
    """Return the network, and what was learned of the columns and of the response, as JSON by name."""
    return {
        "network": bnn.network.to_json(),
        "columns": json.dumps(_column_fields(bnn.columns)),
        "response": json.dumps({name: getattr(bnn.response, name) for name in _OWN}),
    }


def first_difference(bnn: BNN, texts: Mapping[str, Any]) -> str:
    """Say in which respect texts of `as_texts` are those of another model; nothing if they are not.

    Texts that are missing say nothing. Standardisation counts too: a model of other rows has weights of other units.
    """
    for name, ours in as_texts(bnn).items():
        theirs = texts.get(name, ours)
        if theirs == ours:
            continue
        if name == "network":
            # Older versions wrote fewer fields.
            theirs = Network.from_json(theirs).to_json()
        if found := _difference(json.loads(ours), json.loads(theirs), name):
            return found
    return ""


def _difference(ours: Any, theirs: Any, place: str) -> str:
    """Say where two JSON values differ first, by more than rounding."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [
            (f"{place}, {WORDS.get(key, key)}", ours.get(key), theirs.get(key)) for key in {**ours, **theirs}
        ]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{place}[{i}]", *pair) for i, pair in enumerate(zip(ours, theirs, strict=True))]
    elif isinstance(ours, float) and isinstance(theirs, float) and isclose(ours, theirs, **ROUNDING):
        return ""
    else:
        return (
            ""
            if ours == theirs
            else f"{place} is {_short(theirs)} in the fit and {_short(ours)} in the model"
        )
    return next((found for at, a, b in pairs if (found := _difference(a, b, at))), "")


def _short(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def from_texts(texts: Mapping[str, str], X: np.ndarray | None = None, y: np.ndarray | None = None) -> BNN:
    """Make the model again.

    Parameters
    ----------
    texts
        What `as_texts` gave; other keys are left alone.
    X, y
        The training data, in the user's units and as numbers or codes; None for no rows.

    Raises
    ------
    ValueError, KeyError
        If a text is missing or damaged, or the data do not fit.
    """
    network = Network.from_json(texts["network"])
    columns = _read_columns(texts["columns"])
    response = _read_response(texts["response"], network)
    n_in = len(columns.names)
    kind = np.int64 if response.kind == "classes" else np.float64
    if X is None or y is None:
        X, y = np.empty((0, n_in)), np.empty((0, *_row_shape(response)), kind)
    X, y = X.astype(float), y.astype(kind)
    _require(X.ndim == 2 and X.shape[1] == n_in and len(X) == len(y), "its data do not fit its columns")
    _require(y.shape[1:] == _row_shape(response), "its response has another shape")
    return assemble(network, columns, response, X, y)


def _column_fields(columns: Columns) -> dict[str, Any]:
    """Return the fields, without a shape for a table: such a file is read by versions that know tables only."""
    return {name: value for name, value in asdict(columns).items() if name != "shape" or value}


def _read_columns(text: str) -> Columns:
    columns = Columns(**_read_fields([f.name for f in fields(Columns)], text, {"shape": ()}, "columns"))
    n = len(columns.names)
    _require(all(isinstance(name, str) for name in columns.names), "column names must be text")
    _require(
        len(columns.categories) == len(columns.loc) == len(columns.scale) == n, "columns differ in length"
    )
    sizes = columns.shape
    _require(all(isinstance(k, int) and k > 0 for k in sizes), "a shape must be whole numbers")
    _require(not sizes or (len(sizes) in (2, 3) and prod(sizes) == n), "columns do not fit their shape")
    _require_scale(columns.loc, columns.scale)
    return columns


def _read_response(text: str, network: Network) -> Response:
    support = support_of(network.likelihood)
    # Files from before there was censoring do not name it.
    found = _read_fields(_OWN, text, {"censored": False}, "response")
    response = Response(**found, likelihood=type(network.likelihood).__name__, support=support)
    _require(
        response.kind == support.kind, f"a response of kind {response.kind!r} is none of this likelihood"
    )
    _require(len(response.loc) == len(response.scale) == len(response.names) > 0, "outputs differ in length")
    _require_scale(response.loc, response.scale)
    return response


def _row_shape(response: Response) -> tuple[int, ...]:
    if response.censored:
        return (len(BOUNDS),)
    return () if response.vector else (len(response.names),)


def _read_fields(names: Collection[str], text: str, defaults: Mapping[str, Any], what: str) -> dict[str, Any]:
    raw = json.loads(text)
    _require(isinstance(raw, dict) and {*defaults, *raw} == {*names}, f"{what} must have {sorted(names)}")
    return {name: _as_tuples(value) for name, value in {**defaults, **raw}.items()}


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(v) for v in value) if isinstance(value, list) else value


def _require_scale(loc: tuple[float, ...], scale: tuple[float, ...]) -> None:
    _require(all(isfinite(v) for v in loc), "a location is not finite")
    _require(all(isfinite(v) and v > 0 for v in scale), "a scale is not positive")


def _require(fine: bool, what: str) -> None:
    if not fine:
        raise ValueError(what)
