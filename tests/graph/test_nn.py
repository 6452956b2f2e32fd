"""`pbnn.nn` inside anyone's model."""

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr

import pbnn
from pbnn.errors import DataError, ModelError, ShapeError, SpecError
from pbnn.graph.nn import nn
from pbnn.spec.layers import GRU, Dense, Embedding, GroupDense, Residual
from pbnn.spec.priors import Normal, ResponseSD

N = 8
X = np.random.default_rng(0).normal(size=(N, 2))
FRAME = pd.DataFrame(X, columns=["a", "b"])
CODES = FRAME.assign(kind=np.arange(N) % 3)
LAYERS = [Dense(3)]


@pytest.fixture
def model():
    with pm.Model(coords={"obs": range(N), "kind": ["p", "q", "r"]}) as model:
        yield model


def evaluate(model, variable):
    """Return a variable where every weight is 1."""
    weights = [v for v in model.free_RVs if variable.name in v.name]
    ones = [pt.ones(v.shape, dtype="float64") for v in weights]
    graph = pytensor.graph.replace.graph_replace(
        [variable], dict(zip(weights, ones, strict=True)), strict=False
    )
    return pytensor.function([], graph, mode="FAST_COMPILE")()[0]


def with_nan(row, column):
    x = X.copy()
    x[row, column] = np.nan
    return x


def by_hand(x):
    return 3 * np.tanh(x.sum(axis=1) + 1) + 1


INPUTS = {
    "array": lambda: X,
    "list": lambda: X.tolist(),
    "frame": lambda: FRAME,
    "dataarray": lambda: xr.DataArray(X, dims=["obs", "column"]),
    "data": lambda: pm.Data("x", X),
    "data from a frame": lambda: pm.Data("x", FRAME),
    "data with dims": lambda: pm.Data("x", X, dims=("obs", "column")),
    "tensor": lambda: pt.stack([pm.Data("a", X[:, 0]), pt.as_tensor(X[:, 1])], axis=-1),
    "shared": lambda: pytensor.shared(X),
}


@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS)
def test_value(make, model):
    model.add_coord("column", ["a", "b"])
    f = nn("f", make(), LAYERS)
    np.testing.assert_allclose(evaluate(model, f), by_hand(X))
    assert [v.name for v in model.free_RVs] == [
        "f_h0_weight_scale",
        "f_h0_weight",
        "f_h0_bias",
        "f_out_weight_scale",
        "f_out_weight",
        "f_out_bias",
    ]


def test_one_column_of_data(model):
    f = nn("f", pm.Data("x", X[:, 0])[:, None], LAYERS)
    np.testing.assert_allclose(evaluate(model, f), by_hand(X[:, :1]))


def test_new_data_give_new_values(model):
    f = nn("f", pm.Data("x", X), LAYERS)
    pm.set_data({"x": X[:3] + 1})
    np.testing.assert_allclose(evaluate(model, f), by_hand(X[:3] + 1))


def test_a_random_variable_as_input(model):
    f = nn("f", pm.Normal("x", shape=(N, 2)), LAYERS)
    assert f.ndim == 1


def test_dims_and_coords(model):
    nn("f", FRAME, LAYERS, outputs=3, dims=("obs", "kind"))
    dims = {name: tuple(d) for name, d in model.named_vars_to_dims.items() if d}
    assert dims == {
        "f": ("obs", "kind"),
        "f_h0_weight": ("f_feature", "f_h0_unit"),
        "f_h0_bias": ("f_h0_unit",),
        "f_out_weight": ("f_h0_unit", "f_output"),
        "f_out_bias": ("f_output",),
    }
    assert tuple(model.coords["f_feature"]) == ("a", "b")
    assert tuple(model.coords["f_output"]) == ("0", "1", "2")


def test_outputs(model):
    f = nn("f", X, LAYERS, outputs=3)
    value = evaluate(model, f)
    assert value.shape == (N, 3)
    np.testing.assert_allclose(value, np.column_stack([by_hand(X)] * 3))


def test_no_layers_is_linear(model):
    np.testing.assert_allclose(evaluate(model, nn("f", X, [])), X.sum(axis=1) + 1)


def test_two_networks_in_one_model(model):
    f, g = nn("f", X, LAYERS), nn("g", X[:, :1], [Dense(2), Dense(2)], outputs=2)
    np.testing.assert_allclose(evaluate(model, f), by_hand(X))
    assert evaluate(model, g).shape == (N, 2)
    assert len({v.name for v in model.free_RVs}) == len(model.free_RVs) == 6 + 9


def test_a_network_on_a_network(model):
    g = nn("g", nn("f", X, LAYERS, outputs=2), LAYERS)
    assert evaluate(model, g).shape == (N,)


def test_inside_a_named_submodel():
    with pm.Model(), pm.Model("sub") as model:
        f = nn("f", X, LAYERS)
        assert f.name == "sub::f"
        with pytest.raises(SpecError, match="has a variable of this name"):
            nn("f", X, LAYERS)
    assert model.free_RVs[1].name == "sub::f_h0_weight"


def test_priors(model):
    nn("f", X, [Dense(2, weight=Normal(5.0, 0.001))], weights=Normal(-5.0, 0.001), biases=Normal(9.0, 0.001))
    point = model.initial_point()
    assert set(point) == {
        "f_h0_weight_noncentered__",
        "f_h0_bias_noncentered__",
        "f_out_weight_noncentered__",
        "f_out_bias_noncentered__",
    }
    draws = pm.draw(
        [model["f_h0_weight"], model["f_h0_bias"], model["f_out_weight"]], random_seed=1, mode="FAST_COMPILE"
    )
    for draw, value in zip(draws, (5, 9, -5), strict=True):
        np.testing.assert_allclose(draw, value, atol=0.01)


def test_docstring_model_has_a_finite_density(model):
    f = nn("f", X, LAYERS)
    pm.Normal("y", f, 1.0, observed=np.zeros(N), dims="obs")
    target = pbnn.Target.of(model)
    assert np.isfinite(target.starts(2, 0)).all()


# ----------------------------------------------------------------------------------------------------- embeddings


@pytest.mark.parametrize(
    ("x", "column"),
    [
        (CODES, "kind"),
        (CODES, 2),
        (CODES, -1),
        (CODES.to_numpy(), 2),
        (CODES.to_numpy(), -1),
        (CODES.to_numpy(), "x2"),
    ],
)
def test_embedding_by_name_or_position(x, column, model):
    f = nn("f", x, [Embedding(column, 2, categories=3), Dense(3)])
    assert tuple(model.coords["f_h0_category"]) == ("0", "1", "2")
    value = evaluate(model, f)
    np.testing.assert_allclose(value, 3 * np.tanh(X.sum(axis=1) + 2 + 1) + 1)


def test_positions_do_not_shift_as_embeddings_replace_columns(model):
    x = np.column_stack([np.arange(N) % 2, np.arange(N) % 3, X[:, 0]])
    nn("f", x, [Embedding(0, 1, categories=2), Embedding(1, 1, categories=3), Dense(2)])
    assert tuple(model.coords["f_h1_unit"]) == ("x2", "x0[0]", "x1[0]")


@pytest.mark.parametrize(
    ("x", "layer", "message"),
    [
        (
            CODES,
            Embedding("kind"),
            r"f_h0: Embedding\('kind'\) does not know its number of categories; pass categories=n",
        ),
        (
            CODES,
            Embedding("kind", categories=2),
            r"nn\('f'\): X column 'kind' must hold codes from 0 to 1; got 2 in row 2",
        ),
        (CODES - 1, Embedding("kind", categories=3), r"must hold codes from 0 to 2; got -1 in row 0"),
        (CODES, Embedding("a", categories=3), r"X column 'a' must hold codes from 0 to 2; got 0\.1"),
        (
            CODES,
            Embedding("kid", categories=3),
            r"nn\('f'\): unknown column of Embedding 'kid'; known: a, b, kind\. Did",
        ),
        (X, Embedding(2, categories=3), r"nn\('f'\): unknown column of Embedding 2; known: x0, x1"),
        (
            FRAME.assign(kind="u"),
            Embedding("kind", categories=3),
            r"X column 'kind' holds text \('u', row 0\)\. .* codes",
        ),
    ],
)
def test_bad_embedding_is_named(x, layer, message, model):
    with pytest.raises((DataError, SpecError), match=message):
        nn("f", x, [layer, Dense(2)])
    assert model.free_RVs == []


# --------------------------------------------------------------------------------------------------- bad arguments


def test_outside_a_model():
    with pytest.raises(ModelError, match=r"nn\('f'\): call it inside `with pm\.Model\(\):`"):
        nn("f", X, LAYERS)


BAD = {
    "layers is a layer": (
        lambda: nn("f", X, Dense(3)),
        SpecError,
        r"nn\('f'\): layers must be a list; write \[Dense",
    ),
    "layer is a name": (
        lambda: nn("f", X, ["tanh"]),
        SpecError,
        r"nn\('f'\): layers\[0\] must be one of AveragePool, ",
    ),
    "weights is a name": (
        lambda: nn("f", X, LAYERS, weights="foo"),
        SpecError,
        r"nn\('f'\): weights: expected a prior",
    ),
    "biases is a number": (
        lambda: nn("f", X, LAYERS, biases=1.0),
        SpecError,
        r"nn\('f'\): biases: expected a prior",
    ),
    "no outputs": (lambda: nn("f", X, LAYERS, 0), SpecError, r"outputs must be a whole number >= 1; got 0"),
    "outputs is a name": (
        lambda: nn("f", X, LAYERS, "y"),
        SpecError,
        r"outputs must be a whole number >= 1; got 'y'",
    ),
    "name and x swapped": (
        lambda: nn(X, "f", LAYERS),
        SpecError,
        r"nn: the first argument must be a name; got ndarray",
    ),
    "scale of noise": (
        lambda: nn("f", X, LAYERS, weights=Normal(scale=ResponseSD())),
        SpecError,
        r"f_h0_weight: ResponseSD is for noise",
    ),
    "residual width": (
        lambda: nn("f", X, [Residual([Dense(3)])]),
        ShapeError,
        r"f_h0: Residual takes 2 units",
    ),
    "vector": (
        lambda: nn("f", X[:, 0], LAYERS),
        ShapeError,
        r"must have shape \(obs, feature\); got shape \(8,\)",
    ),
    "vector of data": (
        lambda: nn("f", pm.Data("x", X[:, 0]), LAYERS),
        ShapeError,
        r"got 1 dimension\(s\).*x\[:, None\]",
    ),
    "series": (lambda: nn("f", FRAME["a"], LAYERS), ShapeError, r"got a Series"),
    "nothing": (lambda: nn("f", None, LAYERS), ShapeError, r"got shape \(\)"),
    "unknown width": (
        lambda: nn("f", pt.matrix("x"), LAYERS),
        ShapeError,
        r"number of columns of x is not known; fix it",
    ),
    "NaN": (lambda: nn("f", with_nan(3, 1), LAYERS), DataError, r"column 'x1' is missing .* in row 3"),
    "column of a sequence": (
        lambda: nn("f", np.zeros((8, 3, 2)), [GroupDense(0, 2, categories=2)]),
        SpecError,
        r"nn\('f'\): GroupDense\(0\) takes a column of a table; X has shape \('obs', 3, 2\)",
    ),
    "sequence to the output": (
        lambda: nn("f", np.zeros((8, 3, 2)), [GRU(2, return_sequence=True)]),
        ShapeError,
        r"f_out: the output layer takes values \(obs, unit\)",
    ),
    "text": (
        lambda: nn("f", FRAME.assign(c="u"), LAYERS),
        DataError,
        r"column 'c' holds text \('u', row 0\)",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_argument_is_named(call, error, message, model):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "other", [lambda: nn("f", X[:, :1], []), lambda: pm.Normal("f"), lambda: pm.Data("f", 1.0)]
)
def test_name_clash(other, model):
    other()
    before = list(model.named_vars)
    with pytest.raises(
        SpecError, match=r"nn\('f'\): the model has a variable of this name already; choose another"
    ):
        nn("f", X, LAYERS)
    assert list(model.named_vars) == before
