"""Users of a general model are told when its chains disagree."""

import warnings

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from pbnn.errors import PbnnWarning
from pbnn.infer import MCLMC, fit
from pbnn.infer.agreement import warn_of_disagreement


def tree(draws, sampling):
    found = xr.DataTree.from_dict({"posterior": xr.Dataset({"x": (("chain", "draw", "dim"), draws)})})
    found.attrs["sampling"] = sampling
    return found


@pytest.fixture
def model():
    with pm.Model() as model:
        pm.Normal("x", shape=3)
    return model


@pytest.mark.parametrize(
    ("shift", "sampling", "told"), [(0, "mcmc", False), (1, "mcmc", True), (1, "approximate", False)]
)
def test_only_disagreement_is_told(model, shift, sampling, told):
    draws = np.random.default_rng(0).normal(size=(2, 500, 3))
    draws[0, :, 1] += shift
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_disagreement(tree(draws, sampling), model)
    assert [w.category for w in caught] == [PbnnWarning] * told
    if told:
        assert "fit: the chains do not agree on 'x' (R-hat 1." in str(caught[0].message)


def test_an_improper_posterior_is_named():
    with pm.Model() as model:
        x = pm.Flat("x", shape=3)
        pm.Potential("slope", x.sum())
    with pytest.warns(
        PbnnWarning, match=r"do not agree on 'x' .* The prior of x is flat: is the posterior proper\?"
    ):
        fit(model, MCLMC(draws=100, chains=2, thin=5, tune=1600), seed=1, progress=False)
