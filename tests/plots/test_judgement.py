"""Figures of what `assess` returns: residuals, calibration, confusion, convergence."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from pbnn.plots import (
    plot_confusion,
    plot_convergence,
    plot_coverage,
    plot_observed,
    plot_pit,
    plot_reliability,
    plot_residuals,
)


def test_observed_has_an_interval_for_each_row(rows, ax):
    plot_observed(rows, level=0.9, ax=ax)
    intervals, points = ax.collections
    ends = np.array([segment[:, 1] for segment in intervals.get_segments()])
    assert_allclose(ends, rows[["lower", "upper"]].sel(level=0.9).to_array().T)
    assert_allclose(points.get_offsets(), np.stack([rows["observed"], rows["predicted"]], axis=1))
    diagonal = ax.lines[0]
    assert_allclose(diagonal.get_xdata(), diagonal.get_ydata())


def test_residuals_are_in_predictive_sd(rows, ax):
    plot_residuals(rows, ax=ax)
    assert_allclose(ax.collections[0].get_offsets()[:, 1], rows["standardized"])


def test_pit_shows_bars_and_band(ax):
    edges = np.linspace(0, 1, 6)
    density = np.array([0.5, 1.0, 2.0, 1.0, 0.5])
    table = xr.Dataset(
        {
            "left": ("bin", edges[:-1]),
            "right": ("bin", edges[1:]),
            "density": ("bin", density),
            "lower": 0.6,
            "upper": 1.4,
        }
    )
    plot_pit(table, ax=ax)
    assert_allclose([bar.get_height() for bar in ax.containers[0]], density)
    assert ax.get_ylim()[1] > 2


def test_coverage_against_level(ax):
    level = np.arange(1, 20) / 20
    bounds = {"lower": ("level", level - 0.04), "upper": ("level", level + 0.04)}
    plot_coverage(xr.Dataset({"coverage": ("level", level**2), **bounds}, coords={"level": level}), ax=ax)
    assert_allclose(ax.lines[-1].get_ydata(), level**2)


def test_reliability_against_probability(ax):
    p = np.array([0.1, 0.5, 0.9])
    table = xr.Dataset(
        {
            "predicted": ("bin", p),
            "observed": ("bin", p**2),
            "lower": ("bin", p - 0.1),
            "upper": ("bin", p + 0.1),
        }
    )
    plot_reliability(table, of="rain", ax=ax)
    assert_allclose(ax.lines[-1].get_xydata(), np.stack([p, p**2], axis=1))
    assert ax.get_xlabel() == "probability of rain"


def test_confusion_says_counts_and_shares(ax):
    count = np.array([[8, 2], [0, 0]])
    table = xr.Dataset(
        {
            "count": (("observed_class", "predicted_class"), count),
            "share": (("observed_class", "predicted_class"), [[0.8, 0.2], [np.nan, np.nan]]),
        },
        coords={"observed_class": ["no", "yes"], "predicted_class": ["no", "yes"]},
    )
    plot_confusion(table.transpose("predicted_class", "observed_class"), ax=ax)
    texts = [text.get_text().replace("\xa0", " ") for text in ax.texts]
    assert texts == ["8\n80 %", "2\n20 %", "0\n0 %", "0\n0 %"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["no", "yes"]


@pytest.mark.parametrize(("of", "limit"), [("r_hat", 1.01), ("ess_bulk", 400), ("ess_tail", 400)])
def test_convergence_marks_limit_and_worst_input(of, limit, diagnosis, ax):
    diagnosis[of][0] = np.nan
    plot_convergence(diagnosis, of=of, ax=ax)
    at = [line.get_xdata()[0] for line in ax.lines]
    worst = diagnosis[of].max() if of == "r_hat" else diagnosis[of].min()
    assert at == [pytest.approx(limit), pytest.approx(float(worst))]
    assert sum(patch.get_height() for patch in ax.patches) == diagnosis.sizes["obs"] - 1


def test_several_outputs_are_drawn_one_by_one(rows, ax):
    both = xr.concat([rows, rows], dim="output").assign_coords(output=["u", "v"])
    plot_residuals(both, output="v", ax=ax)
    assert ax.get_xlabel() == "predicted v"
