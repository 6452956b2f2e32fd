"""The figure of pointwise differences of `compare_models`."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import pbnn
from pbnn.assess.elpd import summed
from pbnn.errors import DataError
from pbnn.plots import plot_pointwise_difference


def compared(columns: dict[str, np.ndarray]) -> xr.Dataset:
    tables = {}
    for name, elpd in columns.items():
        table = xr.Dataset({"elpd": ("obs", elpd), "observed": ("obs", np.zeros(len(elpd)))})
        tables[name] = summed(table.assign_attrs(kind="continuous"), "by hand")
    return pbnn.compare_models(tables)


@pytest.fixture
def table(rng):
    base = rng.normal(size=30)
    return compared({"b": base - 0.2 + 0.1 * rng.normal(size=30), "a": base, "c": base - 1})


def test_pointwise_differences_have_a_point_for_each_row(table, ax):
    plot_pointwise_difference(table, ax=ax)
    pointwise = table["pointwise"]
    for points, name in zip(ax.collections, ["b", "c"], strict=True):
        expected = pointwise.sel(model=name) - pointwise.sel(model="a")
        assert_allclose(points.get_offsets()[:, 0], expected)
    assert ax.get_xscale() == "linear"
    ax.figure.canvas.draw()


def test_rows_far_out_or_impossible_hide_no_others(rng, ax):
    base = rng.normal(size=30)
    worse = base - 0.5
    worse[3], worse[4] = -400, -np.inf
    table = compared({"a": base, "b": worse})
    plot_pointwise_difference(table, ax=ax)
    assert ax.get_xscale() == "symlog"
    assert len(ax.collections[0].get_offsets()) == 29
    ax.figure.canvas.draw()


def test_one_model_has_no_differences(rng, ax):
    with pytest.raises(DataError, match="one model only"):
        plot_pointwise_difference(compared({"a": rng.normal(size=30)}), ax=ax)
