"""Simulation-based calibration: it passes an exact posterior, and finds a planted error."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

import pbnn
from pbnn import likelihoods, priors
from pbnn.assess.sbc import _table
from pbnn.assess.uniformity import Uniform
from pbnn.errors import DataError, MethodError, ModelError
from tests.exact import LinearGaussian

CHANCE = 1e-3
EXACT = pbnn.Laplace("full", draws=50, tune=None, precision="float64")
"""The posterior of the linear-Gaussian network in closed form."""


@pytest.fixture(scope="module")
def bnn():
    return LinearGaussian.simulate(n=10, n_in=1).bnn


@pytest.fixture
def ranks():
    return np.random.default_rng(0).integers(0, 51, size=(200, 4))


def test_p_values_of_uniform_ranks_are_uniform():
    test = Uniform.of_ranks(60, 20, seed=1)
    rng = np.random.default_rng(2)
    p = [test.p_value(rng.integers(0, 21, 60)) for _ in range(300)]
    # The statistic is discrete, so a p-value is uniform or somewhat larger.
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > CHANCE
    assert np.mean(np.array(p) < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_the_curve_lies_in_the_band_as_often_as_it_says():
    test = Uniform.of_ranks(60, 20, seed=1)
    low, high = test.band(0.9)
    rng = np.random.default_rng(3)
    curves = np.stack([test.ecdf(rng.integers(0, 21, 60)) for _ in range(400)])
    inside = ((curves >= low) & (curves <= high)).all(axis=1).mean()
    assert abs(inside - 0.9) < 4 * np.sqrt(0.9 * 0.1 / 400)


def test_verdict_says_how_ranks_are_wrong(ranks):
    names = ["a", "b", "c", "d"]
    assert (
        _table(names, ranks, 50, "prior", 0).attrs["verdict"].startswith("No sign of miscalibration in 200")
    )
    for changed, words in (
        (np.minimum(ranks[:, 1] + 15, 50), "draws lie too low"),
        (np.maximum(ranks[:, 1] - 15, 0), "draws lie too high"),
        (np.where(ranks[:, 1] > 25, 50, 0), "too narrow"),
        (ranks[:, 1] // 3 + 17, "too wide"),
    ):
        wrong = ranks.copy()
        wrong[:, 1] = changed
        verdict = _table(names, wrong, 50, "prior", 0).attrs["verdict"]
        assert verdict.startswith("Not calibrated (p = ")
        assert verdict.endswith(f": b: {words}.") or (
            words == "too narrow" and "b: too narrow, or" in verdict
        )


def test_the_figure_names_what_leaves_the_band(ranks):
    ranks[:, 1] = np.minimum(ranks[:, 1] + 15, 50)
    ax = pbnn.plots.plot_sbc(_table(["a", "b", "c", "d"], ranks, 50, "prior", 0))
    assert ax.get_title() == "4 quantities, 1 outside"
    assert [text.get_text() for text in ax.get_legend().get_texts()][1:] == ["b"]
    plt.close(ax.figure)


@pytest.mark.nightly
@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (1.0, False)])
def test_an_exact_posterior_passes_and_shifted_data_do_not(bnn, shift, ok):
    table = pbnn.sbc(bnn, EXACT, replicates=40, draws=50, observe=lambda y: y + shift, seed=1)
    assert (table.attrs["p_value"] > CHANCE) == ok, table.attrs["verdict"]
    assert table["quantity"].to_numpy().tolist() == ["log_likelihood", "mu[0]", "mu[1]", "mu[2]"]
    assert table["rank"].sizes == {"replicate": 40, "quantity": 4}


@pytest.mark.nightly
def test_posterior_sbc_fits_real_and_simulated_data_together():
    linear = LinearGaussian.simulate(n=10, n_in=1)
    table = pbnn.sbc(linear.bnn, EXACT, replicates=40, draws=50, idata=linear.draws(), seed=1)
    assert table.attrs["kind"] == "posterior"
    assert table.attrs["p_value"] > CHANCE, table.attrs["verdict"]
    # Truths from another distribution than the posterior of the data are found out.
    wrong = pbnn.sbc(linear.bnn, EXACT, replicates=40, draws=50, idata=linear.draws(shift=3.0), seed=1)
    assert wrong.attrs["p_value"] < CHANCE


@pytest.mark.nightly
def test_scalars_are_ranked_and_weights_are_not():
    X = np.random.default_rng(0).normal(size=(12, 2))
    network = pbnn.Network(
        [pbnn.Dense(2)], likelihoods.Gaussian(priors.HalfNormal(1.0)), weights=priors.ARD()
    )
    method = pbnn.ADVI(steps=50, draws=12)
    table = pbnn.sbc(network, method, X, X[:, 0], replicates=2, draws=12, probes=X[:1], seed=1)
    names = table["quantity"].to_numpy().tolist()
    assert {"noise", "log_likelihood", "mu[0]"} <= set(names)
    assert not any(name.startswith("h0_weight[") and name.count(",") for name in names)
    assert table.attrs["replicates"] == 2


def test_what_cannot_be_done_is_refused(bnn):
    with pytest.raises(MethodError, match="replicates must be a whole number >= 2; got 1"):
        pbnn.sbc(bnn, "map", replicates=1)
    with pytest.raises(
        MethodError,
        match=r"sbc: fit 0: the fit has 1 draw.*take a method that draws",
    ):
        pbnn.sbc(bnn, pbnn.MAP(starts=1, steps=20), replicates=2, draws=10, seed=1)
    with pytest.raises(ModelError, match="expected a BNN"):
        pbnn.sbc(bnn.model, "map")
    with pytest.raises(DataError, match="with a network pass X and y"):
        pbnn.sbc(bnn.network, "map")
    with pytest.raises(DataError, match="a BNN has its data already"):
        pbnn.sbc(bnn, "map", np.zeros((3, 1)))
    times = pbnn.right_censored(np.ones(5), np.ones(5) > 0)
    timed = pbnn.build(pbnn.Network([], likelihoods.Weibull()), np.arange(5.0)[:, None], times)
    with pytest.raises(DataError, match="say what of a simulated time is seen"):
        pbnn.sbc(timed, "map")


def test_verdict_names_all_that_fail_the_worst_first():
    rng = np.random.default_rng(0)
    ranks = rng.integers(0, 51, size=(200, 8))
    ranks[:, 2] = np.minimum(ranks[:, 2] + 12, 50)
    ranks[:, 5] = np.minimum(ranks[:, 5] + 25, 50)
    verdict = _table(list("abcdefgh"), ranks, 50, "prior", 0).attrs["verdict"]
    assert verdict.endswith("): f: draws lie too low; c: draws lie too low.")
    ranks[:, 1:] = np.minimum(ranks[:, 1:] + 25, 50)
    verdict = _table(list("abcdefgh"), ranks, 50, "prior", 0).attrs["verdict"]
    assert verdict.count(": ") == 6  # five names after the p-value
    assert verdict.endswith("; and 2 more.")
