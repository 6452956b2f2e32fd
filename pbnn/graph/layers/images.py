"""Layers of sequences and images: convolutions, pooling, and changes of shape."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import ShapeError
from pbnn.graph.layers.wire import (
    ACTIVATIONS,
    AXES,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    parameter,
    require_axes,
    times,
    unit_labels,
)
from pbnn.spec import layers


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows along one axis: `n` of them, each of `size` elements, after filling up with zeros at both ends."""

    n: int
    size: int
    stride: int
    dilation: int
    before: int
    after: int

    def at(self, offset: int) -> slice:
        """Return where, in the axis that is filled up, the elements at an offset of all windows stand."""
        start = offset * self.dilation
        return slice(start, start + (self.n - 1) * self.stride + 1, self.stride)


def plan(where: str, length: int, size: int, stride: int, dilation: int, padding: str | int) -> Windows:
    """Return the windows along an axis of that length.

    Raises
    ------
    ShapeError
        If not one fits.
    """
    reach = (size - 1) * dilation + 1
    n = -(-length // stride)
    if padding == "same":
        total = max((n - 1) * stride + reach - length, 0)
        return Windows(n, size, stride, dilation, total // 2, total - total // 2)
    before, after = (reach - 1, 0) if padding == "causal" else (0, 0)
    if isinstance(padding, int):
        before = after = padding
    room = length + before + after
    if reach > room:
        dilated = f", over {reach} with dilation {dilation}," if dilation > 1 else ""
        padded = f" ({room} with its padding)" if room > length else ""
        raise ShapeError(
            f"{where} is {size}{dilated} and its input has length {length}{padded}. Take a smaller one, or let the "
            "convolutions before it keep their length (padding='same')."
        )
    return Windows((room - reach) // stride + 1, size, stride, dilation, before, after)


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """Return one value for each axis."""
    return value if isinstance(value, tuple) else (value,) * axes


def shifted(
    value: TensorVariable, windows: Sequence[Windows], lengths: Sequence[int]
) -> list[TensorVariable]:
    """Return, for each offset in a window, the elements of all windows there: `(obs, *windows, channel)` each."""
    value = _filled_up(value, windows, lengths)
    return [
        value[(slice(None), *(w.at(o) for w, o in zip(windows, offsets, strict=True)))]
        for offsets in product(*(range(w.size) for w in windows))
    ]


def _filled_up(value: TensorVariable, windows: Sequence[Windows], lengths: Sequence[int]) -> TensorVariable:
    """Put zeros at both ends of each axis of positions."""
    shape = [value.shape[0], *lengths, value.shape[-1]]
    for axis, w in enumerate(windows, start=1):
        ends = [pt.zeros([*shape[:axis], n, *shape[axis + 1 :]], value.dtype) for n in (w.before, w.after)]
        if w.before or w.after:
            value = pt.concatenate([ends[0], value, ends[1]], axis=axis)
            shape[axis] += w.before + w.after
    return value


@apply_layer.register
def _(layer: layers.Conv1D, wire: Wire, place: Place) -> Wire:
    return _convolve(layer, wire, place, 1)


@apply_layer.register
def _(layer: layers.Conv2D, wire: Wire, place: Place) -> Wire:
    return _convolve(layer, wire, place, 2)


def _convolve(layer: layers.Conv1D | layers.Conv2D, wire: Wire, place: Place, axes: int) -> Wire:
    """Apply a convolution as one matrix product: XLA's is as fast, and what follows affine maps works with it."""
    require_axes(layer, wire, place, axes)
    if wire.width % layer.groups:
        raise ShapeError(
            f"{place.stem}: groups={layer.groups} of {type(layer).__name__} must divide the channels; got "
            f"{wire.width}, from {wire.shape}."
        )
    options = zip(
        wire.positions,
        *(per_axis(v, axes) for v in (layer.size, layer.stride, layer.dilation, layer.padding)),
        strict=True,
    )
    where = f"{place.stem}: the window of {type(layer).__name__}"
    windows = [plan(where, length, *each) for length, *each in options]
    parts = shifted(wire.value, windows, wire.positions)
    labels, channels = unit_labels(layer.filters), wire.width // layer.groups
    offsets = product(*(range(w.size) for w in windows))
    patch = [",".join(map(str, (*offset, c))) for offset in offsets for c in range(channels)]
    rows = add_dim(f"{place.stem}_patch", patch)
    dim = add_dim(f"{place.stem}_unit", labels)
    positions = tuple(w.n for w in windows)
    entering = replace(wire, dim=rows, labels=tuple(patch), positions=positions)
    if layer.groups == 1:
        patches = replace(entering, value=pt.concatenate(parts, axis=-1))
        out = affine(patches, place, dim, labels, layer.weight, layer.bias)
    else:
        out = _by_groups(layer, parts, entering, place, dim, labels)
    return replace(out, value=ACTIVATIONS[layer.activation](out.value))


def _by_groups(
    layer: layers.Conv1D | layers.Conv2D,
    parts: list[TensorVariable],
    wire: Wire,
    place: Place,
    dim: str,
    labels: tuple[str, ...],
) -> Wire:
    """Give each group of channels its columns of the weights: not one affine map, so none is recorded."""
    rows = wire.width
    w = parameter(place, "weight", layer.weight, (wire.dim, dim), rows)
    channels, filters = rows // len(parts), len(labels) // layer.groups
    of_group = w.reshape((rows, layer.groups, filters))
    groups = []
    for g in range(layer.groups):
        patches = [part[..., g * channels : (g + 1) * channels] for part in parts]
        groups.append(times(pt.concatenate(patches, axis=-1), of_group[:, g], wire, filters))
    value = pt.concatenate(groups, axis=-1)
    if layer.bias is not False:
        value = value + parameter(place, "bias", layer.bias, (dim,), rows, "bias")
    return replace(wire, value=value, dim=dim, labels=labels)


@apply_layer.register
def _(layer: layers.AveragePool, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 1, 2)
    if layer.size is None:
        return _of_all(wire, wire.value.mean(axis=_axes(wire)))
    parts, positions = _pooled(layer, wire, place)
    total = reduce(lambda a, b: a + b, parts)
    return replace(wire, value=total / len(parts), positions=positions)


@apply_layer.register
def _(layer: layers.MaxPool, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 1, 2)
    if layer.size is None:
        return _of_all(wire, wire.value.max(axis=_axes(wire)))
    parts, positions = _pooled(layer, wire, place)
    return replace(wire, value=reduce(pt.maximum, parts), positions=positions)


def _axes(wire: Wire) -> tuple[int, ...]:
    return tuple(range(1, 1 + len(wire.positions)))


def _of_all(wire: Wire, value: TensorVariable) -> Wire:
    return replace(wire, value=value, positions=())


def _pooled(
    layer: layers.AveragePool | layers.MaxPool, wire: Wire, place: Place
) -> tuple[list[TensorVariable], tuple[int, ...]]:
    axes, name = len(wire.positions), type(layer).__name__
    stride = layer.size if layer.stride is None else layer.stride
    for option in (layer.size, stride):
        if isinstance(option, tuple) and len(option) != axes:
            raise ShapeError(
                f"{place.stem}: {name} has {len(option)} numbers for size or stride, and its input is {wire.shape}, "
                f"{AXES[axes]}; give one for each axis of positions, {axes}."
            )
    each = zip(wire.positions, per_axis(layer.size, axes), per_axis(stride, axes), strict=True)
    where = f"{place.stem}: the window of {name}"
    windows = [plan(where, length, size, step, 1, "valid") for length, size, step in each]
    return shifted(wire.value, windows, wire.positions), tuple(w.n for w in windows)


@apply_layer.register
def _(layer: layers.Flatten, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 1, 2)
    labels = unit_labels(prod(wire.positions) * wire.width)
    value = wire.value.reshape((-1, len(labels)))
    return replace(wire, value=value, dim=add_dim(f"{place.stem}_unit", labels), labels=labels, positions=())


@apply_layer.register
def _(layer: layers.Reshape, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 0)
    if wire.width != layer.n_units:
        raise ShapeError(
            f"{place.stem}: Reshape({layer.shape}) takes {layer.n_units} units; got {wire.width}, from {wire.shape}."
        )
    labels = unit_labels(layer.shape[-1])
    return replace(
        wire,
        value=wire.value.reshape((-1, *layer.shape)),
        dim=add_dim(f"{place.stem}_unit", labels),
        labels=labels,
        positions=layer.shape[:-1],
    )
