"""A `Run` to a `DataTree` in ArviZ's layout, whatever the method."""

import json
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from arviz_base import from_dict
from pymc.backends.arviz import find_constants, find_observations

from pbnn.graph.texts import as_texts
from pbnn.infer.methods import Method, method_name
from pbnn.infer.run import Run
from pbnn.target import Target

BLOCK = 16
"""Draws that are made variables at once."""
PACKAGES = ("pbnn", "pymc", "pytensor", "jax", "blackjax", "optax", "arviz", "numpy")


def record(found: Run, method: Method, target: Target, *, seed: int, wall_time: float) -> xr.DataTree:
    """Return groups `posterior`, `sample_stats`, `observed_data`, `constant_data` and, of an optimiser, `optimization`.

    Draws of MCLMC at half its step size are in `half_step`; the Gaussian of a Laplace approximation in `gaussian`.

    Method, options, seed, precision, versions, network and wall time are in `attrs`; nested ones as JSON.
    """
    model = target.model
    groups: dict[str, Any] = {
        "posterior": _constrain(target, found.z),
        "sample_stats": found.stats,
        "observed_data": find_observations(model),
    }
    if found.check is not None:
        groups["half_step"] = _constrain(target, found.check)
    constants = find_constants(model)
    if target.bnn is not None:
        constants.pop("y_data", None)  # the observed data, once more
    groups["constant_data"] = constants
    groups = {name: values for name, values in groups.items() if values}
    dims = {name: list(d) for name, d in model.named_vars_to_dims.items()}
    coords = {dim: list(labels) for dim, labels in model.coords.items() if labels is not None}
    tree = from_dict(groups, dims=dims, coords=coords)
    if found.trace:
        tree["optimization"] = xr.DataTree(xr.Dataset({k: ("step", v) for k, v in found.trace.items()}))
    if found.gaussian is not None:
        tree["gaussian"] = xr.DataTree(found.gaussian)
    tree.attrs = _attributes(found, method, target, seed, wall_time)
    return tree


def _constrain(target: Target, z: np.ndarray) -> dict[str, np.ndarray]:
    """Return the model's variables at draws `(chain, draw, dim)`, each `(chain, draw, ...)`."""
    with target.scope():
        # A few draws at a time: deterministic variables, such as a network at all rows, may be large.
        # Always as many, however many draws there are, so that one program serves all.
        some = target.once("constrain", lambda: jax.jit(jax.vmap(target.constrain)))
        flat = z.reshape(-1, z.shape[-1])
        padded = np.concatenate([flat, np.repeat(flat[-1:], -len(flat) % BLOCK, axis=0)])
        blocks = [some(jnp.asarray(padded[i : i + BLOCK])) for i in range(0, len(padded), BLOCK)]
        return {
            name: np.concatenate([np.asarray(b[name]) for b in blocks])[: len(flat)].reshape(
                *z.shape[:2], *blocks[0][name].shape[1:]
            )
            for name in blocks[0]
        }


def _attributes(
    found: Run, method: Method, target: Target, seed: int, wall_time: float
) -> dict[str, str | int | float]:
    attrs: dict[str, str | int | float] = {
        "sampling": found.sampling,
        "method": method_name(method),
        "options": json.dumps(asdict(method)),
        "seed": seed,
        "precision": target.precision,
        "versions": json.dumps(versions()),
        "wall_time": wall_time,
        "n_gradients": found.n_gradients,
        "interrupted": int(found.interrupted),
        "message": found.message,
    }
    if found.lost:
        attrs["lost_chains"] = found.lost
    if found.converged is not None:
        attrs["converged"] = int(found.converged)
    if target.bnn is not None:
        attrs |= as_texts(target.bnn)
    return attrs


def versions() -> dict[str, str]:
    """Return the version of each package that a fit depends on."""
    return {name: _version(name) for name in PACKAGES}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
