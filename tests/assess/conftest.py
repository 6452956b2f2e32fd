from collections.abc import Callable

import jax
import numpy as np
import pytest
import xarray as xr

from pbnn.graph.build import BNN, build
from pbnn.spec import likelihoods
from pbnn.spec.layers import Dense
from pbnn.spec.network import Network
from pbnn.target import Target
from tests.exact import LinearGaussian


@pytest.fixture(scope="session")
def linear() -> LinearGaussian:
    return LinearGaussian.simulate()


@pytest.fixture(scope="session")
def scatter() -> Callable[..., xr.DataTree]:
    """Return a function that makes a fit of any network: draws around one point, `spread` wide."""

    starts: dict[BNN, np.ndarray] = {}

    def make(bnn: BNN, chains: int = 2, draws: int = 50, spread: float = 0.1) -> xr.DataTree:
        target = Target.of(bnn)
        if bnn not in starts:
            starts[bnn] = target.starts(1, 0)[0]
        z = starts[bnn] + spread * np.random.default_rng(0).normal(size=(chains, draws, target.dim))
        with target.scope():
            one = jax.vmap(jax.vmap(target.constrain))
            values = {name: np.array(value) for name, value in jax.jit(one)(z).items()}
        posterior = {
            v.name: (
                ("chain", "draw", *(f"{v.name}_{i}" for i in range(values[v.name].ndim - 2))),
                values[v.name],
            )
            for v in bnn.model.free_RVs
        }
        return xr.DataTree.from_dict({"posterior": xr.Dataset(posterior)})

    return make


@pytest.fixture(scope="session")
def classifier() -> BNN:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 2))
    y = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [-0.4, 0.4])]
    return build(Network([Dense(4)], likelihoods.Categorical()), X, y)


@pytest.fixture(scope="session")
def counter() -> BNN:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 2))
    return build(Network([Dense(4)], likelihoods.Poisson()), X, rng.poisson(np.exp(1 + X[:, 0])))


@pytest.fixture(scope="session")
def two_outputs() -> BNN:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 2))
    y = np.column_stack([X[:, 0] + 100, 1000 * X[:, 1]]) + rng.normal(size=(60, 2)) * [0.1, 100]
    return build(Network([Dense(4)], likelihoods.Gaussian()), X, y)
