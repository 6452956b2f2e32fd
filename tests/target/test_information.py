"""Fisher information of each likelihood: against the textbook, sums over responses, and draws of the score."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, polygamma, softmax

from pbnn.target.curvature import fisher_information, fisher_roots
from pbnn.target.curvature.information import ROOTS
from tests.graph.likelihood_cases import CASES, outputs, point, target
from tests.tiers import tiers

DISCRETE = ("Binomial", "NegativeBinomial", "ZeroInflatedPoisson")


def own_of(name):
    return {key: np.asarray(v) for key, v in target(name).constrain(point(name)).items()}


@pytest.mark.parametrize(
    "name", tiers(CASES, (), ("Gamma", "Ordinal", "MixtureDensity", "MultivariateGaussian"))
)
@pytest.mark.parametrize("own", [False, True])
def test_roots_are_roots(name, own):
    at, z, f = target(name), point(name), outputs(name)
    with at.scope():
        whole = jax.jit(lambda f: fisher_information(at, f, z, at.data["y"], own=own))(f)
        roots = jax.jit(lambda f: fisher_roots(at, f, z, at.data["y"], own=own))(f)
    np.testing.assert_allclose(np.einsum("nki,nkj->nij", roots, roots), whole, rtol=1e-7, atol=1e-9)
    assert (np.linalg.eigvalsh(whole) > -1e-9).all()


def scale_of(name):
    return target(name).bnn.response.scale[0]


def information(name, f, own=False):
    at, z = target(name), point(name)
    with at.scope():
        return np.asarray(jax.jit(lambda f: fisher_information(at, f, z, at.data["y"], own=own))(f))


TEXTBOOK = {
    "Binomial": lambda f, own: 5 * expit(f) * expit(-f),
    "NegativeBinomial": lambda f, own: 1 / (np.exp(-f) / scale_of("NegativeBinomial") + own["dispersion"]),
    "Gamma": lambda f, own: own["shape"] + 0 * f,
    "LogNormal": lambda f, own: own["sigma"] ** -2.0 + 0 * f,
    "Weibull": lambda f, own: own["shape"] ** 2 + 0 * f,
    "AsymmetricLaplace": lambda f, own: (
        0.8 * 0.2 * (scale_of("AsymmetricLaplace") / own["noise"]) ** 2 + 0 * f
    ),
    "Beta": lambda f, own: (
        (own["precision"] * expit(f) * expit(-f)) ** 2
        * (polygamma(1, own["precision"] * expit(f)) + polygamma(1, own["precision"] * expit(-f)))
    ),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_information_of_one_output_is_that_of_the_textbook(name):
    f = outputs(name)
    found = information(name, f)[:, 0, 0]
    np.testing.assert_allclose(found, TEXTBOOK[name](f[:, 0], own_of(name)), rtol=1e-10)


def test_information_of_multinomial_and_multivariate():
    f = outputs("Multinomial")
    p = softmax(f, axis=1)
    textbook = 7 * (np.einsum("ni,ij->nij", p, np.eye(3)) - np.einsum("ni,nj->nij", p, p))
    np.testing.assert_allclose(information("Multinomial", f), textbook, atol=1e-12)
    own = own_of("MultivariateGaussian")
    d = np.diag(own["noise"] / target("MultivariateGaussian").bnn.response.scale)
    covariance = d @ own["correlation"] @ d
    found = information("MultivariateGaussian", outputs("MultivariateGaussian"))
    np.testing.assert_allclose(found[3], np.linalg.inv(covariance), rtol=1e-10)


def positive(u):
    return np.exp(u), np.exp(u)


# How the response follows from a number on a grid, and the slope of that; how far out the grid goes.
GRIDS = {
    "Weibull": (positive, -60, 8),
    "Gamma": (positive, -60, 8),
    "LogNormal": (positive, -25, 25),
    "Beta": (lambda u: (expit(u), expit(u) * expit(-u)), -30, 30),
    "VonMises": (lambda u: (u, 1.0), -np.pi, np.pi),
    "MixtureDensity": (lambda u: (u, 1.0), -150, 150),
    "AsymmetricLaplace": (lambda u: (u, 1.0), -250, 250),
}


def squared_scores(name, f, y, weights):
    """Return the sum of squared scores, with the response's own variables, over responses."""
    at, z = target(name), point(name)
    eta = np.concatenate([f[0], *(np.ravel(at.split(z)[i]) for i in at.own)])

    def log_density(eta, y):
        parts = at.split(z)
        for i, v in zip(at.own, eta[f.shape[1] :], strict=True):
            parts[i] = v.reshape(parts[i].shape)
        data = {"y": y[None], "y_loc": at.data["y_loc"]}
        return at.log_likelihood_of(eta[None, : f.shape[1]], parts, data)[0]

    with at.scope():
        value, score = jax.jit(jax.vmap(jax.value_and_grad(log_density), (None, 0)))(eta, y)
    p = np.exp(np.asarray(value)) * weights
    np.testing.assert_allclose(p.sum(), 1.0, atol=1e-3)
    return np.einsum("k,ki,kj->ij", p, score, score)


@pytest.mark.parametrize("name", GRIDS)
def test_information_is_the_integral_of_squared_scores(name):
    """By the trapezoidal rule, which is exact to rounding for what is smooth; that of the check function has a kink."""
    transform, low, high = GRIDS[name]
    u = np.linspace(low, high, 40_001)
    y, slope = transform(u)
    f = outputs(name, 0.4)[:1]
    by_hand = squared_scores(name, f, y, slope * (u[1] - u[0]) * np.where((u == low) | (u == high), 0.5, 1.0))
    # A mixture's 32 nodes are good to 1e-5; a jump of 4.8 at a density of 0.1 costs the grid half a step.
    rtol, atol = {"AsymmetricLaplace": (1e-2, 4e-3), "MixtureDensity": (1e-5, 1e-6)}.get(name, (1e-6, 1e-7))
    np.testing.assert_allclose(information(name, f, own=True)[0], by_hand, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", DISCRETE)
def test_information_is_the_sum_of_squared_scores(name):
    f, k = outputs(name, 0.4)[:1], np.arange(6.0 if name == "Binomial" else 2000.0)
    by_hand = squared_scores(name, f, k, 1.0)
    rtol = 1e-4 if name == "NegativeBinomial" else 1e-8
    np.testing.assert_allclose(information(name, f, own=True)[0], by_hand, rtol=rtol, atol=1e-10)


def test_von_mises_far_out_and_at_nothing():
    kappas = np.array([1e-9, 0.3, 49.0, 51.0, 1e3])
    found = information("VonMises", np.column_stack([kappas, 0 * kappas]))
    variance = [1 - stats.vonmises(k).expect(np.cos, lb=-np.pi, ub=np.pi) for k in kappas]
    across = np.where(kappas < 1e-6, 0.5, (1 - np.array(variance)) / np.maximum(kappas, 1e-6))
    np.testing.assert_allclose(found[:, 1, 1], across, rtol=1e-6)
    np.testing.assert_allclose(found[3:, 0, 0], 1 / (2 * kappas[3:] ** 2), rtol=0.02)


@pytest.mark.parametrize(
    ("family", "at"), [("asymmetric_laplace", (0.3, 1.2, 0.9)), ("binomial", (5.0, 0.4))]
)
def test_roots_have_slopes_though_a_parameter_is_known(family, at):
    """Laplace's evidence takes them."""
    slopes = jax.jacfwd(ROOTS[family], argnums=tuple(range(len(at))))(*map(jnp.asarray, at))
    assert all(np.isfinite(slope).all() for slope in slopes)
