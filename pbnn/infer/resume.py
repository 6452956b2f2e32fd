"""What a store says of its fit, and `resume`, which goes on with it."""

import json
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from functools import partial
from time import perf_counter
from typing import Any

import jax
import numpy as np
import pymc as pm
import xarray as xr

from pbnn.errors import FileError, ModelError, warn
from pbnn.graph.build import BNN
from pbnn.graph.texts import as_texts, from_texts
from pbnn.infer.agreement import warn_of_disagreement
from pbnn.infer.methods import METHODS, Method, method_name
from pbnn.infer.record import record, versions
from pbnn.infer.run import Session, run
from pbnn.infer.store import Store, create
from pbnn.target import Target

SAME = 1e-4
"""Relative difference of log densities that another machine may cause, in float32."""


def resume(
    path: str | os.PathLike[str],
    *,
    model: BNN | pm.Model | None = None,
    progress: bool = True,
    executor: Executor | None = None,
) -> tuple[BNN | pm.Model, xr.DataTree]:
    """Go on with a fit that was killed or interrupted, to the draws that it would have made.

    Parameters
    ----------
    path
        The store, `fit(..., store=path)`.
    model
        The model, if it is a general `pm.Model`, or if something was added to it after `pbnn.build`. Without, the
        network is built again from the store.
    progress, executor
        As in `pbnn.fit`.

    Returns
    -------
    BNN or pm.Model, DataTree
        The model, and its fit: at once, if the store holds it to the end.

    Raises
    ------
    FileError
        If the store is missing, damaged or none of ours, or another process is at work on it.
    ModelError
        If `model` is missing, or another one than was fitted.

    Examples
    --------
    >>> import numpy as np, pbnn, tempfile
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([pbnn.Dense(2)], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     idata = pbnn.fit(bnn, pbnn.Ensemble(2), store=f"{folder}/run.zarr", seed=1, progress=False)
    ...     again, same = pbnn.resume(f"{folder}/run.zarr", progress=False)
    >>> bool((same["posterior"]["noise"] == idata["posterior"]["noise"]).all())
    True
    """
    with Store(path) as store:
        start = perf_counter()
        attributes = store.attributes
        options = _options(store)
        model = _model(store) if model is None else model
        target = Target.of(model, options.precision)
        check_same(store, target)
        _warn_of_changes(attributes)
        session = Session(attributes["seed"], progress, options, lambda: store, executor)
        found = run(options, target, session)
        wall_time = store.seconds_before + perf_counter() - start
    tree = record(found, options, target, seed=attributes["seed"], wall_time=wall_time)
    if target.bnn is None:
        warn_of_disagreement(tree, target.model)
    return model, tree


def store_opener(
    path: str | os.PathLike[str], target: Target, options: Method, seed: int
) -> Callable[[], Store]:
    """Return the function that makes the store of a fit, with all that `resume` needs."""
    attributes = {
        "method": method_name(options),
        "options": json.dumps(asdict(options)),
        "seed": seed,
        "precision": target.precision,
        "versions": json.dumps(versions()),
        "device": jax.default_backend(),
        "model": json.dumps(_fingerprint(target)),
    }
    data: dict[str, np.ndarray] = {}
    if target.bnn is not None:
        attributes |= as_texts(target.bnn)
        data = {
            name: np.asarray(target.model[key].get_value()) for name, key in (("X", "X"), ("y", "y_data"))
        }
    return partial(create, path, attributes, data)


def _fingerprint(target: Target) -> dict[str, Any]:
    """Return what tells models apart: their variables, and the log density at a few points of no symmetry."""
    variables = {v.value_name: list(v.shape) for v in target.variables}
    points = 0.5 * np.random.default_rng(0).normal(size=(3, target.dim)).astype(target.dtype)
    with target.scope():
        densities = [float(target.log_density(z, target.data)) for z in points]
    return {"variables": variables, "log_densities": [repr(value) for value in densities]}


def check_same(store: Store, target: Target) -> None:
    """Check that a store is of this model.

    Raises
    ------
    ModelError
        If it is of another one.
    """
    before, now = json.loads(store.attributes["model"]), _fingerprint(target)
    if before["variables"] != now["variables"]:
        what = f"has the variables {_listed(now)}, and the store is of {_listed(before)}"
    elif not np.allclose(_densities(before), _densities(now), rtol=SAME, atol=SAME, equal_nan=True):
        what = "has another density: other data or priors, or something was added to it"
    else:
        return
    raise ModelError(
        f"resume: the model {what}. Pass the model that was fitted: pbnn.resume({str(store.path)!r}, model=...)."
    )


def _densities(fingerprint: dict[str, Any]) -> list[float]:
    return [float(value) for value in fingerprint["log_densities"]]


def _listed(fingerprint: dict[str, Any]) -> str:
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in fingerprint["variables"].items())


def _options(store: Store) -> Method:
    try:
        attributes = store.attributes
        return METHODS[attributes["method"]](**json.loads(attributes["options"]))
    except Exception as error:
        raise _damaged(store, "its method", error) from error


def _model(store: Store) -> BNN:
    if "network" not in store.attributes:
        raise ModelError(
            f"resume: {store.path} is the fit of a general pm.Model, whose code fits in no store; pass it: "
            f"pbnn.resume({str(store.path)!r}, model=model)."
        )
    X, y = store.data()
    try:
        return from_texts(store.attributes, X, y)
    except Exception as error:
        raise _damaged(store, "its model", error) from error


def _damaged(store: Store, what: str, error: Exception) -> FileError:
    cause = (str(error) or type(error).__name__).splitlines()[0].rstrip(" .")
    return FileError(
        f"resume: {store.path} is damaged: {what} cannot be read: {cause}. Take a copy from elsewhere, or fit again."
    )


def _warn_of_changes(attributes: dict[str, Any]) -> None:
    before, now = json.loads(attributes["versions"]), versions()
    changed = [f"{name} {before.get(name)} → {now[name]}" for name in now if before.get(name) != now[name]]
    if attributes["device"] != jax.default_backend():
        changed.append(f"device {attributes['device']} → {jax.default_backend()}")
    if changed:
        warn(
            f"resume: not as when the fit began: {', '.join(changed)}. It goes on, to draws of the same posterior, but "
            "not the same draws as an unbroken run."
        )
