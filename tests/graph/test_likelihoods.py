"""Each likelihood against SciPy: log density, mean, variance, draws; and what it does far out in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.graph.likelihood_cases import CASES, meaning, outputs, point, target


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [0.7, 3.0])
def test_density_and_moments_are_those_of_scipy(name, size):
    at, z, f = target(name), point(name), outputs(name, size)
    exact = meaning(name, f, z)
    found = at.log_likelihood_of(f, z, at.data)
    np.testing.assert_allclose(found, exact.log_density, rtol=1e-10, atol=1e-10)
    for key, value in at.parameters_of(f, z).items():
        np.testing.assert_allclose(value, exact.parameters[key], rtol=1e-10, atol=1e-13, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.nightly)])
def test_far_out_there_is_no_nan(name, precision):
    at = target(name, precision)
    z = (0.3 * point(name)).astype(precision)
    signs = np.random.default_rng(3).choice([-1.0, 1.0], size=(len(at.data["y"]), at.n_outputs))

    def total(f, z):
        return at.log_likelihood_of(f, z, at.data).sum()

    with at.scope():
        slopes = jax.jit(jax.grad(total, argnums=(0, 1)))
        for size in (0.0, 30.0, -30.0):
            f = jnp.asarray((size * signs).astype(precision))
            assert not np.isnan(total(f, z)), size
            for slope in slopes(f, jnp.asarray(z)):
                assert not np.isnan(slope).any(), size
            for value in at.parameters_of(f, z).values():
                assert not np.isnan(value).any(), size
