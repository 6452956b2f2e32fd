"""Figures of priors: they draw what they are given."""

import numpy as np
import pytest
import xarray as xr

from pbnn.errors import ShapeError
from pbnn.plots import plot_calibration, plot_prior_check, plot_sensitivity


def functions(n_features: int, rng: np.random.Generator) -> xr.Dataset:
    return xr.Dataset(
        {
            "f": (("source", "draw", "obs"), rng.normal(size=(3, 20, 8))),
            "X": (("obs", "feature"), rng.normal(size=(8, n_features))),
        },
        coords={"source": ["target", "before", "after"], "feature": [f"x{i}" for i in range(n_features)]},
    )


def test_functions_along_one_input(ax, rng):
    table = functions(1, rng)
    assert plot_calibration(table, n_draws=5, ax=ax) is ax
    assert len(ax.lines) == 10
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["target", "prior, calibrated"]
    assert (np.diff(ax.lines[0].get_xdata()) > 0).all()
    order = np.argsort(table["X"].values[:, 0])
    np.testing.assert_array_equal(
        ax.lines[5].get_ydata(), table["f"].sel(source="after", draw=0).values[order]
    )


def test_spread_over_several_inputs(ax, rng):
    plot_calibration(functions(2, rng), sources=("target", "before", "after"), ax=ax)
    assert len(ax.lines) == 3
    assert ax.lines[0].get_ydata()[-1] == 1.0


@pytest.fixture
def checked() -> xr.Dataset:
    return xr.Dataset(
        {"p_value": ("statistic", [0.5, 0.999, 0.2, 0.005])},
        coords={"statistic": ["mean", "sd", "min", "max"]},
    )


def test_p_values(ax, checked):
    plot_prior_check(checked, ax=ax)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["mean", "sd", "min", "max"]
    np.testing.assert_allclose(ax.collections[1].get_offsets()[:, 0], checked["p_value"])
    colours = ax.collections[1].get_facecolors()
    assert (colours[0] == colours[2]).all()
    assert (colours[0] != colours[1]).any()


def test_p_values_of_several_outputs(ax, checked):
    both = xr.concat([checked, checked], dim="output").assign_coords(output=["u", "v"])
    with pytest.raises(ShapeError, match="name one"):
        plot_prior_check(both, ax=ax)
    assert plot_prior_check(both, output="v", ax=ax) is ax


def test_sensitivity(ax):
    table = xr.Dataset(
        {"sensitivity": (("component", "quantity"), [[0.1, 0.2], [0.3, 0.0], [0.02, 0.04]])},
        coords={"component": ["likelihood", "prior", "weights"], "quantity": ["mean response", "noise"]},
        attrs={"group": "weights", "threshold": 0.05},
    )
    plot_sensitivity(table, ax=ax)
    np.testing.assert_allclose(ax.collections[0].get_offsets()[:, 0], [0.02, 0.04])
    np.testing.assert_allclose(ax.collections[1].get_offsets()[:, 0], [0.1, 0.2])
