"""Figures of `compare_models`."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import pbnn
from pbnn.assess.elpd import summed
from pbnn.errors import DataError
from pbnn.plots import plot_models, plot_pointwise_difference


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


def test_models_have_intervals_of_the_paired_differences(table, ax):
    assert plot_models(table, ax=ax) is ax
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    two, one = (np.array([segment[:, 0] for segment in lines.get_segments()]) for lines in ax.collections)
    gap, se = table["elpd_difference"].to_numpy(), table["difference_se"].to_numpy()
    assert_allclose(one, np.stack([gap - se, gap + se], axis=1))
    assert_allclose(two, np.stack([gap - 2 * se, gap + 2 * se], axis=1))
    ax.figure.canvas.draw()


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


def test_impossible_models_are_named_but_have_no_interval(rng, ax):
    base = rng.normal(size=30)
    plot_models(compared({"a": base, "b": np.where(np.arange(30) == 4, -np.inf, base)}), ax=ax)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
    ax.figure.canvas.draw()


def test_one_model_has_no_differences(rng, ax):
    with pytest.raises(DataError, match="one model only"):
        plot_pointwise_difference(compared({"a": rng.normal(size=30)}), ax=ax)
