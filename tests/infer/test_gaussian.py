"""The Gaussian families against SciPy's multivariate normal."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pbnn.infer.gaussian import FAMILIES

D = 4


def family_and_params(structure):
    """Return a family and parameters that are nothing special."""
    family = FAMILIES[structure](SimpleNamespace(rank=2))
    start = family.init(jnp.arange(D, dtype=float))
    leaves, tree = jax.tree.flatten(start)
    keys = jax.random.split(jax.random.PRNGKey(0), len(leaves))
    moved = [leaf + jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return family, jax.tree.unflatten(tree, moved)


def covariance(structure, params):
    """Return the covariance that the docstrings promise."""
    sd = np.exp(params["log_sd"])
    match structure:
        case "meanfield":
            inner = np.eye(D)
        case "fullrank":
            factor = np.eye(D) + np.tril(params["lower"], -1) / np.sqrt(D)
            inner = factor @ factor.T
        case "lowrank":
            columns = np.asarray(params["columns"]) / np.sqrt(D)
            inner = np.eye(D) + columns @ columns.T
    return sd[:, None] * inner * sd


@pytest.mark.parametrize("structure", FAMILIES)
def test_log_density_is_that_of_scipy(structure):
    with jax.enable_x64(True):
        family, params = family_and_params(structure)
        exact = multivariate_normal(params["mean"], covariance(structure, params))
        for z in np.random.default_rng(1).normal(size=(5, D)):
            assert float(family.log_density(params, jnp.asarray(z))) == pytest.approx(
                exact.logpdf(z), rel=1e-10
            )


@pytest.mark.parametrize(("scale", "right"), [(1.0, True), (1.05, False)])
@pytest.mark.parametrize("structure", FAMILIES)
def test_draws_have_the_covariance(structure, scale, right):
    n = 40_000
    with jax.enable_x64(True):
        family, params = family_and_params(structure)
        keys = jax.random.split(jax.random.PRNGKey(2), n)
        z = np.asarray(jax.vmap(family.sample, (None, 0))(params, keys)) * scale
        expected = covariance(structure, params)
    # A sample variance has standard error sd² sqrt(2 / n); the worst of four at five of those.
    error = np.abs(np.diag(np.cov(z.T)) / np.diag(expected) - 1)
    assert bool(error.max() < 5 * np.sqrt(2 / n)) is right
