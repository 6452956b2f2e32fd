"""A hierarchical survival network recovers what it is given: simulation-based calibration (`pbnn.sbc`).

Parameters are drawn from the prior, times from the model, times beyond the end of the study are censored, and the
posterior is fitted. The bound is one at which one run in a thousand fails by chance; times that are longer than the
parameters say must be found out.
"""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

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
SCALARS = {"shape", "h0_deviation_scale", "h0_bias_deviation_scale"}
CHANCE = 1e-3


def observed(time: np.ndarray) -> Censored:
    return pbnn.right_censored(np.minimum(time, END), time <= END)


def calibration(replicates: int, longer: float = 1.0) -> xr.Dataset:
    bnn = pbnn.build(NETWORK, X, observed(np.ones(ROWS)), standardize=False)
    return pbnn.sbc(
        bnn,
        METHOD,
        replicates=replicates,
        probes=PROBES,
        observe=lambda time: observed(longer * time),
        seed=1,
    )


@pytest.mark.slow
def test_parameters_are_recovered():
    table = calibration(20)
    assert set(table["quantity"].to_numpy()) > SCALARS
    assert table.attrs["p_value"] > CHANCE, table.attrs["verdict"]


@pytest.mark.nightly
def test_longer_times_are_found_out():
    assert calibration(10, longer=4.0).attrs["p_value"] < CHANCE


@pytest.mark.nightly
def test_parameters_are_recovered_in_a_hundred_studies():
    table = calibration(100)
    assert table.attrs["p_value"] > CHANCE, table.attrs["verdict"]
