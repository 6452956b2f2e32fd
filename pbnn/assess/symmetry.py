"""Hidden units made comparable between draws: their order and their signs mean nothing to the network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.optimize import linear_sum_assignment

from pbnn.assess.rows import read_draws
from pbnn.graph.build import BNN
from pbnn.spec.layers import (
    AveragePool,
    Dense,
    Layer,
    LayerNorm,
    MaxPool,
    Residual,
    all_layers,
)
from pbnn.spec.network import Network
from pbnn.spec.priors import ARD, R2D2, Horseshoe, MatrixNormal, Prior, SpikeSlab
from pbnn.target import Target

ODD = ("tanh", "sin", "identity")
"""Activations of which `f(-x) = -f(x)`, so that the weights into and out of a unit may change sign together."""
MIXTURES = (ARD, Horseshoe, SpikeSlab, R2D2, MatrixNormal)
"""Priors of normal weights around 0, whatever their scales: a weight and its negative are alike."""
SWEEPS = 3
"""Over the layers, for each draw: to match the units of one, those of its neighbours must be matched."""


@final
@dataclass(frozen=True, slots=True)
class Units:
    """Hidden units that can be put into another order: the `dims` that run over them, and whether signs are free."""

    dims: frozenset[str]
    signs: bool


def canonicalize(bnn: BNN, idata: xr.DataTree) -> xr.DataTree:
    """Return a fit in which the hidden units of all draws are in the same order, and of the same signs.

    A network does not change when its hidden units swap places, nor, if the activation is odd, when all weights into
    and out of a unit change sign. Chains, and draws of one chain, differ in that. Here the units of each draw are
    matched with those of a reference, layer by layer, by the inner products of their weights. Only then can weights be
    compared between draws at all; and even then only as far as the modes of the posterior are copies of each other.

    Parameters
    ----------
    bnn, idata
        The network and its fit.

    Returns
    -------
    xarray.DataTree
        The same, with another `posterior`; predictions are the same. Other symmetries, such as the scale of a relu
        unit, stay.

    Raises
    ------
    ModelError
        If `idata` is the fit of another model.

    References
    ----------
    Ainsworth et al. (2023), Git Re-Basin: merging models modulo permutation symmetries, arXiv:2209.04836 (weight
    matching), with signs: Wiese et al. (2023), Towards efficient MCMC sampling in Bayesian neural networks by
    exploiting symmetry, arXiv:2304.02902.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(3)], likelihoods.Gaussian()), x, np.sin(3 * x[:, 0]))
    >>> idata = pbnn.fit(bnn, pbnn.MAP(), seed=1)
    >>> float(abs(pbnn.assess.canonicalize(bnn, idata)["posterior"]["h0_weight"]).sum()
    ...     - abs(idata["posterior"]["h0_weight"]).sum())
    0.0
    """
    _, posterior = read_draws(bnn, idata, "canonicalize", mixed=False)
    units = hidden_units(bnn.network)
    variables = (*bnn.model.free_RVs, *bnn.model.deterministics)
    dims = {v.name: bnn.model.named_vars_to_dims.get(v.name, ()) for v in variables if v.name in posterior}
    # Scales that are learned for each unit go with it, and have no sign.
    signed = frozenset(Target.of(bnn).weights)
    touched = {name for name, d in dims.items() if any(unit.dims & set(d) for unit in units)}
    stacked = {
        name: posterior[name].to_numpy().reshape(-1, *posterior[name].shape[2:]).astype(float)
        for name in touched
    }
    if stacked:
        stats = idata["sample_stats"] if "sample_stats" in idata.children else {}
        best = int(np.nanargmax(stats["lp"].to_numpy())) if "lp" in stats else 0
        # First to one draw; then to the mean of what that gave, which is less noisy.
        reference = {name: values[best] for name, values in stacked.items()}
        for _ in range(2):
            stacked = _match(stacked, reference, units, dims, signed)
            reference = {name: values.mean(0) for name, values in stacked.items()}
    changed = {
        name: posterior[name].copy(data=values.reshape(posterior[name].shape).astype(posterior[name].dtype))
        for name, values in stacked.items()
    }
    tree = idata.copy()
    tree["posterior"] = xr.DataTree(posterior.assign(changed))
    return tree


def weight_r_hat(bnn: BNN, idata: xr.DataTree) -> xr.Dataset:
    """Return R-hat of every weight once its symmetries are removed: information, and no verdict.

    Posteriors of networks have modes that are no copies of each other, between which chains do not move; predictions
    may agree all the same. `diagnose` judges those.

    Returns
    -------
    xarray.Dataset
        For each variable of the posterior its R-hat, split and rank-normalised, `(...)`, of `canonicalize`; NaN for a
        single chain, and where there are fewer than 4 draws in each.
    """
    posterior = canonicalize(bnn, idata)["posterior"].to_dataset()
    names = [v.name for v in bnn.model.free_RVs]
    with np.errstate(divide="ignore", invalid="ignore"):
        return xr.Dataset({name: _r_hat(posterior[name]) for name in names})


def _r_hat(values: xr.DataArray) -> xr.DataArray:
    values = values.transpose(..., "chain", "draw")
    if values.sizes["chain"] < 2:
        return values.isel(chain=0, draw=0, drop=True) * np.nan
    return values.isel(chain=0, draw=0, drop=True).copy(data=array_stats.rhat(values.to_numpy()))


# ---------------------------------------------------------------- which units


@dataclass(slots=True)
class _Group:
    dims: set[str]
    signs: bool


def hidden_units(network: Network) -> list[Units]:
    """Return the hidden units of a network, in groups that can be permuted without any other."""
    groups: list[_Group] = []
    _collect(network.layers, "h", _Group(set(), False), groups)
    symmetric = all(
        isinstance(prior, MIXTURES) or getattr(prior, "loc", None) == 0 for prior in _priors(network)
    )
    return [Units(frozenset(group.dims), group.signs and symmetric) for group in groups]


def _collect(layers: Sequence[Layer], stem: str, group: _Group, found: list[_Group]) -> _Group:
    """Append the groups of some layers, which `group` enters; return the one that leaves.

    Inputs are in a group that is never appended: they have their places. So are
    units that enter a layer that tells them apart, such as a convolution, whose windows hold them several times.
    """
    for i, layer in enumerate(layers):
        name = f"{stem}{i}"
        if isinstance(layer, Dense):
            group = _Group({f"{name}_unit"}, layer.activation in ODD)
            found.append(group)
        elif isinstance(layer, LayerNorm):
            group.signs = False
        elif isinstance(layer, Residual):
            inner = _collect(layer.layers, f"{name}_", group, found)
            if inner is not group:  # what is added up keeps one order
                group.dims |= inner.dims
                group.signs &= inner.signs
                _drop(inner, found)
                if not inner.dims:
                    _drop(group, found)
        elif not isinstance(layer, AveragePool | MaxPool):
            _drop(group, found)
            group = _Group(set(), False)
        elif isinstance(layer, MaxPool):
            group.signs = False
    return group


def _drop(group: _Group, found: list[_Group]) -> None:
    """Leave units where they are."""
    found[:] = [other for other in found if other is not group]


def _priors(network: Network) -> Iterator[Prior]:
    """Yield the priors of the weights and biases of dense layers, whose units alone change their signs."""
    yield from (network.weights, network.biases)
    for layer in all_layers(network.layers):
        if isinstance(layer, Dense):
            yield from (prior for prior in (layer.weight, layer.bias) if not isinstance(prior, bool | None))


# ---------------------------------------------------------------- which order

Weights = dict[str, np.ndarray]
Dims = dict[str, tuple[str, ...]]


def _match(
    draws: Weights, reference: Weights, units: list[Units], dims: Dims, signed: frozenset[str]
) -> Weights:
    """Return draws `(draw, ...)` by name, each put into the order of the reference `(...)`.

    Those that are `signed` tell the order; all follow.
    """
    hidden = frozenset().union(*(group.dims for group in units))
    matched: frozenset[str] = frozenset()
    for _ in range(SWEEPS):
        for group in units:
            axes = [(name, i) for name in draws for i, dim in enumerate(dims[name]) if dim in group.dims]
            # Weights from or to units that are not in order yet would mislead.
            telling = [(name, i) for name, i in axes if name in signed]
            ready = [(name, i) for name, i in telling if not (_others(dims[name], i) & hidden) - matched]
            products = sum(_products(draws[name], reference[name], i) for name, i in ready or telling)
            order, signs = _assign(np.asarray(products), group.signs)
            for name, i in axes:
                own = signs if name in signed else np.ones_like(signs)
                draws = draws | {name: _reorder(draws[name], i, order, own)}
            matched |= group.dims
    return draws


def _others(dims: tuple[str, ...], at: int) -> frozenset[str]:
    return frozenset(dims[:at] + dims[at + 1 :])


def _products(draws: np.ndarray, reference: np.ndarray, axis: int) -> np.ndarray:
    """Return inner products `(draw, unit of the reference, unit of the draw)` along all other axes."""
    a = np.moveaxis(reference, axis, 0).reshape(reference.shape[axis], -1)
    b = np.moveaxis(draws, axis + 1, 1).reshape(len(draws), draws.shape[axis + 1], -1)
    return np.einsum("ik,djk->dij", a, b)


def _assign(products: np.ndarray, free_signs: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each draw and each unit of the reference, which unit takes its place, and with which sign."""
    gain = np.abs(products) if free_signs else products
    order = np.stack([linear_sum_assignment(one, maximize=True)[1] for one in gain])
    chosen = np.take_along_axis(products, order[:, :, None], axis=2)[..., 0]
    return order, np.where(free_signs & (chosen < 0), -1.0, 1.0)


def _reorder(draws: np.ndarray, axis: int, order: np.ndarray, signs: np.ndarray) -> np.ndarray:
    shape = [len(draws), *(order.shape[1] if i == axis else 1 for i in range(draws.ndim - 1))]
    return np.take_along_axis(draws, order.reshape(shape), axis + 1) * signs.reshape(shape)
