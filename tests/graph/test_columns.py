"""`X` of any kind is read right, or refused with the row and column."""

import datetime
import decimal
import fractions
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xarray as xr

from pbnn.errors import DataError, PbnnWarning, ShapeError
from pbnn.graph.columns import Columns

N = 6
NUMBERS = np.random.default_rng(0).normal(size=(N, 2))
FRAME = pd.DataFrame(NUMBERS, columns=["a", "b"])
KIND = ["u", "v", "w"] * 2


def learn(X, *embedded, standardize=False):
    return Columns.learn(X, embedded, standardize=standardize)


def with_column(values):
    return FRAME.assign(c=values)


def with_value(at, value, dtype=float):
    X = NUMBERS.astype(dtype)
    X[at] = value
    return X


# ------------------------------------------------------------------------------------------------- legal inputs

SAME_NUMBERS = {
    "array": NUMBERS,
    "list": NUMBERS.tolist(),
    "tuple": tuple(map(tuple, NUMBERS)),
    "object array": NUMBERS.astype(object),
    "fortran order": np.asfortranarray(NUMBERS),
    "frame": FRAME,
    "frame of objects": FRAME.astype(object),
    "nullable frame": FRAME.astype("Float64"),
    "int names": pd.DataFrame(NUMBERS, columns=[10, 20]),
    "odd names": pd.DataFrame(NUMBERS, columns=["a/b [°C] 'q' \"p\" $x_{", "\n<b>"]),
    "other index": FRAME.set_index(pd.Index(list("zyxwvu"))),
    "repeated index": FRAME.set_index(pd.Index([0] * N)),
    "two-level names": pd.DataFrame(NUMBERS, columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    "dataarray": xr.DataArray(NUMBERS, dims=["row", "column"]),
    "dataarray with names": xr.DataArray(NUMBERS, dims=["row", "column"], coords={"column": ["p", "q"]}),
    "masked, nothing hidden": np.ma.array(NUMBERS, mask=False),
    "decimals": [[decimal.Decimal(str(v)) for v in row] for row in NUMBERS],
    "fractions": [[fractions.Fraction(v) for v in row] for row in NUMBERS],
}


@pytest.mark.parametrize("X", SAME_NUMBERS.values(), ids=SAME_NUMBERS)
def test_numbers_arrive(X):
    columns = learn(X)
    np.testing.assert_allclose(columns.encode(X, "build"), NUMBERS, rtol=1e-15)
    assert columns.categories == (None, None)


SAME_INTEGERS = {
    "int64": np.arange(N),
    "int8": np.arange(N, dtype=np.int8),
    "float32": np.arange(N, dtype=np.float32),
    "Int64": pd.array(range(N), dtype="Int64"),
    "Float32": pd.array(range(N), dtype="Float32"),
    "category of numbers": pd.Categorical(range(N)),
    "sparse": pd.arrays.SparseArray(range(N)),
    "objects": np.arange(N).astype(object),
}


@pytest.mark.parametrize("values", SAME_INTEGERS.values(), ids=SAME_INTEGERS)
def test_integers_arrive(values):
    X = with_column(values)
    np.testing.assert_array_equal(learn(X).encode(X, "build")[:, 2], np.arange(N))


@pytest.mark.parametrize("dtype", [bool, "boolean", object])
def test_bools_are_0_and_1(dtype):
    X = with_column(pd.array([True, False, True] * 2, dtype=dtype))
    np.testing.assert_array_equal(learn(X).encode(X, "build")[:, 2], [1, 0, 1] * 2)


NAMES = {
    "array": (NUMBERS, ("x0", "x1"), False),
    "frame": (FRAME, ("a", "b"), True),
    "int names": (SAME_NUMBERS["int names"], ("10", "20"), True),
    "dataarray": (SAME_NUMBERS["dataarray"], ("x0", "x1"), False),
    "dataarray with names": (SAME_NUMBERS["dataarray with names"], ("p", "q"), True),
}


@pytest.mark.parametrize(("X", "names", "named"), NAMES.values(), ids=NAMES)
def test_names(X, names, named):
    columns = learn(X)
    assert (columns.names, columns.named) == (names, named)


def test_very_wide():
    X = np.random.default_rng(1).normal(size=(4, 5000))
    columns = learn(X, standardize=True)
    z = columns.standardize(columns.encode(X, "build"))
    np.testing.assert_allclose(z.std(axis=0), 1)


# --------------------------------------------------------------------------------------------- standardisation


@pytest.mark.parametrize(
    ("offset", "unit"), [(0, 1), (1e6, 1e-3), (-3, 1e-30), (1e-20, 1e-22), (1e120, 1e119)]
)
def test_columns_are_standardised_whatever_their_units(offset, unit):
    X = offset + unit * NUMBERS if offset != -3 else unit * (NUMBERS - 3)
    columns = learn(X, standardize=True)
    z = columns.standardize(columns.encode(X, "build"))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-6)


def test_values_too_large_to_square_are_refused():
    with pytest.raises(DataError, match=r"X column 'x0' holds values as large as .e\+300; change its units"):
        learn(NUMBERS * 1e300, standardize=True)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, -1e9, 1e-300])
def test_constant_column_is_kept_with_a_warning(value, standardize):
    X = with_column(value)
    with pytest.warns(
        PbnnWarning, match=r"column 'c' is constant \(.*\); it is kept, and tells nothing"
    ) as caught:
        columns = learn(X, standardize=standardize)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert columns.scale[2] == 1.0
    assert columns.standardize(columns.encode(X, "build"))[:, 2] == pytest.approx(
        0.0 if standardize else value
    )


def test_categories_are_not_standardised():
    columns = learn(with_column(KIND), "c", standardize=True)
    assert (columns.loc[2], columns.scale[2]) == (0.0, 1.0)


# --------------------------------------------------------------------------------------------------- bad values

BAD_VALUES = {
    "NaN": (
        with_value((3, 1), np.nan),
        r"build: X column 'x1' is missing \(NaN\) in row 3; drop or impute such rows",
    ),
    "two NaN": (with_value(([2, 4], 0), np.nan), r"column 'x0' is missing \(NaN\) in row 2, and 1 more"),
    "infinite": (with_value((5, 0), -np.inf), r"column 'x0' is infinite in row 5"),
    "None": (with_value((1, 1), None, object), r"column 'x1' is missing \(NaN\) in row 1"),
    "NA": (with_value((1, 1), pd.NA, object), r"column 'x1' is missing \(NaN\) in row 1"),
    "NaT": (with_value((1, 1), pd.NaT, object), r"column 'x1' is missing \(NaN\) in row 1"),
    "NA of Int64": (
        with_column(pd.array([1, 2, None] * 2, dtype="Int64")),
        r"column 'c' is missing \(NaN\) in row 2, and 1",
    ),
    "NA of boolean": (
        with_column(pd.array([True, None] * 3, dtype="boolean")),
        r"column 'c' is missing .* row 1, and 2",
    ),
    "masked": (np.ma.array(NUMBERS, mask=np.eye(N, 2, k=-4) > 0), r"column 'x0' is missing \(NaN\) in row 4"),
    "index does not matter": (pd.DataFrame(with_value((4, 0), np.nan), index=range(90, 96)), r"in row 4"),
    "text in an array": (
        with_value((3, 1), "foo", object),
        r"'x1' holds text \('foo', row 3\)\. If it holds categories, .* pbnn\.Embedding\('x1', units=2\),",
    ),
    "text": (with_column(KIND), r"column 'c' holds text \('u', row 0\).*pbnn\.Embedding\('c'"),
    "string": (with_column(pd.array(KIND, dtype="string")), r"column 'c' holds text \('u', row 0\)"),
    "category": (with_column(pd.Categorical(KIND)), r"column 'c' holds text \('u', row 0\)"),
    "numbers as text": (with_column(["1", "2.5"] * 3), r"column 'c' holds text \('1', row 0\)"),
    "one text among numbers": (
        with_column([1, 2, 3, "n/a", 5, 6]),
        r"column 'c' holds text \('n/a', row 3\)",
    ),
    "dates": (
        with_column(pd.date_range("2020", periods=N)),
        r"column 'c' holds dates or durations; turn them into numbers",
    ),
    "dates with a zone": (
        with_column(pd.date_range("2020", periods=N, tz="UTC")),
        r"holds dates or durations",
    ),
    "durations": (with_column(pd.to_timedelta(range(N), unit="h")), r"holds dates or durations"),
    "dates of Python": (
        with_column([datetime.date(2020, 1, 1)] * N),
        r"'c' holds datetime\.date\(2020, 1, 1\) in row 0, which is no number",
    ),
    "periods": (
        with_column(pd.period_range("2020", periods=N, freq="D")),
        r"'c' holds Period.* in row 0, which is no number",
    ),
    "intervals": (with_column(pd.interval_range(0, N)), r"'c' holds Interval.* which is no number"),
    "lists": (with_column([[1]] * N), r"'c' holds \[1\] in row 0, which is no number"),
    "complex": (NUMBERS + 1j, r"'x0' holds complex numbers"),
    "sparse": (
        scipy.sparse.csr_matrix(NUMBERS),
        r"build: X is a sparse matrix; make it dense with \.toarray\(\)",
    ),
    "empty": (NUMBERS[:0], r"X has 0 row\(s\); a fit needs at least 2"),
    "empty frame": (FRAME[:0], r"X has 0 row\(s\)"),
    "one row": (NUMBERS[:1], r"X has 1 row\(s\)"),
    "no columns": (NUMBERS[:, :0], r"X has no columns"),
    "repeated name": (
        pd.DataFrame(NUMBERS, columns=["a", "a"]),
        r"column name 'a' occurs twice in X; rename one",
    ),
    "1 and '1'": (pd.DataFrame(NUMBERS, columns=[1, "1"]), r"column name '1' occurs twice"),
}


@pytest.mark.parametrize(("X", "message"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_value_is_named(X, message):
    with pytest.raises(DataError, match=message):
        learn(X)


BAD_SHAPES = {
    "vector": (
        NUMBERS[:, 0],
        r"X must have shape \(obs, feature\); got shape \(6,\)\. For one column pass X\[:, None\]",
    ),
    "five axes": (NUMBERS[None, None, None], r"or \(obs, row, column, channel\); got \(1, 1, 1, 6, 2\)"),
    "series": (FRAME["a"], r"got a Series\. Pass X\.to_frame\(\)"),
    "nothing": (None, r"got shape \(\)"),
    "number": (3.0, r"got shape \(\)"),
    "dict": ({"a": [1, 2]}, r"got shape \(\)"),
    "ragged": ([[1], [2, 3]], r"X cannot be turned into an array"),
    "dataset": (xr.Dataset({"a": ("row", NUMBERS[:, 0])}), r"X cannot be turned into an array"),
}


@pytest.mark.parametrize(("X", "message"), BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_bad_shape_is_named(X, message):
    with pytest.raises(ShapeError, match=message):
        learn(X)


# --------------------------------------------------------------------------------------------------- categories

CATEGORIES = {
    "text": (["b", "a", "c"] * 2, ("a", "b", "c")),
    "string": (pd.array(["b", "a", "c"] * 2, dtype="string"), ("a", "b", "c")),
    "category keeps its order": (
        pd.Categorical(["b", "a", "c"] * 2, categories=["c", "zz", "b", "a"]),
        ("c", "b", "a"),
    ),
    "int": ([30, 10, 20] * 2, (10, 20, 30)),
    "whole floats": ([3.0, 1.0, 2.0] * 2, (1, 2, 3)),
    "floats": ([0.5, 0.25] * 3, (0.25, 0.5)),
    "bool": ([True, False] * 3, (False, True)),
    "one": (["only"] * N, ("only",)),
    "Int64": (pd.array([3, 1, 2] * 2, dtype="Int64"), (1, 2, 3)),
    "dates": (
        pd.to_datetime(["2020-01-02", "2020-01-01"] * 3),
        ("2020-01-01 00:00:00", "2020-01-02 00:00:00"),
    ),
    "odd text": (["", " ", "\n"] * 2, ("", "\n", " ")),
}


@pytest.mark.parametrize(("values", "labels"), CATEGORIES.values(), ids=CATEGORIES)
def test_categories_are_learned_and_encoded(values, labels):
    X = with_column(values)
    columns = learn(X, "c")
    assert columns.categories == (None, None, labels)
    assert all(type(label) in (str, int, float, bool) for label in columns.categories[2])
    codes = columns.encode(X, "build")[:, 2].astype(int)
    for value, code in zip(X["c"], codes, strict=True):
        assert str(value) == str(labels[code]) or value == labels[code]


def test_unknown_category_is_named():
    columns = learn(with_column(KIND), "c")
    with pytest.raises(
        DataError, match=r"X column 'c': unknown category 'x' in row 4; known from training: 'u', 'v', 'w'\."
    ):
        columns.encode(with_column([*KIND[:4], "x", "u"]), "predict")


def test_many_known_categories_are_not_all_listed():
    columns = learn(pd.DataFrame({"c": [f"k{i:03}" for i in range(500)]}), "c")
    with pytest.raises(DataError, match=r"in row 0; known from training: 'k000', .*'k011', \.\.\.\.$"):
        columns.encode(pd.DataFrame({"c": ["x"]}), "predict")


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_category_is_named(missing):
    with pytest.raises(DataError, match=r"build: X column 'c' is missing in row 5"):
        learn(with_column(pd.Series([*KIND[:5], missing], dtype=object)), "c").encode(
            with_column(pd.Series([*KIND[:5], missing], dtype=object)), "build"
        )


def test_mixed_categories_are_refused():
    with pytest.raises(DataError, match=r"X column 'c' mixes text and numbers"):
        learn(with_column(pd.Series(["u", 1] * 3, dtype=object)), "c")


def test_other_types_of_the_same_category_are_known():
    columns = learn(with_column([1, 2, 3] * 2), "c")
    for same in ([1.0, 2.0, 3.0] * 2, pd.Categorical([1, 2, 3] * 2), pd.array([1, 2, 3] * 2, dtype="Int8")):
        np.testing.assert_array_equal(columns.encode(with_column(same), "predict")[:, 2], [0, 1, 2] * 2)


def test_object_array_with_text_and_an_embedding_by_position():
    X = np.column_stack([NUMBERS.astype(object), KIND])
    columns = learn(X, 2)
    assert columns.categories == (None, None, ("u", "v", "w"))
    np.testing.assert_allclose(columns.encode(X.tolist(), "predict")[:, :2], NUMBERS)


def test_an_int_means_the_name_if_columns_have_names():
    X = pd.DataFrame({2: [5, 6, 5], 1: [7, 7, 8], 0: [1.5, 2.5, 3.5]})
    assert learn(X, 2).categories == ((5, 6), None, None)
    assert learn(X.to_numpy(), 1).categories == (None, (7, 8), None)
    assert learn(X.rename(columns={2: "a"}), -1).categories == (None, None, (1.5, 2.5, 3.5))


@pytest.mark.parametrize("dtype", [float, np.float32, object])
def test_measurements_are_no_categories(dtype):
    X = pd.DataFrame({"dose": [0.25, 0.5] * 10, "age": np.linspace(20.5, 70, 20).astype(dtype)})
    assert learn(X, "dose").categories == ((0.25, 0.5), None)
    with pytest.raises(
        DataError, match=r"'age' is to hold categories, and holds 20 different numbers in 20 rows"
    ):
        learn(X, "age")


def test_unknown_column_of_embedding():
    with pytest.raises(
        DataError, match=r"unknown column of Embedding 'kinds'; known: a, b, kind\. Did you mean 'kind'"
    ):
        learn(FRAME.assign(kind=KIND), "kinds")
    with pytest.raises(DataError, match=r"unknown column of Embedding 2; known: x0, x1"):
        learn(NUMBERS, 2)


# ------------------------------------------------------------------------------------------------- at predict time


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (FRAME[["b", "a"]], r"predict: the columns of X are in another order than in training, 'a', 'b'"),
        (
            FRAME[["a"]],
            r"X must have the columns of the training data, 'a', 'b'; missing: 'b', unknown: none",
        ),
        (FRAME.assign(c=1), r"missing: none, unknown: 'c'"),
        (FRAME.rename(columns={"b": "B"}), r"missing: 'b', unknown: 'B'"),
        (NUMBERS[:, :1], r"predict: X must have shape \(obs, 2\), as in training; got \(6, 1\)"),
        (np.hstack([NUMBERS, NUMBERS]), r"must have shape \(obs, 2\), as in training; got \(6, 4\)"),
        (
            NUMBERS[0],
            r"predict: X must have shape \(obs, feature\); got shape \(2,\).*for one observation X\[None, :\]",
        ),
    ],
)
def test_wrong_columns_are_named(X, message):
    with pytest.raises(ShapeError, match=message):
        learn(FRAME).encode(X, "predict")


def test_wide_data_do_not_flood_the_message():
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(3, 2000)))
    with pytest.raises(ShapeError) as caught:
        learn(wide).encode(wide.iloc[:, ::-1], "predict")
    assert len(str(caught.value)) < 300


def test_order_is_enough_where_names_are_missing():
    np.testing.assert_array_equal(learn(FRAME).encode(NUMBERS, "predict"), NUMBERS)
    np.testing.assert_array_equal(learn(NUMBERS).encode(FRAME, "predict"), NUMBERS)


def test_no_rows_are_fine_at_predict_time():
    assert learn(FRAME).encode(FRAME[:0], "predict").shape == (0, 2)


@pytest.mark.parametrize(("value", "warned"), [(1e6, True), (-1e6, True), (30.0, False)])
def test_a_value_far_from_all_others_is_named(value, warned):
    """30 is far from normal values too, but leaves the others apart."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    frame.loc[7, "b"] = value
    told = pytest.warns(PbnnWarning, match=r"'b': 1 value lies .* in row 7") if warned else nullcontext()
    with told:
        learn(frame, standardize=True)


def test_a_column_that_is_mostly_zero_has_no_outliers():
    column = np.zeros(50)
    column[3] = 1e6
    learn(pd.DataFrame({"a": np.arange(50.0), "b": column}), standardize=True)
