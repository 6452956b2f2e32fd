"""What goes wrong in data and models ends in a result with a verdict, or in an error that names the cause."""

from contextlib import nullcontext

import numpy as np
import pymc as pm
import pytest

from pbnn.assess import diagnose
from pbnn.errors import PbnnError, PbnnWarning
from pbnn.graph.build import build
from pbnn.infer import MCLMC, fit
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network

QUICK = {"draws": 40, "chains": 2, "thin": 4, "tune": 1600}

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:fit. the chains do not agree")]


def data(n=40):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    return X, X[:, 0] + 0.1 * rng.normal(size=n)


def outlier_in_x(X, y):
    X[3, 0] = 1e6


def outlier_in_y(X, y):
    y[3] = 1e6


def all_of_it_huge(X, y):
    X *= 1e6
    y *= 1e6


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(outlier_in_x, marks=pytest.mark.nightly),
        outlier_in_y,
        pytest.param(all_of_it_huge, marks=pytest.mark.nightly),
    ],
)
def test_wild_data_end_in_a_verdict(spoil):
    X, y = data()
    spoil(X, y)
    told = nullcontext() if spoil is all_of_it_huge else pytest.warns(PbnnWarning, match=r"1e\+06 in row 3")
    with told:
        bnn = build(Network([Dense(4)], Gaussian()), X, y)
    tree = fit(bnn, MCLMC(**QUICK), seed=1, progress=False)
    found = diagnose(bnn, tree)
    assert np.isfinite(tree["posterior"]["noise"]).all()
    # So few draws cannot be enough.
    assert found.attrs["trust"] in ("caution", "no")
    assert "effective" in found.attrs["verdict"] or "R-hat" in found.attrs["verdict"]


@pytest.mark.parametrize(
    ("draws", "chains"), [(3, 2), pytest.param(40, 1, marks=pytest.mark.nightly), (1, 1)]
)
def test_few_draws_or_chains_end_in_a_verdict(draws, chains):
    bnn = build(Network([Dense(4)], Gaussian()), *data())
    tree = fit(bnn, MCLMC(**QUICK | {"draws": draws, "chains": chains}), seed=1, progress=False)
    verdict = diagnose(bnn, tree).attrs["verdict"]
    wanted = "No verdict" if draws < 4 else "there is one chain"
    assert wanted in verdict or "of 40 draws only" in verdict


def test_a_log_density_beyond_float32_is_named():
    with pm.Model() as model:
        x = pm.Normal("x", shape=3)
        pm.Normal("y", x, 1e-3, observed=np.full(3, 1e30))
    with pytest.raises(PbnnError, match=r"not finite|float64"):
        fit(model, MCLMC(**QUICK), seed=1, progress=False)


def test_a_posterior_without_curvature_is_told():
    with pm.Model() as model:
        pm.Flat("x", shape=3)
    with pytest.warns(UserWarning, match="is the posterior proper"):
        fit(model, MCLMC(**QUICK), seed=1, progress=False)
