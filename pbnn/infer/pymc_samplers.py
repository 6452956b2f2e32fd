"""Other people's samplers on the same model, through PyMC: `pm.sample`, nutpie, NumPyro and `pm.fit`."""

import logging
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np
import pymc as pm
import xarray as xr

from pbnn.errors import MissingExtraError, count, quiet
from pbnn.infer.methods import NUTS, PymcADVI
from pbnn.infer.run import Run, Session, run
from pbnn.target import Target
from pbnn.target.jaxify import flags_kept, scope

# What each sampler calls what ArviZ's schema names.
STAT_NAMES = {
    "energy": "energy",
    "diverging": "diverging",
    "acceptance_rate": "acceptance_rate",
    "mean_tree_accept": "acceptance_rate",
    "tree_depth": "tree_depth",
    "depth": "tree_depth",
    "n_steps": "n_steps",
    "step_size": "step_size",
}


TREEDEPTH = {"pymc": "max_treedepth", "nutpie": "maxdepth", "numpyro": "max_tree_depth"}


def sample_with_pymc(method: NUTS, target: Target, session: Session) -> Run:
    """Run `pm.sample` with one of its NUTS samplers, and bring the draws into our form."""
    if method.sampler in ("nutpie", "numpyro") and find_spec(method.sampler) is None:
        raise MissingExtraError(
            f'NUTS: sampler={method.sampler!r} needs a library of that name: pip install "pbnn[{method.sampler}]".'
        )
    # NumPyro follows JAX's flag; the others are float64 anyway.
    with flags_kept(), scope("float64"), quiet("pymc", logging.ERROR):
        tree = pm.sample(
            draws=method.draws,
            tune=method.tune,
            chains=method.chains,
            nuts=_nuts_options(method),
            nuts_sampler=method.sampler,
            model=target.model,
            random_seed=session.seed,
            progressbar=session.progress,
            compute_convergence_checks=False,
        )
    stats = _stats(tree["sample_stats"].to_dataset())
    z = np.asarray(target.draws(tree["posterior"].to_dataset()))
    gradients = int(stats["n_steps"].sum()) if "n_steps" in stats else 0
    n_chains, n_draws = z.shape[:2]
    return Run(
        z,
        {"lp": _log_density(target, z), **stats},
        "mcmc",
        n_gradients=gradients,
        interrupted=n_draws < method.draws,
        message=f"NUTS by {method.sampler}, {count(n_chains, 'chain')} of {n_draws} draws after {method.tune} of "
        "adaptation.",
    )


def _nuts_options(method: NUTS) -> dict[str, Any]:
    options = {"target_accept": method.target_accept, TREEDEPTH[method.sampler]: method.max_treedepth}
    if method.sampler == "numpyro" and jax.local_device_count() < method.chains:
        options["chain_method"] = "sequential"
    return options


@run.register
def _(method: PymcADVI, target: Target, session: Session) -> Run:
    name = {"meanfield": "advi", "fullrank": "fullrank_advi"}[method.structure]
    with quiet("pymc", logging.ERROR):
        approximation = pm.fit(
            method.steps,
            method=name,
            model=target.model,
            random_seed=session.seed,
            progressbar=session.progress,
        )
        tree = approximation.sample(method.draws, random_seed=session.seed)
    z = np.asarray(target.draws(tree["posterior"].to_dataset()))
    done = len(approximation.hist)
    return Run(
        z,
        {"lp": _log_density(target, z)},
        "approximate",
        trace={"elbo": -np.asarray(approximation.hist)},
        n_gradients=done,
        interrupted=done < method.steps,
        message=f"pm.fit({name!r}) took {done} steps; it does not check convergence.",
    )


def _stats(stats: xr.Dataset) -> dict[str, np.ndarray]:
    return {
        ours: stats[theirs].transpose("chain", "draw").to_numpy()
        for theirs, ours in STAT_NAMES.items()
        if theirs in stats and stats[theirs].dims == ("chain", "draw")
    }


def _log_density(target: Target, z: np.ndarray) -> np.ndarray:
    with target.scope():
        one = jax.jit(lambda z, data: jax.lax.map(lambda zi: target.log_density(zi, data), z))
        return np.stack([np.asarray(one(chain, target.data)) for chain in z])
