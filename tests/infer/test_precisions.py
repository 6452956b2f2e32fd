"""Each structure of a precision gives what the dense matrix gives."""

import numpy as np
import pytest

from pbnn.errors import MethodError
from pbnn.infer.precisions import (
    Curvature,
    DenseCurvature,
    DiagCurvature,
    Gaussian,
    KronCurvature,
    RootCurvature,
)

rng = np.random.default_rng(0)
DIM = 12
PRIOR = rng.uniform(0.5, 2, DIM)
C = np.array([1.7, 0.4])


def positive(n, seed):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T


ROWS, PART = rng.normal(size=(5, DIM)), np.array([0, 1, 0, 1, 1])
PARTS = np.stack([positive(DIM, 1), positive(DIM, 2)])
INPUT, OUTPUT = positive(3, 3), np.stack([positive(4, 4), positive(4, 5)])
DIAGONALS = rng.uniform(0, 3, (2, DIM))

CURVATURES = {
    "dense": (DenseCurvature(PARTS), PARTS),
    "diag": (DiagCurvature(DIAGONALS), np.stack([np.diag(d) for d in DIAGONALS])),
    "kron": (KronCurvature(INPUT, OUTPUT), np.stack([np.kron(INPUT, o) for o in OUTPUT])),
    "root": (RootCurvature(ROWS, PART), np.stack([ROWS[g == PART].T @ ROWS[g == PART] for g in (0, 1)])),
}
# A constant prior is what a Kronecker factorisation can keep.
PRIORS = {name: np.full(DIM, 0.8) if name == "kron" else PRIOR for name in CURVATURES}


def case(name):
    curvature, parts = CURVATURES[name]
    prior = PRIORS[name]
    precision = np.tensordot(C, parts, 1) + np.diag(prior)
    return curvature.gaussian(C, prior), parts, prior, precision, np.linalg.inv(precision)


@pytest.mark.parametrize("name", CURVATURES)
def test_determinant_variances_and_covariances_are_those_of_the_matrix(name):
    block, _, _, precision, covariance = case(name)
    gaussian = Gaussian(DIM, (slice(0, DIM),), (block,))
    np.testing.assert_allclose(gaussian.logdet, np.linalg.slogdet(precision)[1], rtol=1e-10)
    np.testing.assert_allclose(gaussian.variances(), np.diagonal(covariance), rtol=1e-8)
    np.testing.assert_allclose(gaussian.squares(np.eye(DIM)), np.diagonal(precision), rtol=1e-8)
    J = rng.normal(size=(7, 2, DIM))
    expected = np.einsum("mki,ij,mlj->mkl", J, covariance, J)
    np.testing.assert_allclose(gaussian.covariance(J), expected, rtol=1e-8)


@pytest.mark.parametrize("name", CURVATURES)
def test_draws_have_the_covariance_of_the_matrix(name):
    """The identity in place of noise shows the map itself, whose square is the covariance."""
    gaussian, _, _, _, covariance = case(name)
    root = gaussian.sample(np.eye(DIM))
    np.testing.assert_allclose(root.T @ root, covariance, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", CURVATURES)
def test_derivatives_of_the_determinant_are_those_of_finite_differences(name):
    """By the logarithms of the factors of parts and of prior precisions of groups of weights."""
    curvature, _ = CURVATURES[name]
    prior = PRIORS[name]
    groups = [slice(0, DIM)] if name == "kron" else [slice(0, 5), slice(5, DIM)]

    def at(log_shrink, log_c):
        scaled = prior.copy()
        for g, s in zip(groups, log_shrink, strict=True):
            scaled[g] *= np.exp(s)
        return curvature.gaussian(C * np.exp(log_c), scaled), scaled

    zero, zero_c, h = np.zeros(len(groups)), np.zeros(2), 1e-4
    gaussian, scaled = at(zero, zero_c)
    left = scaled * gaussian.variances()
    slopes = [left[g].sum() for g in groups]
    numeric = [
        (at(h * e, zero_c)[0].logdet - at(-h * e, zero_c)[0].logdet) / (2 * h) for e in np.eye(len(groups))
    ]
    np.testing.assert_allclose(slopes, numeric, rtol=1e-6)
    numeric = [(at(zero, h * e)[0].logdet - at(zero, -h * e)[0].logdet) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(gaussian.shares(), numeric, rtol=1e-6)

    def slope(log_shrink):
        g, s = at(log_shrink, zero_c)
        return np.array([(s * g.variances())[where].sum() for where in groups])

    bend = np.diag(slopes) - gaussian.coupling(scaled, groups)
    numeric = np.stack([(slope(h * e) - slope(-h * e)) / (2 * h) for e in np.eye(len(groups))])
    np.testing.assert_allclose(bend, numeric, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", CURVATURES)
def test_what_is_stored_is_read_again(name):
    gaussian = Curvature(DIM, (slice(0, DIM),), (CURVATURES[name][0],)).gaussian(C, PRIORS[name])
    again = Gaussian.of(gaussian.to_dataset())
    J = rng.normal(size=(3, 1, DIM))
    np.testing.assert_allclose(again.covariance(J), gaussian.covariance(J))
    np.testing.assert_allclose(again.logdet, gaussian.logdet)


def test_blocks_are_independent():
    places = (slice(0, DIM), slice(DIM, 2 * DIM))
    curvature = Curvature(2 * DIM, places, (CURVATURES["dense"][0], CURVATURES["kron"][0]))
    prior = np.concatenate([PRIOR, PRIORS["kron"]])
    gaussian = curvature.gaussian(C, prior)
    covariance = np.zeros((2 * DIM, 2 * DIM))
    covariance[:DIM, :DIM], covariance[DIM:, DIM:] = case("dense")[4], case("kron")[4]
    J = rng.normal(size=(3, 2, 2 * DIM))
    np.testing.assert_allclose(
        gaussian.covariance(J), np.einsum("mki,ij,mlj->mkl", J, covariance, J), rtol=1e-8
    )
    root = gaussian.sample(np.eye(2 * DIM))
    np.testing.assert_allclose(root.T @ root, covariance, rtol=1e-7, atol=1e-10)
    coupling = gaussian.coupling(prior, [slice(0, 5), slice(5, DIM), slice(DIM, 2 * DIM)])
    assert coupling.shape == (3, 3)
    assert (coupling[2, :2] == 0).all()
    np.testing.assert_allclose(gaussian.shares(), case("dense")[0].shares() + case("kron")[0].shares())


def test_a_matrix_that_float32_leaves_indefinite_is_factorised_in_float64():
    root = np.random.default_rng(0).normal(size=(40, 3)) * 3e4
    gaussian = DenseCurvature((root @ root.T)[None].astype(np.float32)).gaussian(np.ones(1), np.full(40, 1.0))
    assert "float64" in gaussian.note or "jitter" in gaussian.note


def test_a_saddle_is_no_gaussian():
    with pytest.raises(MethodError, match="saddle"):
        DenseCurvature(-10 * np.eye(3)[None]).gaussian(np.ones(1), np.ones(3))


def test_a_curvature_that_is_not_finite_says_what_to_do():
    with pytest.raises(MethodError, match="float64"):
        DenseCurvature(np.full((1, 3, 3), np.nan)).gaussian(np.ones(1), np.ones(3))
