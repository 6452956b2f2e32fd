"""`y` of any kind is read right, or refused with the row."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xarray as xr

from pbnn.errors import DataError, PbnnError, PbnnWarning, ShapeError
from pbnn.graph.response import Response
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson, StudentT

N = 6
Y = np.random.default_rng(0).normal(10, 3, size=N)
PAIR = np.column_stack([Y, Y[::-1] ** 2])
LABELS = ["u", "v", "w"] * 2
CLASSIFIERS = [Bernoulli(), Categorical()]


def learn(y, likelihood=Gaussian(), standardize=True):
    return Response.learn(y, likelihood, standardize=standardize)


# --------------------------------------------------------------------------------------------- continuous, counts

SAME_VECTOR = {
    "array": (Y, "y"),
    "list": (Y.tolist(), "y"),
    "series": (pd.Series(Y), "y"),
    "named series": (pd.Series(Y, name="height", index=list("zyxwvu")), "height"),
    "nullable": (pd.Series(Y, dtype="Float64"), "y"),
    "objects": (Y.astype(object), "y"),
    "decimals": ([decimal.Decimal(str(v)) for v in Y], "y"),
    "dataarray": (xr.DataArray(Y, dims="row", name="height"), "height"),
    "index": (pd.Index(Y), "y"),
}


@pytest.mark.parametrize(("y", "name"), SAME_VECTOR.values(), ids=SAME_VECTOR)
@pytest.mark.parametrize("likelihood", [Gaussian(), StudentT()])
def test_vector_arrives(y, name, likelihood):
    response = learn(y, likelihood)
    np.testing.assert_allclose(response.encode(y, "build"), Y, rtol=1e-15)
    assert (response.kind, response.names, response.vector) == ("continuous", (name,), True)
    np.testing.assert_allclose([response.loc, response.scale], [[Y.mean()], [Y.std()]])


SAME_PAIR = {
    "array": (PAIR, ("y0", "y1")),
    "frame": (pd.DataFrame(PAIR, columns=["u", "v"]), ("u", "v")),
    "int names": (pd.DataFrame(PAIR), ("0", "1")),
    "dataarray": (xr.DataArray(PAIR, dims=["row", "out"]), ("y0", "y1")),
    "dataarray with names": (xr.DataArray(PAIR, dims=["row", "out"], coords={"out": ["u", "v"]}), ("u", "v")),
    "list": (PAIR.tolist(), ("y0", "y1")),
}


@pytest.mark.parametrize(("y", "names"), SAME_PAIR.values(), ids=SAME_PAIR)
def test_outputs_arrive(y, names):
    response = learn(y)
    np.testing.assert_allclose(response.encode(y, "build"), PAIR)
    assert (response.names, response.vector) == (names, False)
    np.testing.assert_allclose(response.scale, PAIR.std(axis=0))


def test_one_column_stays_a_column():
    response = learn(Y[:, None])
    assert (response.names, response.vector) == (("y0",), False)
    assert response.encode(Y[:, None], "build").shape == (N, 1)
    assert response.encode(Y, "score").shape == (N, 1)
    assert learn(Y).encode(Y[:, None], "score").shape == (N,)


def test_no_standardisation():
    assert (learn(Y, standardize=False).loc, learn(Y, standardize=False).scale) == ((0.0,), (1.0,))


@pytest.mark.parametrize(
    "y", [[0, 1, 2, 3, 4, 5], np.arange(6.0), pd.array(range(6), dtype="Int64"), [False, True] * 3]
)
def test_counts_are_scaled_by_their_mean(y):
    response = learn(y, Poisson())
    assert (response.kind, response.loc) == ("counts", (0.0,))
    assert response.scale == pytest.approx((np.mean(np.asarray(y, dtype=float)),))


@pytest.mark.parametrize("unit", [1e-150, 1e-14, 1.0, 1e150])
def test_small_units_are_not_constant(unit):
    np.testing.assert_allclose(learn(Y * unit).scale, Y.std() * unit)


BAD_VALUES = {
    "NaN": (
        [1, 2, np.nan, 4, 5, np.nan],
        r"build: y is missing \(NaN\) in row 2, and 1 more; drop or impute",
    ),
    "infinite": ([1, np.inf, 3], r"build: y is infinite in row 1"),
    "None": ([1, None, 3], r"build: y is missing \(NaN\) in row 1"),
    "NA": (pd.array([1, 2, None], dtype="Int64"), r"build: y is missing \(NaN\) in row 2"),
    "masked": (np.ma.array([1, 2, 3], mask=[0, 1, 0]), r"build: y is missing \(NaN\) in row 1"),
    "NaN in an output": (
        np.array([[1, 2], [3, np.nan]]),
        r"build: y column 'y1' is missing \(NaN\) in row 1",
    ),
    "text": (
        ["1", "2", "3"],
        r"y holds text \('1', row 0\)\. For labels use likelihoods\.Bernoulli\(\) or likelihoods\.Cat",
    ),
    "one text": ([1, 2, "n/a"], r"y holds text \('n/a', row 2\)"),
    "labels": (pd.Categorical(LABELS), r"y holds text \('u', row 0\)"),
    "text in an output": (
        pd.DataFrame({"u": [1, 2], "v": ["a", "b"]}),
        r"build: y column 'v' holds text \('a', row 0\)",
    ),
    "dates": (
        pd.Series(pd.date_range("2020", periods=3)),
        r"y holds dates or durations; turn them into numbers",
    ),
    "durations": (pd.Series(pd.to_timedelta([1, 2, 3])), r"y holds dates or durations"),
    "dates of Python": (
        [datetime.date(2020, 1, d) for d in (1, 2)],
        r"y holds datetime\.date.* in row 0, which is no number",
    ),
    "complex": (Y + 1j, r"y holds complex numbers"),
    "sparse": (scipy.sparse.csr_matrix(PAIR), r"build: y is a sparse matrix"),
    "constant": ([3, 3, 3], r"build: y is constant \(3\); there is nothing to learn"),
    "constant but for rounding": ([0.3, 0.1 + 0.2, 0.3], r"build: y is constant \(0\.3\)"),
    "constant output": (np.column_stack([Y, 0 * Y]), r"build: y column 'y1' is constant \(0\)"),
    "too large": (Y * 1e300, r"y holds values as large as 1e\+301; change its units"),
    "empty": ([], r"y is empty"),
    "repeated name": (pd.DataFrame(PAIR, columns=["u", "u"]), r"two columns of y have the same name"),
}


@pytest.mark.parametrize(("y", "message"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_value_is_named(y, message):
    with pytest.raises(DataError, match=message):
        learn(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, -1, 2], r"y must hold counts 0, 1, 2, \.\.\. for a Poisson likelihood; got -1 in row 1"),
        ([0, 1, 1.5], r"got 1\.5 in row 2"),
        (np.array([[0, 1], [1, -3]]), r"got -3 in row 1"),
        (["1", "2"], r"y holds text"),
        ([0, 0, 0], r"y is constant \(0\)"),
    ],
)
def test_bad_counts_are_named(y, message):
    with pytest.raises(DataError, match=message):
        learn(y, Poisson())


BAD_SHAPES = {
    "number": (3.0, r"got \(\)"),
    "cube": (np.zeros((2, 2, 2)), r"got \(2, 2, 2\)"),
    "no outputs": (np.zeros((3, 0)), r"got \(3, 0\)"),
    "ragged": ([[1], [2, 3]], r"y cannot be turned into an array"),
}


@pytest.mark.parametrize("likelihood", [Gaussian(), Poisson(), Bernoulli(), Categorical()])
@pytest.mark.parametrize(("y", "message"), BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_bad_shape_is_named(y, message, likelihood):
    with pytest.raises(ShapeError, match=message):
        learn(y, likelihood)


def test_no_response_is_named():
    with pytest.raises(DataError, match="build: y is missing; pass the responses"):
        learn(None)


def test_outputs_must_be_those_of_training():
    response = learn(SAME_PAIR["frame"][0])
    with pytest.raises(ShapeError, match=r"score: y must have 2 output\(s\), as in training; got 1"):
        response.encode(Y, "score")
    with pytest.raises(
        ShapeError, match=r"score: the outputs of y are in another order than in training, \('u', 'v'\)"
    ):
        response.encode(SAME_PAIR["frame"][0][["v", "u"]], "score")
    np.testing.assert_array_equal(response.encode(PAIR, "score"), PAIR)


# -------------------------------------------------------------------------------------------------------- classes

CLASSES = {
    "text": (["b", "a"] * 3, ("a", "b")),
    "string": (pd.Series(["b", "a"] * 3, dtype="string"), ("a", "b")),
    "numpy text": (np.array(["b", "a"] * 3), ("a", "b")),
    "bool": ([True, False] * 3, (False, True)),
    "boolean": (pd.array([True, False] * 3, dtype="boolean"), (False, True)),
    "int": ([1, 0] * 3, (0, 1)),
    "minus and plus": (np.array([1, -1] * 3, dtype=np.int8), (-1, 1)),
    "whole floats": ([1.0, 2.0] * 3, (1, 2)),
    "category": (pd.Categorical(["b", "a"] * 3, categories=["b", "a"]), ("b", "a")),
    "series of category": (pd.Series(["b", "a"] * 3, dtype=pd.CategoricalDtype(["b", "a"])), ("b", "a")),
    "column": (np.array([[1], [0]] * 3), (0, 1)),
    "frame of one column": (
        pd.DataFrame({"t": pd.Categorical(["b", "a"] * 3, categories=["b", "a"])}),
        ("b", "a"),
    ),
    "dataarray": (xr.DataArray(["b", "a"] * 3, dims="row"), ("a", "b")),
    "dates": (
        pd.Series(pd.to_datetime(["2020", "2021"] * 3)),
        ("2020-01-01 00:00:00", "2021-01-01 00:00:00"),
    ),
}


@pytest.mark.parametrize("likelihood", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize(("y", "labels"), CLASSES.values(), ids=CLASSES)
def test_labels_are_learned_and_encoded(y, labels, likelihood):
    response = learn(y, likelihood)
    assert (response.kind, response.classes, response.vector) == ("classes", labels, True)
    assert all(type(label) in (str, int, float, bool) for label in response.classes)
    codes = response.encode(y, "build")
    assert codes.shape == (N,)
    assert codes.dtype.kind == "i"
    values = (
        np.ravel(np.asarray(y, dtype=object))
        if labels[0] != "2020-01-01 00:00:00"
        else np.asarray(labels * 3)
    )
    assert [labels[code] for code in codes] == list(values)


def test_a_label_without_rows_is_no_class_and_is_told():
    y = pd.Categorical(["b", "a"] * 3, categories=["b", "zz", "a"])
    with pytest.warns(PbnnWarning, match="no row of y has the label 'zz'"):
        assert learn(y, Categorical()).classes == ("b", "a")


def test_three_classes():
    assert learn(LABELS, Categorical()).classes == ("u", "v", "w")
    assert learn([10, 20, 30] * 2, Categorical()).classes == (10, 20, 30)


BAD_LABELS = {
    "constant": (["a"] * N, r"y is constant \(all 'a'\); a classifier needs two classes"),
    "None": (["a", None] * 3, r"y is missing in row 1; drop such rows"),
    "NaN in a list of text": (["a", np.nan] * 3, r"y is missing in row 1"),
    "NA": (pd.array(["a", "b", None] * 2, dtype="string"), r"y is missing in row 2"),
    "mixed": (["a", 1] * 3, r"y mixes text and numbers"),
    "measurements": (
        Y,
        r"y has 6 different values in 6 rows, so it does not hold classes; use likelihoods\.Gaussian",
    ),
}


@pytest.mark.parametrize("likelihood", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize(("y", "message"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_bad_labels_are_named(y, message, likelihood):
    with pytest.raises(DataError, match=message):
        learn(y, likelihood)


def test_two_columns_of_labels_are_refused():
    with pytest.raises(ShapeError, match=r"y must be a vector of labels, shape \(obs,\); got \(6, 2\)"):
        learn(np.zeros((N, 2)), Categorical())


def test_three_classes_are_too_many_for_bernoulli():
    with pytest.raises(
        DataError, match=r"Bernoulli needs two classes; y has 3: \['u', 'v', 'w'\]\. Use likelihoods\.Cat"
    ):
        learn(LABELS, Bernoulli())


def test_label_outside_the_trained_classes_is_named():
    response = learn(LABELS, Categorical())
    with pytest.raises(
        DataError, match=r"score: y: unknown label 'x' in row 1; known from training: 'u', 'v', 'w'"
    ):
        response.encode(["u", "x"], "score")
    with pytest.raises(DataError, match=r"score: y is missing in row 0"):
        response.encode([None, "u"], "score")


def test_errors_are_those_of_python_too():
    with pytest.raises(ValueError, match="constant"):
        learn([1, 1])
    assert issubclass(ShapeError, DataError)
    assert issubclass(DataError, PbnnError)


def test_a_response_far_from_all_others_is_named():
    y = np.random.default_rng(0).normal(size=(50, 2))
    y[7, 1] = -1e6
    with pytest.warns(PbnnWarning, match="y1.*-1e\\+06 in row 7"):
        Response.learn(y, Gaussian(), standardize=True)
    Response.learn(y, Gaussian(), standardize=False)
