"""A hierarchical survival network recovers what it is given: simulation-based calibration.

Parameters are drawn from the prior, times from the model, times beyond the end of the study are censored, and the
posterior is fitted. If all is right, the rank of each true value among its posterior draws is uniform (Talts et al.
2018, arXiv:1804.06788). The bound is that of Kolmogorov's test for the number of replicates, at a level at which one
run in a thousand fails by chance.
"""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import pbnn
from pbnn import likelihoods, priors
from pbnn.graph.censoring import Censored

ROWS, GROUPS = 60, 4
rng = np.random.default_rng(7)
X = pd.DataFrame({"dose": rng.normal(size=ROWS), "clinic": np.arange(ROWS) % GROUPS})
PROBES = pd.DataFrame({"dose": [-1.0, 0.0, 1.0], "clinic": [0, 1, 3]})
NETWORK = pbnn.Network(
    [pbnn.GroupDense("clinic", 3, weight=priors.Normal(), spread=priors.HalfNormal(1.0))],
    likelihoods.Weibull(shape=priors.LogNormal(1.5, sigma=0.3)),
    weights=priors.Normal(scale=0.7),
)
END = 2.0
METHOD = pbnn.MCLMC(draws=200, chains=2, tune=6000, thin=20)
SCALARS = ("shape", "h0_deviation_scale", "h0_bias_deviation_scale")
CHANCE = 1e-3


def observed(time: np.ndarray) -> Censored:
    return pbnn.right_censored(np.minimum(time, END), time <= END)


def quantities(weights, mu) -> np.ndarray:
    """Return what is compared `(..., quantity)`: in places where hidden units may permute, their function."""
    return np.stack([*(np.log(weights[name]) for name in SCALARS), *np.moveaxis(np.log(mu), -1, 0)], axis=-1)


def ranks(replicates: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks in (0, 1) of the true values `(replicate, quantity)`, and of values shifted by 2 sd."""
    bnn = pbnn.build(NETWORK, X, observed(np.ones(ROWS)), standardize=False)
    prior = pbnn.prior_predict(bnn, draws=replicates, seed=1)
    at_probes = pbnn.prior_predict(bnn, PROBES, draws=replicates, seed=1)
    times = prior["prior_predictive"]["y"].to_numpy()[0]
    weights = {name: prior["prior"][name].to_numpy()[0] for name in SCALARS}
    true = quantities(weights, at_probes["prior_predictive"]["mu"].to_numpy()[0])
    fine, shifted = [], []
    for i in range(replicates):
        pm.set_data({"y_data": observed(times[i]).to_array()}, model=bnn.model)
        tree = pbnn.fit(bnn, METHOD, seed=i, progress=False)
        mu = pbnn.predict(bnn, tree, PROBES, seed=i)["predictions"]["mu"].to_numpy().reshape(-1, len(PROBES))
        drawn = quantities({n: tree["posterior"][n].to_numpy().ravel() for n in SCALARS}, mu)
        fine.append((drawn < true[i]).mean(axis=0))
        shifted.append((drawn + 2 * drawn.std(axis=0) < true[i]).mean(axis=0))
    return np.array(fine), np.array(shifted)


def least_p(ranks: np.ndarray) -> float:
    """Return the smallest p-value of Kolmogorov's test of uniform ranks, times the number of quantities."""
    return min(1.0, ranks.shape[1] * min(stats.kstest(column, "uniform").pvalue for column in ranks.T))


@pytest.mark.slow
def test_parameters_are_recovered():
    fine, shifted = ranks(20)
    assert least_p(fine) > CHANCE
    assert least_p(shifted) < CHANCE


@pytest.mark.nightly
def test_parameters_are_recovered_in_a_hundred_studies():
    fine, shifted = ranks(100)
    assert least_p(fine) > CHANCE
    assert least_p(shifted) < CHANCE
