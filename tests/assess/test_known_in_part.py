"""Calibration of times known in part, and comparisons of angles near the cut."""

import numpy as np
import pytest
from scipy import stats

import pbnn
from pbnn.assess import decompose, decomposition_map, ood
from pbnn.assess.scoring_rules import pit_between
from pbnn.spec.likelihoods import VonMises
from pbnn.spec.network import Network

N = 3000


def study():
    """Return draws of the predictive distribution, and times: right-censored, between visits, and watched late."""
    rng = np.random.default_rng(1)
    draws, time, entry = rng.exponential(size=(N, 199)), rng.exponential(size=N), rng.uniform(0, 0.5, N)
    entry[::2] = 0
    time += entry  # what remains of an exponential time is one again
    until = entry + rng.exponential(size=N)
    lower, upper = np.minimum(time, until), np.where(time <= until, time, np.inf)
    visit = rng.integers(0, 3, N) == 0
    seen = visit & (entry == 0)
    lower, upper = (
        np.where(seen, np.floor(2 * time) / 2, lower),
        np.where(seen, np.floor(2 * time) / 2 + 0.5, upper),
    )
    return draws, np.stack([lower, upper, entry], axis=-1), rng.uniform(size=N)


def test_transforms_are_uniform_and_those_of_known_times_alone_are_not():
    draws, bounds, within = study()
    pit = pit_between(draws, bounds, within)
    assert ((pit > 0) & (pit < 1)).all()
    assert stats.kstest(pit, "uniform").pvalue > 0.001
    assert stats.kstest(pit_between(1.3 * draws, bounds, within), "uniform").pvalue < 1e-6
    assert stats.kstest(pit[bounds[:, 0] == bounds[:, 1]], "uniform").pvalue < 1e-6


def test_angles_are_kept_as_they_are_drawn():
    bnn = pbnn.build(Network([], VonMises()), np.eye(3), [3.0, 4.0, -6.0])
    np.testing.assert_allclose(
        bnn.response.encode([3.0, 4.0, -6.0], "score"), [3, 4 - 2 * np.pi, 2 * np.pi - 6]
    )


@pytest.mark.nightly
def test_doubt_of_angles_near_the_cut_is_small():
    """Draws to both sides of the cut are close, and so are the means of two such sets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    bnn = pbnn.build(Network([], VonMises()), X, np.pi + 0.1 * rng.normal(size=30))
    idata = pbnn.fit(bnn, pbnn.Laplace(draws=50), seed=1, progress=False)
    mu = pbnn.predict(bnn, idata, X, seed=1)["predictions"]["mu"]
    assert float(mu.min()) < -3 < 3 < float(mu.max())
    assert float(decompose(bnn, idata)["epistemic"]) < 0.1
    assert float(decomposition_map(bnn, idata, bnn.columns.names, points=3)["epistemic"].max()) < 0.5
    table = ood(bnn, idata, X, X + 1, resamples=2)
    assert float(table["in_score"].sel(measure="epistemic_variance").max()) < 0.5


@pytest.mark.nightly
def test_angles_near_the_cut_are_compared_around_their_mean():
    rng = np.random.default_rng(0)
    bnn = pbnn.build(Network([], VonMises()), rng.normal(size=(30, 1)), np.pi + 0.1 * rng.normal(size=30))
    fits = {str(seed): pbnn.fit(bnn, pbnn.Laplace(draws=200), seed=seed) for seed in (1, 2)}
    table = pbnn.compare(bnn, fits, reference="1")
    assert float(table["reference_epistemic_sd"].max()) < 0.5
    assert float(np.abs(table["mean_difference"]).max()) < 0.5
