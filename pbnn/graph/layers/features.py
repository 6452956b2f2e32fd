"""Fixed functions of the inputs, on which a Bayesian linear model approximates a Gaussian process."""

from dataclasses import replace

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable
from scipy.special import ndtri

from pbnn.errors import ShapeError
from pbnn.graph.layers.wire import Place, Wire, add_dim, apply_layer, parameter, unit_labels
from pbnn.graph.priors import float64
from pbnn.spec import layers


@apply_layer.register
def _(layer: layers.FourierFeatures, wire: Wire, place: Place) -> Wire:
    frequencies = standard_normals(layer.seed, (layer.n, wire.width))
    phase = (wire.value @ pt.constant(frequencies.T)) / _lengthscale(layer, place)
    value = np.sqrt(2) * pt.concatenate([pt.cos(phase), pt.sin(phase)], axis=-1)
    return _leave(wire, place, value, 2 * layer.n)


@apply_layer.register
def _(layer: layers.RBF, wire: Wire, place: Place) -> Wire:
    if isinstance(layer.centers, int):
        centers = standard_normals(layer.seed, (layer.centers, wire.width))
    else:
        centers = np.array(layer.centers, dtype=float)
    if centers.shape[1] != wire.width:
        raise ShapeError(
            f"{place.stem}: RBF has centers of {centers.shape[1]} numbers and its input has {wire.width} units, from "
            f"{wire.shape}; the two must be equal."
        )
    away = wire.value[..., None, :] - centers
    value = pt.exp(-0.5 * (away**2).sum(axis=-1) / _lengthscale(layer, place) ** 2)
    return _leave(wire, place, value, len(centers))


def standard_normals(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return normal numbers that no version of NumPy changes: only the bits of its generators are promised to stay."""
    bits = np.random.PCG64(seed).random_raw(int(np.prod(shape))).reshape(shape)
    return ndtri(((bits >> np.uint64(11)).astype(float) + 0.5) / 2**53)


def _lengthscale(layer: layers.FourierFeatures | layers.RBF, place: Place) -> TensorVariable:
    if isinstance(layer.lengthscale, int | float):
        return float64(layer.lengthscale)
    return parameter(place, "lengthscale", layer.lengthscale, (), None)


def _leave(wire: Wire, place: Place, value: TensorVariable, n: int) -> Wire:
    labels = unit_labels(n)
    return replace(wire, value=value, dim=add_dim(f"{place.stem}_unit", labels), labels=labels)
