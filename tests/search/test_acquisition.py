"""Acquisitions against Monte Carlo on the posterior itself, and what they do with pending points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from pbnn.errors import MethodError
from pbnn.search import acquisition
from pbnn.search.acquisition import ACQUISITIONS, acquisition_of, problem
from pbnn.search.beliefs import Beliefs, means
from pbnn.search.gp import fit_surrogate, posterior
from pbnn.search.inputs import Inputs
from pbnn.search.maximise import scored
from pbnn.search.observations import Observations
from tests.tiers import tiers

INPUTS = Inputs.of({"x": FloatDistribution(0, 1), "z": FloatDistribution(0, 1)})


def points(*rows):
    return INPUTS.points([{"x": a, "z": b} for a, b in rows])


@pytest.fixture(scope="module")
def beliefs():
    """Return seven noisy scores, two pending points, and a constraint that holds on the left."""
    rng = np.random.default_rng(0)
    observed = points(*rng.random((7, 2)))
    y = np.sin(5 * observed.x[:, 0]) + observed.x[:, 1] + 0.1 * rng.normal(size=7)
    surrogate = fit_surrogate(INPUTS, Observations(observed, y, 0.05 * np.eye(7)))
    return Beliefs([surrogate], [], observed, points((0.3, 0.9), (0.45, 0.8)), np.ones(7, bool))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_noisy_improvement_with_pending_points_is_that_of_joint_draws(beliefs, monkeypatch, shift):
    monkeypatch.setattr(acquisition, "PATHS", 2000)
    new = points((0.25, 0.95), (0.8, 0.1), (0.5, 0.5))
    score, facts = problem(ACQUISITIONS["noisy_ei"], beliefs, new, np.random.default_rng(1))
    got = np.exp(scored(score, facts, new)) * (1 + shift)
    known = beliefs.known
    every, arrays = type(new).joined([known, new]), beliefs.objectives[0].arrays
    with jax.enable_x64(True):
        mean, cov = (np.asarray(v)[0] for v in jax.jit(posterior)(arrays, every.x, every.active))
    rng = np.random.default_rng(2)
    draws = rng.multivariate_normal(mean, cov + 1e-9 * np.eye(len(mean)), size=100_000)
    gains = np.maximum(draws[:, len(known) :] - draws[:, : len(known)].max(1, keepdims=True), 0)
    # ours has 2000 draws of what is known: at most the variance of a gain each
    error = gains.std(0) * (2000**-0.5 + 100_000**-0.5)
    assert (np.abs(got - gains.mean(0)) < 4 * error + 1e-9).all() == (shift == 0.0)


def test_believed_scores_leave_the_mean_and_lower_the_variance(beliefs):
    (believer,) = beliefs.believers
    here = beliefs.objectives[0]
    elsewhere = points((0.1, 0.2), (0.35, 0.85))
    np.testing.assert_allclose(means(believer.arrays, elsewhere), means(here.arrays, elsewhere), atol=1e-6)
    before, after = (s.predict(beliefs.pending)[1] for s in (here, believer))
    assert (after < before).all()


def test_constraint_multiplies_by_the_probability_that_it_holds(beliefs):
    value = beliefs.observed.x[:, 0] - 0.5
    constraint = fit_surrogate(INPUTS, Observations(beliefs.observed, value))
    bound = Beliefs(beliefs.objectives, [constraint], beliefs.observed, beliefs.pending, value <= 0)
    new = points((0.1, 0.5), (0.9, 0.5), (0.5, 0.1))
    score, facts = problem(ACQUISITIONS["log_ei"], bound, new, np.random.default_rng(0))
    held = scored(score, facts, new) - scored(ACQUISITIONS["log_ei"].score, facts, new)
    draws = constraint.predict(new)
    chance = np.random.default_rng(1).normal(*draws, size=(40_000, 3)) <= 0
    np.testing.assert_allclose(np.exp(held), chance.mean(0), atol=4 * 0.5 / 200)
    nothing = Beliefs(beliefs.objectives, [constraint], beliefs.observed, beliefs.pending, np.zeros(7, bool))
    score, facts = problem(ACQUISITIONS["log_ei"], nothing, new, np.random.default_rng(0))
    np.testing.assert_allclose(scored(score, facts, new), held, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    tiers([n for n, a in ACQUISITIONS.items() if a.score is not None and not a.several], ["noisy_ei"]),
)
def test_scores_and_their_slopes_are_finite_everywhere(beliefs, name):
    score, facts = problem(ACQUISITIONS[name], beliefs, beliefs.known, np.random.default_rng(0))
    with jax.enable_x64(True):
        x = jnp.concatenate([beliefs.known.x, jnp.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])])
        value, slope = jax.jit(jax.value_and_grad(lambda x: score(facts, x, jnp.ones(x.shape, bool)).sum()))(
            x
        )
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_unknown_and_unfit_names():
    with pytest.raises(MethodError, match=r"unknown acquisition 'logei'; known: .* Did you mean 'log_ei'"):
        acquisition_of("logei", 1)
    with pytest.raises(MethodError, match="'ucb' is not for a study with 2 objectives; take 'ehvi'"):
        acquisition_of("ucb", 2)
