"""Full Bayes over hyperparameters, against quadrature and against the JAX program."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from optuna.distributions import IntDistribution

import pbnn
from pbnn.search import Inputs, Observations
from pbnn.search.bayes import draw_hyperparameters, gp_model, vectors
from pbnn.search.gp import fit_surrogate
from pbnn.search.hyperparameters import prior, unpack
from pbnn.search.mode import log_likelihood

# Two values: one length scale and no warping, so four hyperparameters, which quadrature can do.
INPUTS = Inputs.of({"n": IntDistribution(1, 2)})
Y = np.array([0.0, 0.3, 0.1, 2.0, 1.7, 2.2])


@pytest.fixture(scope="module")
def rows():
    return fit_surrogate(INPUTS, Observations(INPUTS.points([{"n": 1}] * 3 + [{"n": 2}] * 3), Y)).rows


@pytest.mark.parametrize("exact", [False, True])
def test_model_and_program_agree(rows, exact):
    theta = np.array([0.3, -0.2, 0.4] if exact else [0.3, -0.2, -2.0, 0.4])
    # Exact scores of one point are one.
    y = np.where(np.arange(len(rows.y)) < 3, 1.0, -0.5) if exact else rows.y
    rows = replace(rows, y=y, layout=replace(rows.layout, exact=exact))
    values = {
        k: np.asarray(v)
        for k, v in unpack(theta, rows.layout)._asdict().items()
        if v is not None and np.size(v)
    }
    model = gp_model(rows)
    with jax.enable_x64(True):
        ours = float(log_likelihood(theta, rows))
    assert float(model.compile_logp(vars=model.observed_RVs)(values)) == pytest.approx(ours, abs=1e-8)


@pytest.mark.nightly
def test_nuts_finds_the_means_of_quadrature(rows):
    loc, scale = prior(INPUTS.layout)
    nodes, weights = np.polynomial.hermite_e.hermegauss(16)
    grid = np.stack([g.ravel() for g in np.meshgrid(*[nodes] * 4, indexing="ij")], -1)
    weight = np.prod([g.ravel() for g in np.meshgrid(*[weights] * 4, indexing="ij")], 0)
    theta = loc + scale * grid
    with jax.enable_x64(True):
        log_lik = np.asarray(jax.jit(jax.vmap(lambda t: log_likelihood(t, rows)))(theta))
    mass = weight * np.exp(log_lik - log_lik.max())
    exact = (mass[:, None] * theta).sum(0) / mass.sum()
    idata, _ = draw_hyperparameters(rows, 1, pbnn.NUTS(draws=500, tune=500, chains=2))
    draws = vectors(idata, INPUTS.layout)
    # Half the draws for what neighbours share; the sampler's own effective sizes are above that.
    error = draws.std(0) / np.sqrt(len(draws) / 4)
    assert (np.abs(draws.mean(0) - exact) < 5 * error).all()
    assert not (np.abs(draws.mean(0) + draws.std(0) - exact) < 5 * error).all()
