"""Shapes that do not fit are found before anything is compiled; `X` may be a table, sequences or images."""

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr

import pbnn
from pbnn.errors import DataError, PbnnWarning, ShapeError, SpecError
from pbnn.graph.build import build
from pbnn.graph.nn import nn
from pbnn.spec.layers import (
    GRU,
    RBF,
    AveragePool,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    Frozen,
    GroupDense,
    MaxPool,
    Parallel,
    PositionalEncoding,
    Reshape,
    Residual,
    SelfAttention,
)
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network

N = 6
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(N, 12))
SEQUENCE = rng.normal(size=(N, 5, 2))
IMAGE = rng.normal(size=(N, 4, 6, 3))
GROUPED = pd.DataFrame({"a": rng.normal(size=N), "site": list("uvwuvw")})
Y = rng.normal(size=N)

MISFITS = {
    "window larger than a sequence": (
        [Dense(2), Conv1D(3, 7)],
        SEQUENCE,
        r"h1: the window of Conv1D is 7 and its input has length 5\. Take a smaller one, or let the convolutions",
    ),
    "dilated window": (
        [Conv1D(3, 3, dilation=3)],
        SEQUENCE,
        r"h0: the window of Conv1D is 3, over 7 with dilation 3, and its input has length 5",
    ),
    "window larger than an image": (
        [Conv2D(3, (2, 9), padding=1)],
        IMAGE,
        r"h0: the window of Conv2D is 9 and its input has length 6 \(8 with its padding\)",
    ),
    "pool larger than its input": (
        [Conv2D(3, 3), MaxPool(3)],
        IMAGE,
        r"h1: the window of MaxPool is 3 and its input has length 2",
    ),
    "convolution of a table": (
        [Conv1D(3, 3)],
        TABLE,
        r"h0: Conv1D takes values \(obs, time, channel\); got \(obs, 12\)\. Put Reshape\(\(time, channel\)\) before it",
    ),
    "image convolution of a sequence": (
        [Conv2D(3, 3)],
        SEQUENCE,
        r"h0: Conv2D takes values \(obs, row, column, channel\); got \(obs, 5, 2\)\. .*X\[\.\.\., None\]",
    ),
    "sequence layer of an image": (
        [Dense(2), GRU(3)],
        IMAGE,
        r"h1: GRU takes values \(obs, time, channel\); got \(obs, 4, 6, 2\)\. Put Flatten\(\) and Reshape",
    ),
    "attention of a row": ([SelfAttention(1, 2)], TABLE, r"h0: SelfAttention takes values \(obs, time, channel\)"),
    "positions of a row": ([PositionalEncoding()], TABLE, r"h0: PositionalEncoding takes values \(obs, time"),
    "pool of a row": ([AveragePool()], TABLE, r"h0: AveragePool takes values \(obs, time, channel\) or \(obs, row"),
    "flat already": ([Flatten()], TABLE, r"h0: Flatten takes values .*got \(obs, 12\)"),
    "pair for a sequence": (
        [MaxPool((2, 2))],
        SEQUENCE,
        r"h0: MaxPool has 2 numbers for size or stride, and its input is \(obs, 5, 2\), .*give one for each axis",
    ),
    "groups of channels": (
        [Conv2D(4, 2, groups=2)],
        IMAGE,
        r"h0: groups=2 of Conv2D must divide the channels; got 3, from \(obs, 4, 6, 3\)",
    ),
    "reshape of too many": (
        [Reshape((4, 4))],
        TABLE,
        r"h0: Reshape\(\(4, 4\)\) takes 16 units; got 12, from \(obs, 12\)",
    ),
    "reshape of a sequence": ([Reshape((5, 2))], SEQUENCE, r"h0: Reshape takes values \(obs, unit\).*Put Flatten\(\)"),
    "sequence at the output": (
        [GRU(3, return_sequence=True)],
        SEQUENCE,
        r"out: the output layer takes values \(obs, unit\); the last layer gives \(obs, 5, 3\), \(obs, time, "
        r"channel\)\. Put Flatten\(\), or a pool of all positions, AveragePool\(\) or MaxPool\(\), before it",
    ),
    "image at the output": ([Dense(2)], IMAGE, r"out: .* gives \(obs, 4, 6, 2\), \(obs, row, column, channel\)"),
    "no layer of a sequence": ([], SEQUENCE, r"out: the output layer takes values"),
    "residual that loses positions": (
        [Residual([Conv1D(2, 3)])],
        SEQUENCE,
        r"h0: Residual takes values \(obs, 5, 2\) and its last layer gives \(obs, 3, 2\).*padding=\"same\"",
    ),
    "inside a residual": (
        [Residual([Dense(2), Conv1D(2, 6)])],
        SEQUENCE,
        r"h0_1: the window of Conv1D is 6 and its input has length 5",
    ),
    "sum of unequal branches": (
        [Parallel([Dense(2), [Dense(3), Dense(4)]])],
        TABLE,
        r"h0: the branches of Parallel are added up .* got 2, 4\. End each branch with Dense\(4, 'identity'\)",
    ),
    "branches of other axes": (
        [Concat([Flatten(), GRU(2, return_sequence=True)])],
        SEQUENCE,
        r"h0: the branches of Concat must agree in all axes but the last; got \(obs, 10\) and \(obs, 5, 2\)",
    ),
    "inside a branch": (
        [Concat([[Dense(2)], [Reshape((3, 4)), Conv1D(1, 5)]])],
        TABLE,
        r"h0_1_1: the window of Conv1D is 5 and its input has length 3",
    ),
    "centres of another width": (
        [RBF([[0.0, 1.0]])],
        TABLE,
        r"h0: RBF has centers of 2 numbers and its input has 12 units, from \(obs, 12\)",
    ),
    "frozen at another shape": (
        [Frozen(Dense(2), {"weight": np.ones((11, 2))})],
        TABLE,
        r"h0: Frozen expects weight of shape \(12, 2\), .*got \(11, 2\)",
    ),
    "groups without a number": (
        [GroupDense("site", 2)],
        GROUPED[["site"]],
        r"h0: no number enters this layer, only categories; put Embedding before it",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "X", "message"), MISFITS.values(), ids=MISFITS)
def test_misfit_is_named(layers, X, message):
    with pytest.raises(ShapeError, match=message):
        build(Network(layers, Gaussian()), X, Y)


def test_frozen_names_the_parameters_there_are():
    layers = [Frozen(Residual([Dense(12)]), {"weights": [1.0]})]
    with pytest.raises(
        SpecError, match=r"h0: unknown parameter in values of Frozen 'weights'; known: 0_bias, 0_w"
    ):
        build(Network(layers, Gaussian()), TABLE, Y)


# --------------------------------------------------------------------------------------------------- bad tensors

BAD = {
    "ragged": (
        [np.zeros((5, 2)), np.zeros((5, 2)), np.zeros((7, 2))],
        r"X holds sequences of different lengths, 5 in row 0 and 7 in row 2\. Pad them to one length",
    ),
    "ragged lists": ([[[1.0], [2.0]], [[1.0]]], r"X holds sequences of different lengths, 2 in row 0 and 1 in row 1"),
    "ragged objects": (
        np.array([np.zeros((5, 2)), np.zeros((4, 2))], dtype=object),
        r"X holds sequences of different lengths, 5 in row 0 and 4 in row 1",
    ),
    "length 0": (np.zeros((N, 0, 2)), r"X has a sequence of length 0; got shape \(6, 0, 2\)"),
    "no channel": (np.zeros((N, 4, 4, 0)), r"X has an axis of length 0; got shape \(6, 4, 4, 0\)"),
    "five axes": (np.zeros((N, 2, 2, 2, 2)), r".*\(obs, row, column, channel\); got \(6, 2, 2, 2, 2\)"),
    "missing": (
        np.where(np.arange(60).reshape(N, 5, 2) == 23, np.nan, 1.0),
        r"X element 'x\[1,1\]' is missing \(NaN\) in row 2",
    ),
    "text": (np.full((N, 5, 2), "a"), r"X element 'x\[0,0\]' holds text \('a', row 0\)"),
    "one row": (SEQUENCE[:1], r"X has 1 row\(s\); a fit needs at least 2"),
}  # fmt: skip


@pytest.mark.parametrize(("X", "message"), BAD.values(), ids=BAD)
def test_bad_tensor_is_named(X, message):
    with pytest.raises(DataError, match=message):
        build(Network([Flatten()], Gaussian()), X, Y[: len(X)])


def test_categories_need_a_table():
    with pytest.raises(
        SpecError, match=r"build: GroupDense\('site'\) takes a column of a table; X has shape"
    ):
        build(Network([Flatten(), GroupDense("site", 2)], Gaussian()), SEQUENCE, Y)
    with pytest.raises(
        DataError, match=r"unknown column of GroupDense 'sites'; known: a, site\. Did you mean 'site'"
    ):
        build(Network([GroupDense("sites", 2)], Gaussian()), GROUPED, Y)
    with pytest.raises(DataError, match=r"unknown category 'x' in row 0; known from training: 'u', 'v', 'w'"):
        build(Network([GroupDense("site", 2)], Gaussian()), GROUPED, Y).columns.encode(
            GROUPED.assign(site="x"), "predict"
        )


# ----------------------------------------------------------------------------------------------------- tensors


@pytest.fixture(scope="module")
def image_bnn():
    return build(Network([Conv2D(2, 3), AveragePool()], Gaussian()), IMAGE, Y)


def test_channels_are_standardised_and_the_table_is_theirs(image_bnn):
    columns = image_bnn.columns
    assert columns.shape == (4, 6, 3)
    assert columns.names[:4] == ("x[0,0,0]", "x[0,0,1]", "x[0,0,2]", "x[0,1,0]")
    z = columns.standardize(columns.encode(IMAGE, "build")).reshape(IMAGE.shape)
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=(0, 1, 2)), 1, rtol=1e-12)
    assert image_bnn.shapes == ((4, 6, 3), (2, 4, 2), (2,))
    assert "6 rows × 4×6×3" in str(image_bnn)


@pytest.mark.parametrize(
    "same",
    [
        IMAGE.tolist(),
        list(IMAGE),
        xr.DataArray(IMAGE, dims=("obs", "row", "column", "channel")),
        IMAGE.reshape(N, -1),
        np.array([*IMAGE, None], dtype=object)[:-1],
    ],
    ids=["lists", "arrays", "DataArray", "table", "objects"],
)
def test_other_forms_of_the_same_images(image_bnn, same):
    np.testing.assert_array_equal(image_bnn.columns.encode(same, "predict"), IMAGE.reshape(N, -1))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (IMAGE[:, :, :5], r"predict: X must have shape \(obs, 4, 6, 3\), as in training; got \(6, 4, 5, 3\)"),
        (IMAGE[0], r"got \(4, 6, 3\)\. For one observation pass X\[None\]"),
        (IMAGE[..., 0], r"must have shape \(obs, 4, 6, 3\), as in training; got \(6, 4, 6\)"),
        (TABLE, r"must have shape \(obs, 4, 6, 3\), as in training; got \(6, 12\)"),
        (TABLE[0], r"must have shape \(obs, 4, 6, 3\), as in training; got \(12,\)"),
    ],
)
def test_wrong_shape_later_names_what_was_expected(image_bnn, X, message):
    with pytest.raises(ShapeError, match=message):
        image_bnn.columns.encode(X, "predict")


def test_constant_channel_is_kept_with_a_warning():
    with pytest.warns(PbnnWarning, match=r"column 'channel 1' is constant \(3\)"):
        build(
            Network([Flatten()], Gaussian()), np.stack([SEQUENCE[..., 0], np.full((N, 5), 3.0)], axis=-1), Y
        )


def test_a_category_enters_no_layer_as_a_number():
    X = GROUPED.assign(level=[1, 2, 3] * 2)
    layers = [Embedding("level", 2), Dense(3), Residual([GroupDense("site", 3)])]
    bnn = build(Network(layers, Gaussian()), X, Y)
    assert list(bnn.model.coords["number"]) == ["a"]
    assert list(bnn.model.coords["h0_unit"]) == ["a", "level[0]", "level[1]"]
    assert list(bnn.model.coords["h2_0_group"]) == ["u", "v", "w"]
    assert bnn.model.named_vars_to_dims["h2_0_deviation"] == ("h2_0_group", "h1_unit", "h2_0_unit")


# ------------------------------------------------------------------------------------------------------------ nn


def test_nn_takes_tensors_of_a_known_shape():
    with pm.Model():
        assert nn("f", pt.tensor("x", shape=(None, 5, 2)), [Conv1D(2, 2), MaxPool()], 2).type.ndim == 2
        with pytest.raises(
            ShapeError, match=r"shape of an observation of x is not known; fix it .*\(None, n, m\)\)"
        ):
            nn("g", pt.tensor3("x"), [Flatten()])
        with pytest.raises(ShapeError, match=r"f2_out: the output layer takes values"):
            nn("f2", SEQUENCE, [Dense(2)])
        with pytest.raises(
            ShapeError, match=r"nn\('f3'\): X holds sequences of different lengths, 5 .* and 4"
        ):
            nn("f3", [SEQUENCE[0], SEQUENCE[0][:4]], [Flatten()])


def test_nn_pools_groups_that_are_codes():
    X = np.column_stack([TABLE[:, 0], [0, 1, 2, 0, 1, 2]])
    with pm.Model() as model:
        nn("f", X, [GroupDense(1, 2, categories=3)])
    assert model.named_vars_to_dims["f_h0_deviation"] == ("f_h0_group", "f_feature", "f_h0_unit")
    assert model.coords["f_feature"] == ("x0",)
    with (
        pm.Model(),
        pytest.raises(SpecError, match=r"f_h0: GroupDense\(1\) does not know its number of categories"),
    ):
        nn("f", X, [GroupDense(1, 2)])


def test_all_layers_are_at_the_top():
    for name in pbnn.spec.layers.LAYERS:
        assert getattr(pbnn, name) is pbnn.spec.layers.LAYERS[name]
