"""Closed forms against numerical integration, and where floats end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from pbnn.search.improvement import log_ei, log_ei_between, log_h, log_mes, log_pi


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def log_h_by_integral(z):
    """`phi(z) + z Phi(z) = phi(z) int_0^inf t exp(-t^2/2 + z t) dt`, whose integrand neither cancels nor underflows."""
    scale = 1 / max(1.0, -z)
    part, _ = integrate.quad(
        lambda u: u * scale * np.exp(-((u * scale) ** 2) / 2 + z * u * scale),
        0,
        60,
        epsabs=0,
        epsrel=1e-12,
        limit=200,
    )
    return stats.norm.logpdf(z) + np.log(part * scale)


@pytest.mark.parametrize("z", [3.0, 0.0, -0.99, -1.01, -5.0, -19.9, -20.1, -30.0, -200.0, -1e4])
def test_log_h_is_the_integral(z):
    assert float(log_h(jnp.array(z))) == pytest.approx(log_h_by_integral(z), rel=1e-12, abs=1e-9)


def test_gradient_is_finite_where_the_improvement_underflows():
    mean, sd = jnp.array([-1e3, -60.0, 0.0, 60.0]), jnp.array([1.0, 1.0, 1e-3, 1.0])
    assert float(jnp.exp(log_ei(mean, sd, 0.0))[0]) == 0.0
    by_mean, by_sd = jax.grad(lambda m, s: log_ei(m, s, 0.0).sum(), argnums=(0, 1))(mean, sd)
    assert np.isfinite(by_mean).all()
    assert np.isfinite(by_sd).all()
    # far in the tail log h(z) = -z^2/2 - 2 log|z| + ..., so that its slope is -z - 2/z
    np.testing.assert_allclose(by_mean[:2], [1e3 + 2e-3, 60 + 2 / 60], rtol=1e-4)


@pytest.mark.parametrize("z", [-60.0, -21.0, -19.0, -1.0, 0.3])
def test_gradient_is_that_of_differences(z):
    step = 1e-4
    slope = (log_h_by_integral(z + step) - log_h_by_integral(z - step)) / (2 * step)
    assert float(jax.grad(log_h)(z)) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize(("mean", "sd", "best"), [(0.2, 0.7, 0.5), (-1.0, 0.3, 0.4), (2.0, 1.0, 0.0)])
def test_ei_and_pi_are_integrals(mean, sd, best):
    f = stats.norm(mean, sd)
    gain, _ = integrate.quad(lambda v: (v - best) * f.pdf(v), best, best + 40 * sd, epsabs=0, limit=400)
    assert float(jnp.exp(log_ei(mean, sd, best))) == pytest.approx(gain, rel=1e-9)
    assert float(jnp.exp(log_pi(mean, sd, best))) == pytest.approx(f.sf(best), rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.5), (-1.0, 3.0), (0.0, np.inf), (1.0, 1.0), (2.0, 1.0)])
def test_gain_between_is_the_integral_of_the_tail(low, high):
    f = stats.norm(0.3, 0.6)
    expected = integrate.quad(f.sf, low, min(high, 20.0))[0] if high > low else 0.0
    got = float(jnp.exp(log_ei_between(jnp.array(0.3), jnp.array(0.6), jnp.array(low), jnp.array(high))))
    assert got == pytest.approx(expected, rel=1e-7, abs=1e-14)


def test_max_value_entropy_is_the_fall_in_entropy():
    """Entropy of a Gaussian less that of one cut off above at the maximum, by numerical integration."""
    mean, sd, maxima = 0.2, 0.8, np.array([0.5, 1.4])

    def entropy_below(top):
        mass = stats.norm.cdf(top, mean, sd)

        def integrand(v):
            p = stats.norm.pdf(v, mean, sd) / mass
            return -special.xlogy(p, p)

        return integrate.quad(integrand, mean - 12 * sd, top)[0]

    expected = stats.norm(mean, sd).entropy() - np.mean([entropy_below(top) for top in maxima])
    got = float(jnp.exp(log_mes(jnp.array(mean), jnp.array(sd), jnp.array(maxima))))
    assert got == pytest.approx(expected, rel=1e-7)
