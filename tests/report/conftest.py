"""Fits made of draws from the prior: quick, of every kind, and good enough to be reported."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from filelock import FileLock

from pbnn.graph.build import BNN, build
from pbnn.predict import prior_predict
from pbnn.report import report
from pbnn.spec.layers import Dense, Embedding, LayerNorm, Residual
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal

N, N_TEST = 60, 15
HOSTILE = "<script>alert('a')</script> $b_{"
"""A column name that must neither run nor break a formula."""


@dataclass(frozen=True)
class Fit:
    name: str
    bnn: BNN
    idata: xr.DataTree
    X_test: Any = None
    y_test: Any = None

    def report(self, path: Path, **options: Any) -> str:
        file = report(self.bnn, self.idata, path, self.X_test, self.y_test, **options)
        return file.read_text(encoding="utf-8")


def curve() -> Fit:
    """One input, a chain of NUTS, nothing held out."""
    X = np.linspace(-2, 2, N)[:, None]
    y = np.sin(X[:, 0]) + 0.1 * np.random.default_rng(0).normal(size=N)
    bnn = build(_network([Dense(4)], Gaussian()), X, y)
    return Fit("curve", bnn, fit_from_prior(bnn))


def table() -> Fit:
    """Numbers and categories to two outputs, by an approximation, with held-out rows."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(
        {HOSTILE: rng.normal(size=N), "kind": rng.choice(["a", "b"], N), "z": rng.normal(size=N)}
    )
    y = pd.DataFrame({"u": X["z"] + rng.normal(size=N), "v": X["z"] ** 2})
    layers = [Embedding("kind"), Dense(4), Residual([LayerNorm(), Dense(4)])]
    bnn = build(_network(layers, Gaussian()), X[:-N_TEST], y[:-N_TEST])
    idata = fit_from_prior(bnn, chains=1, draws=200, approximate=True)
    return Fit("table", bnn, idata, X[-N_TEST:], y[-N_TEST:])


def moons() -> Fit:
    """Two inputs to two classes, with held-out rows."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(N, 2))
    y = pd.Series(np.where(X[:, 0] > 0, "yes", "no"), name="rain")
    bnn = build(_network([Dense(3)], Bernoulli()), X[:-N_TEST], y[:-N_TEST])
    return Fit("moons", bnn, fit_from_prior(bnn), X[-N_TEST:], y[-N_TEST:])


def species() -> Fit:
    """One input to three classes, and a fit that is a single point."""
    x = np.linspace(-1, 1, N)
    y = np.array(["low", "mid", "top"])[np.digitize(x, [-0.3, 0.3])]
    bnn = build(_network([Dense(3)], Categorical()), x[:, None], y)
    return Fit("species", bnn, fit_from_prior(bnn, chains=1, draws=1, approximate=True))


def counts() -> Fit:
    """Counts along one input, by a linear model."""
    x = np.linspace(0, 1, N)
    y = np.random.default_rng(3).poisson(3, N)
    bnn = build(_network([], Poisson()), x[:, None], y)
    return Fit("counts", bnn, fit_from_prior(bnn))


def _network(layers: list, likelihood: Any) -> Network:
    return Network(layers, likelihood, weights=Normal(scale=0.5), biases=Normal(scale=0.5))


def fit_from_prior(bnn: BNN, *, chains: int = 2, draws: int = 100, approximate: bool = False) -> xr.DataTree:
    """Return draws from the prior, dressed up as a fit.

    200 of them, as many as the report draws from the prior itself: then both share what is compiled.
    """
    drawn = (
        prior_predict(bnn, draws=chains * draws, seed=1)["prior"].to_dataset().drop_vars(["chain", "draw"])
    )
    posterior = {
        name: (("chain", "draw", *v.dims[2:]), v.to_numpy().reshape(chains, draws, *v.shape[2:]))
        for name, v in drawn.items()
    }
    sample = {"chain": np.arange(chains), "draw": np.arange(draws)}
    rng = np.random.default_rng(4)
    stats = {"lp": (("chain", "draw"), rng.normal(size=(chains, draws)))}
    if not approximate:
        stats["energy"] = (("chain", "draw"), rng.normal(size=(chains, draws)))
        stats["diverging"] = (("chain", "draw"), np.zeros((chains, draws), dtype=bool))
    X, y = bnn.model["X"].get_value(), bnn.model["y_data"].get_value()
    dims = ("obs", "output")[: y.ndim]
    groups = {
        "posterior": xr.Dataset(posterior, coords=sample),
        "sample_stats": xr.Dataset(stats, coords=sample),
        "observed_data": xr.Dataset({"y": (dims, y)}),
        "constant_data": xr.Dataset(
            {"X": (("obs", "feature"), X)}, coords={"feature": list(bnn.columns.names)}
        ),
    }
    if approximate:
        groups["optimization"] = xr.Dataset({"elbo": ("step", -np.exp(-np.arange(50) / 9.0))})
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "sampling": "approximate" if approximate else "mcmc",
        "method": "map" if draws == 1 else "advi" if approximate else "nuts",
        "options": json.dumps({"draws": draws}),
        "seed": 1,
        "precision": "float64",
        "versions": json.dumps({"pbnn": "0", "jax": "0"}),
        "network": bnn.network.to_json(),
        "wall_time": 83.0,
        "n_gradients": 12345,
        "interrupted": 0,
        "converged": 1,
        "message": "Draws from the prior.",
    }
    return tree


FITS = {make.__name__: make for make in (curve, table, moons, species, counts)}


@pytest.fixture(scope="session")
def fits() -> dict[str, Fit]:
    return {name: make() for name, make in FITS.items()}


@pytest.fixture(scope="session")
def pages(fits, tmp_path_factory) -> dict[str, str]:
    """The report of each fit, which several workers make once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "reports"
    folder.mkdir(exist_ok=True)
    made = {}
    for name, fit in fits.items():
        with FileLock(folder / f"{name}.lock"):
            page = folder / f"{name}.html"
            made[name] = page.read_text(encoding="utf-8") if page.exists() else fit.report(page)
    return made
