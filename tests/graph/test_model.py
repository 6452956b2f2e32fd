"""`bnn.model` is a `pm.Model` that behaves as its users expect."""

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr

import pbnn
from pbnn.errors import DataError, PbnnWarning, SpecError
from pbnn.graph.build import build
from pbnn.spec.layers import Dense, Embedding, LayerNorm, Residual
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson
from pbnn.spec.network import Network
from pbnn.target import Target

N = 12
rng = np.random.default_rng(0)
X = pd.DataFrame({"age": rng.normal(40, 9, N), "kind": list("uvw" * 4), "height": rng.normal(1.7, 0.1, N)})
Y = pd.Series(rng.normal(70, 10, N), name="weight")
PAIR = pd.DataFrame({"weight": Y, "pulse": rng.normal(80, 9, N)})
FULL = Network([Embedding("kind", 2), Dense(3), Residual([LayerNorm(), Dense(3, "relu")])], Gaussian())


@pytest.fixture(scope="module")
def bnn():
    return build(FULL, X, PAIR)


@pytest.fixture
def plain():
    return build(Network([Dense(3)], Gaussian()), X[["age", "height"]], Y)


# ------------------------------------------------------------------------------------------------ dims and coords


def test_dims(bnn):
    assert {name: tuple(dims) for name, dims in bnn.model.named_vars_to_dims.items() if dims} == {
        "X": ("obs", "feature"),
        "y_data": ("obs", "output"),
        "y": ("obs", "output"),
        "h0_weight": ("h0_category", "h0_vector"),
        "h1_weight": ("h0_unit", "h1_unit"),
        "h1_bias": ("h1_unit",),
        "h2_0_gain": ("h1_unit",),
        "h2_0_offset": ("h1_unit",),
        "h2_1_weight": ("h1_unit", "h2_1_unit"),
        "h2_1_bias": ("h2_1_unit",),
        "out_weight": ("h1_unit", "out_unit"),
        "out_bias": ("out_unit",),
        "noise": ("output",),
    }


def test_coords(bnn):
    coords = {dim: tuple(labels) for dim, labels in bnn.model.coords.items() if labels is not None}
    assert coords == {
        "feature": ("age", "kind", "height"),
        "output": ("weight", "pulse"),
        "number": ("age", "height"),
        "h0_category": ("0", "1", "2"),
        "h0_vector": ("kind[0]", "kind[1]"),
        "h0_unit": ("age", "height", "kind[0]", "kind[1]"),
        "h1_unit": ("0", "1", "2"),
        "h2_1_unit": ("0", "1", "2"),
        "out_unit": ("weight", "pulse"),
    }


@pytest.mark.parametrize(
    ("likelihood", "y", "out_unit", "classes"),
    [
        (Categorical(), list("bca" * 4), ("a", "b", "c"), ("a", "b", "c")),
        (Categorical(), [2, 1] * 6, (1, 2), (1, 2)),
        (Bernoulli(), [True, False] * 6, ("y",), (False, True)),
        (Poisson(), range(N), ("y",), None),
        (Gaussian("heteroscedastic"), Y, ("weight", "log_noise[weight]"), None),
        (
            Gaussian("heteroscedastic"),
            PAIR,
            ("weight", "pulse", "log_noise[weight]", "log_noise[pulse]"),
            None,
        ),
    ],
)
def test_coords_of_outputs_and_classes(likelihood, y, out_unit, classes):
    coords = build(Network([], likelihood), X[["age"]], y).model.coords
    assert tuple(coords["out_unit"]) == out_unit
    assert (tuple(coords["class"]) if "class" in coords else None) == classes


def test_names_are_good_for_files_and_formulas(bnn):
    assert all(name.replace("_", "a").isalnum() for name in bnn.model.named_vars)


# ----------------------------------------------------------------------------------------------------- PyMC's verbs


@pytest.fixture
def quick():
    """Compile as little as possible: PyTensor's default takes half a minute."""
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def test_graphviz_shows_variables_and_plates(bnn):
    source = pm.model_to_graphviz(bnn.model).source
    for name in ("X", "h1_weight", "h1_weight_scale", "out_bias", "noise", "y"):
        assert f"{name} [" in source
    assert "h0_unit (4) x h1_unit (3)" in source


def test_prior_predictive(bnn, quick):
    with bnn.model:
        tree = pm.sample_prior_predictive(20, random_seed=1)
    assert tree["prior_predictive"]["y"].dims == ("chain", "draw", "obs", "output")
    assert list(tree["prior"]["h1_weight"].coords["h0_unit"].values) == [
        "age",
        "height",
        "kind[0]",
        "kind[1]",
    ]
    # In the user's units: around the data rather than around 0.
    y = tree["prior_predictive"]["y"]
    assert abs(float(y.sel(output="weight").median()) - Y.mean()) < 5 * Y.std()
    assert list(tree["constant_data"]["X"].coords["feature"].values) == ["age", "kind", "height"]


@pytest.mark.parametrize("rows", [1, 5, 40])
def test_set_data_then_predict(plain, quick, rows):
    posterior = {
        rv.name: (
            ("chain", "draw", *plain.model.named_vars_to_dims.get(rv.name, ())),
            np.ones((1, 3, *plain.model.eval_rv_shapes()[rv.name])),
        )
        for rv in plain.model.free_RVs
    }
    coords = {dim: list(labels) for dim, labels in plain.model.coords.items() if labels is not None}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(posterior, coords)})
    X_new = rng.normal([40, 1.7], [9, 0.1], size=(rows, 2))
    with plain.model:
        pm.set_data({"X": X_new})
        pred = pm.sample_posterior_predictive(tree, random_seed=1, progressbar=False)
    y = pred["posterior_predictive"]["y"]
    assert y.shape == (1, 3, rows)
    z = (X_new - X[["age", "height"]].mean().to_numpy()) / X[["age", "height"]].std(ddof=0).to_numpy()
    mu = Y.mean() + Y.std(ddof=0) * (3 * np.tanh(z.sum(axis=1) + 1) + 1)
    assert np.abs(y.values - mu).max() < 6  # the noise is 1


def test_observed_data_keep_their_units(bnn):
    np.testing.assert_array_equal(bnn.model["y_data"].get_value(), PAIR)
    np.testing.assert_array_equal(bnn.model["X"].get_value()[:, 0], X["age"])
    np.testing.assert_array_equal(bnn.model["X"].get_value()[:, 1], [0, 1, 2] * 4)


def test_the_model_can_be_extended(plain):
    with plain.model:
        pm.Potential("small_noise", -plain.model["noise"])
        pm.Deterministic("log_noise", pm.math.log(plain.model["noise"]))
    target = Target.of(plain)
    z = target.starts(1, 0)[0]
    with target.scope():
        values = target.constrain(z)
    assert float(values["log_noise"]) == pytest.approx(np.log(float(values["noise"])))


@pytest.mark.nightly
def test_sample(plain):
    with plain.model:
        tree = pm.sample(
            30, tune=30, chains=2, cores=1, random_seed=1, progressbar=False, compute_convergence_checks=False
        )
    assert tree["posterior"]["h0_weight"].dims == ("chain", "draw", "feature", "h0_unit")
    assert set(tree["posterior"].data_vars) == {rv.name for rv in plain.model.free_RVs}
    target = Target.of(plain)
    z = target.draws(tree["posterior"].to_dataset())
    with target.scope():
        np.testing.assert_allclose(
            target.constrain(z[1, 7])["h0_weight"], tree["posterior"]["h0_weight"][1, 7]
        )
    assert len(az.summary(tree, var_names=["h0_weight", "noise"])) == 7


# --------------------------------------------------------------------------------------------------------- build


def test_arguments_are_checked():
    with pytest.raises(SpecError, match=r"build: the first argument must be a pbnn\.Network; got list"):
        build([Dense(3)], X[["age"]], Y)
    with pytest.raises(SpecError, match=r"must be a pbnn\.Network; got type"):
        build(Network, X[["age"]], Y)
    with pytest.raises(DataError, match=r"build: X has 12 rows and y has 5; they must be equal"):
        build(Network([], Gaussian()), X[["age"]], Y[:5])
    with pytest.raises(
        DataError, match=r"X and y hold the same index in another order; pass y\.loc\[X\.index\]"
    ):
        build(Network([], Gaussian()), X[["age"]], Y[::-1])


def test_index_is_otherwise_ignored():
    bnn = build(Network([], Gaussian()), X[["age"]].set_index(pd.Index(range(100, 112))), Y)
    assert bnn.n_obs == N


def test_constant_column_warns_and_fits():
    with pytest.warns(PbnnWarning, match=r"column 'one' is constant \(1\)") as caught:
        bnn = build(Network([], Gaussian()), X[["age"]].assign(one=1), Y)
    assert caught[0].filename == __file__
    target = Target.of(bnn)
    assert np.isfinite(target.starts(1, 0)).all()


def test_two_rows_are_enough():
    assert np.isfinite(
        Target.of(build(Network([Dense(2)], Gaussian()), [[1.0], [2.0]], [3.0, 5.0])).starts(1, 0)
    ).all()


# ------------------------------------------------------------------------------------------------ showing itself


def test_print_counts_the_weights(bnn):
    lines = str(bnn).splitlines()
    assert lines[0].startswith(
        "BNN: 12 rows × 3 columns, 52 parameters, Gaussian, noise ~ LogNormal(0.3·sd(y), 1)"
    )
    table = {line.split()[0]: line for line in lines[3:]}
    assert list(table) == ["h0", "h1", "h2", "out", "noise"]
    assert " 3×2 " in table["h0"]
    assert " 4×3 " in table["h1"]
    assert " 3×2 " in table["out"]
    counts = {"h0": 6, "h1": 16, "h2": 6 + 9 + 3 + 1, "out": 6 + 2 + 1, "noise": 2}
    assert sum(counts.values()) == bnn.n_weights == sum(v.size for v in Target.of(bnn).variables)
    for name, count in counts.items():
        assert f" {count} " in table[name]


def test_html_is_escaped_and_complete():
    bnn = build(Network([Embedding("<b>", 2), Dense(3)], Gaussian()), X.rename(columns={"kind": "<b>"}), Y)
    html = bnn._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert html.count("<tr>") == 5
    assert repr(bnn) == str(bnn)


def test_ten_layers_are_not_mistaken_for_one():
    net = Network([Dense(i + 1) for i in range(11)], Gaussian(1.0))
    lines = str(build(net, X[["age"]], Y)).splitlines()
    rows = {line.split()[0]: line for line in lines[3:]}
    assert " 1×2 " in rows["h1"]
    assert " 5 " in rows["h1"]  # 2 weights, 2 biases, a scale
    assert " 10×11 " in rows["h10"]


def test_one_column_is_singular():
    assert "12 rows × 1 column," in str(build(Network([], Gaussian()), X[["age"]], Y))


def test_the_public_names():
    assert pbnn.build is build
