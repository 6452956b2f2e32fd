"""What `fit` returns, whatever the method: a plain DataTree in ArviZ's layout that files and ArviZ take."""

import json

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr

import pbnn
from pbnn.graph.build import build
from pbnn.graph.nn import nn
from pbnn.infer import ADVI, MAP, NUTS, fit
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Categorical
from pbnn.spec.network import Network
from pbnn.target import Target

STATS = {"lp", "energy", "acceptance_rate", "diverging", "tree_depth", "n_steps", "step_size"}


@pytest.mark.slow
def test_layout(tree, network):
    assert set(tree.children) == {"posterior", "sample_stats", "observed_data", "constant_data"}
    posterior = tree["posterior"]
    assert {name: variable.dims[2:] for name, variable in posterior.data_vars.items()} == {
        "h0_weight": ("feature", "h0_unit"),
        "h0_weight_scale": (),
        "h0_bias": ("h0_unit",),
        "out_weight": ("h0_unit", "out_unit"),
        "out_weight_scale": (),
        "out_bias": ("out_unit",),
        "noise": (),
    }
    assert all(variable.dims[:2] == ("chain", "draw") for variable in posterior.data_vars.values())
    assert dict(posterior.sizes) == {"chain": 2, "draw": 25, "feature": 2, "h0_unit": 3, "out_unit": 1}
    assert list(posterior["feature"].values) == ["age", "dose"]
    assert set(tree["sample_stats"].data_vars) == STATS
    assert all(variable.dims == ("chain", "draw") for variable in tree["sample_stats"].data_vars.values())
    assert set(tree["observed_data"].data_vars) == {"y"}
    assert set(tree["constant_data"].data_vars) == {"X"}
    assert tree["constant_data"]["X"].dims == ("obs", "feature")
    np.testing.assert_array_equal(tree["constant_data"]["X"], network.model["X"].get_value())
    np.testing.assert_array_equal(tree["observed_data"]["y"], network.model["y_data"].get_value())


def test_attributes_are_plain_and_complete(tree, network):
    attrs = tree.attrs
    assert {type(value) for value in attrs.values()} <= {str, int, float}
    assert (attrs["sampling"], attrs["method"], attrs["seed"], attrs["precision"]) == (
        "mcmc",
        "nuts",
        7,
        "float64",
    )
    assert (attrs["interrupted"], "converged" in attrs) == (0, False)
    assert attrs["wall_time"] > 0
    assert NUTS(**json.loads(attrs["options"])) == NUTS(draws=25, tune=40, chains=2)
    assert set(json.loads(attrs["versions"])) >= {"pbnn", "pymc", "pytensor", "jax", "blackjax", "numpy"}
    assert Network.from_json(attrs["network"]) == network.network
    assert json.loads(attrs["columns"])["names"] == ["age", "dose"]
    assert json.loads(attrs["response"])["kind"] == "continuous"
    assert attrs["message"] == "NUTS, 2 chains of 25 draws after 40 steps of adaptation."


def test_lp_is_the_log_density_of_the_draws(tree, network):
    target = Target.of(network)
    z = target.draws(tree["posterior"].to_dataset())
    for chain, draw in ((0, 0), (1, 24)):
        value = float(target.log_density(z[chain, draw]))
        assert value == pytest.approx(tree["sample_stats"]["lp"][chain, draw].item(), rel=1e-9)


def test_netcdf_keeps_everything(tree, tmp_path):
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    back = xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf")
    for group in tree.groups:
        xr.testing.assert_identical(
            back[group].to_dataset().drop_attrs(deep=False), tree[group].to_dataset().drop_attrs(deep=False)
        )
    assert back.attrs == tree.attrs


def test_arviz_reads_it(tree):
    summary = az.summary(tree, var_names=["noise", "h0_weight"])
    assert list(summary.index)[:2] == ["noise", "h0_weight[age, 0]"]
    assert az.ess(tree)["noise"].size == 1
    assert set(az.extract(tree).sizes) >= {"sample", "feature"}


@pytest.mark.slow
def test_arviz_plots_it(tree):
    az.plot_trace(tree, var_names=["noise"], backend="none")
    az.plot_energy(tree, backend="none")
    az.plot_rank(tree, var_names=["noise"], backend="none")


@pytest.mark.parametrize(
    ("y", "labels"),
    [([True, False] * 6, [False, True]), pytest.param([3, 1, 2] * 4, [1, 2, 3], marks=pytest.mark.slow)],
)
def test_labels_survive_as_coordinates(y, labels, tmp_path):
    bnn = build(Network([], Categorical()), np.arange(24.0).reshape(12, 2), y)
    tree = fit(bnn, MAP(1, steps=3), seed=1, progress=False)
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    assert list(xr.open_datatree(tmp_path / "fit.nc")["posterior"]["out_unit"].values) == labels


# --------------------------------------------------------------------------------------------------------- methods


def test_map_is_one_draw_and_its_course(network):
    tree = fit(network, MAP(starts=3), seed=1, progress=False)
    assert dict(tree["posterior"].sizes) | {"chain": 1, "draw": 1} == dict(tree["posterior"].sizes)
    assert (tree.attrs["sampling"], tree.attrs["method"], tree.attrs["converged"]) == (
        "approximate",
        "map",
        1,
    )
    assert set(tree["optimization"].data_vars) == {"log_density"}
    assert float(tree["optimization"]["log_density"].max()) == tree["sample_stats"]["lp"].item()
    assert tree.attrs["message"].startswith("The best of 3 starts has log density ")
    assert fit(network, MAP(starts=3), seed=1, progress=False)["posterior"].equals(tree["posterior"])


def test_map_finds_the_mode(gaussian):
    from tests.infer.conftest import MEAN, SD

    tree = fit(gaussian, MAP(starts=1), seed=1, progress=False)
    np.testing.assert_allclose((tree["posterior"]["x"].values[0, 0] - MEAN) / SD, 0, atol=1e-3)


def test_map_that_ran_out_of_steps_says_so(network):
    tree = fit(network, MAP(starts=2, steps=2), seed=1, progress=False)
    assert tree.attrs["converged"] == 0
    assert tree.attrs["message"].endswith("2 had not converged; raise `steps`.")


@pytest.mark.slow
def test_advi_is_one_chain_of_independent_draws(network):
    tree = fit(network, ADVI(draws=50, steps=1000), seed=1, progress=False)
    assert (tree["posterior"].sizes["chain"], tree["posterior"].sizes["draw"]) == (1, 50)
    assert set(tree["sample_stats"].data_vars) == {"lp", "log_q"}
    assert tree.attrs["sampling"] == "approximate"
    assert fit(network, ADVI(draws=50, steps=1000), seed=1, progress=False)["posterior"].equals(
        tree["posterior"]
    )
    assert not fit(network, ADVI(draws=50, steps=1000), seed=2, progress=False)["posterior"].equals(
        tree["posterior"]
    )


def test_a_seed_is_found_and_recorded(gaussian):
    tree = fit(gaussian, MAP(1), progress=False)
    again = fit(gaussian, MAP(1), seed=np.int32(tree.attrs["seed"]), progress=False)
    assert again["posterior"].equals(tree["posterior"])


# -------------------------------------------------------------------------------------------------- any pm.Model


@pytest.mark.slow
def test_a_hierarchy_with_a_network_inside():
    rng = np.random.default_rng(0)
    x, group = rng.normal(size=(30, 1)), np.arange(30) % 3
    with pm.Model(coords={"group": ["a", "b", "c"], "obs": range(30)}) as model:
        f = nn("f", pm.Data("x", x), [Dense(2)], dims="obs")
        level = pm.Normal("level", 0, pm.HalfNormal("between"), dims="group")
        share = pm.Dirichlet("share", np.ones(3), dims="group")
        pm.Normal("y", f + level[group] + share[group], 0.5, observed=rng.normal(size=30), dims="obs")
    tree = fit(model, MAP(1, steps=20), seed=1, progress=False)
    posterior = tree["posterior"]
    assert posterior["level"].dims == ("chain", "draw", "group")
    assert posterior["f"].dims == ("chain", "draw", "obs")
    assert list(posterior["group"].values) == ["a", "b", "c"]
    np.testing.assert_allclose(posterior["share"].sum("group"), 1)
    assert "network" not in tree.attrs
    assert list(tree["constant_data"].data_vars) == ["x"]
    assert list(tree["observed_data"].data_vars) == ["y"]


def test_a_model_without_data_has_no_such_groups(gaussian):
    tree = fit(gaussian, MAP(1), seed=1, progress=False)
    assert set(tree.children) == {"posterior", "sample_stats", "optimization"}


def test_the_public_name():
    assert pbnn.fit is fit
