"""Where models are apart: against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pbnn
from pbnn import assess
from pbnn.assess import disagreement, is_clear, of_mixture, own_columns
from pbnn.assess.elpd import summed
from pbnn.errors import DataError


def numbers(predicted, sd=1.0):
    predicted = np.asarray(predicted, float)
    dims = ("obs", "output")[: predicted.ndim]
    of = {"predicted": (dims, predicted), "sd": (dims, np.full(predicted.shape, sd))}
    return xr.Dataset({**of, "observed": (dims, 0 * predicted)}, attrs={"kind": "continuous"})


def classes(p):
    return assess.class_table(np.asarray(p, float), np.zeros(len(p), int), np.array(["no", "yes"]))


def test_numbers_are_apart_in_predictive_sd():
    apart = disagreement({"a": numbers([0, 1, 3], sd=2), "b": numbers([0, 1, 7], sd=2)})["disagreement"]
    np.testing.assert_allclose(apart, [0, 0, 1])


def test_several_outputs_are_as_far_apart_as_the_worst():
    rows = {"a": numbers([[0, 0], [0, 0]]), "b": numbers([[2, 4], [0, 0]])}
    np.testing.assert_allclose(disagreement(rows)["disagreement"], [2, 0])


def test_classes_are_apart_by_what_the_model_tells_of_them():
    rows = {"a": classes([[1, 0], [0.3, 0.7]]), "b": classes([[0, 1], [0.3, 0.7]])}
    found = disagreement(rows)
    np.testing.assert_allclose(found["disagreement"], [np.log(2), 0], atol=1e-12)
    assert found["disagreement"].attrs["units"] == "nat"
    assert found["predicted"].sel(model="b").to_numpy().tolist() == ["yes", "yes"]


def test_rows_must_be_the_same():
    with pytest.raises(DataError, match="'b' and 'a' were judged on different rows"):
        disagreement({"a": numbers([0, 1]), "b": numbers([0, 1]).assign(observed=("obs", [0.0, 1.0]))})
    with pytest.raises(DataError, match="at least 2"):
        disagreement({"a": numbers([0, 1])})


# --------------------------------------------------------------------------- the parts of a comparison beside it


def table_of(elpd):
    table = xr.Dataset({"elpd": ("obs", np.asarray(elpd, float)), "observed": ("obs", np.zeros(len(elpd)))})
    return summed(table.assign_attrs(kind="continuous"), "by hand")


def test_the_mixture_is_that_of_the_densities():
    a, b = np.random.default_rng(0).normal(size=(2, 50))
    table = pbnn.compare_models({"a": table_of(a), "b": table_of(b)})
    best = table.attrs["best"]
    alone = of_mixture(table, xr.DataArray([1.0], {"model": [best]}, ["model"]))
    np.testing.assert_allclose(alone["elpd"], table["elpd"][0])
    np.testing.assert_allclose(alone["elpd_difference"], 0, atol=1e-12)
    mixed = of_mixture(table, xr.DataArray([0.3, 0.7], {"model": ["b", "a"]}, ["model"]))
    lpd = np.log(0.3 * np.exp(b) + 0.7 * np.exp(a))
    difference = lpd - {"a": a, "b": b}[best]
    np.testing.assert_allclose(mixed["elpd"], lpd.sum())
    np.testing.assert_allclose(mixed["difference_se"], 50**0.5 * difference.std(ddof=1))
    assert float(of_mixture(table, table["stacking"])["elpd"]) == pytest.approx(table.attrs["stacking_elpd"])


@pytest.mark.parametrize(
    ("gap", "se", "clear"),
    [(10, 2, True), (3, 0.1, False), (10, 6, False), (10, np.nan, False), (np.nan, 1, False)],
)
def test_small_or_uncertain_differences_are_not_clear(gap, se, clear):
    assert is_clear(gap, se) is clear


def test_a_frame_may_have_more_columns_than_a_model_takes():
    X = pd.DataFrame({"a": [0.0, 1, 2], "b": [1.0, 0, 5]})
    bnn = pbnn.build(pbnn.Network([], pbnn.likelihoods.Gaussian()), X[["b"]], np.array([0.0, 1, 3]))
    assert own_columns(bnn, X).columns.tolist() == ["b"]
    assert own_columns(bnn, X[["a"]]).columns.tolist() == ["a"]  # what is missing is for `encode` to say
    values = X.to_numpy()
    assert own_columns(bnn, values) is values
