"""The state of a chain as JSON, exactly, and back."""

from base64 import b64decode, b64encode
from math import isfinite
from typing import Any

import numpy as np

from pbnn.infer.programs import State


def as_json(state: State) -> dict[str, Any]:
    """Return values that JSON holds without loss: arrays as their bytes, with type and shape."""
    return {name: _encode(name, value) for name, value in state.items()}


def from_json(values: dict[str, Any]) -> State:
    """Return the state; every value has the type it had.

    Raises
    ------
    ValueError, KeyError, TypeError
        If a value is damaged.
    """
    return {name: _decode(value) for name, value in values.items()}


def _encode(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biuf":
            raise TypeError(f"state: {name!r} holds {value.dtype}; a state holds numbers and texts.")
        # In the machine's order of bytes, which the type names.
        data = b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        kind = "scalar" if isinstance(value, np.generic) else "array"
        return {kind: value.dtype.str, "shape": list(value.shape), "bytes": data}
    if isinstance(value, float) and not isfinite(value):
        return {"float": repr(value)}  # JSON has no infinity
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"state: {name!r} is a {type(value).__name__}; a state holds numbers and texts.")


def _decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float(value["float"])
    dtype = np.dtype(value["scalar" if "scalar" in value else "array"])
    if dtype.kind not in "biuf":
        raise ValueError(f"a state cannot hold {dtype}")
    array = np.frombuffer(b64decode(value["bytes"], validate=True), dtype).reshape(value["shape"]).copy()
    return array[()] if "scalar" in value else array
