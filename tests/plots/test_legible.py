"""What a figure tells apart differs by lightness or form: for readers of grey prints and for colour-blind ones."""

from itertools import combinations

import numpy as np
import pytest
import xarray as xr

from pbnn import plots
from pbnn.plots.style import BLUE, CLASS_COLOURS, CLASS_LINES, GREY, INK, ORANGE, PALE
from tests.plots import tables
from tests.plots.seen import Look, apart, looks, luminance

LEAST = 15
"""Difference of L* that readers see at a glance; 2 is about the least that is seen at all."""
CONTRAST = 3
"""Least contrast with the paper of what a figure is read by (WCAG 2.1, 1.4.11)."""


def functions() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "f": (("source", "draw", "obs"), rng.normal(size=(3, 4, 8))),
            "X": (("obs", "feature"), rng.random((8, 1))),
        },
        coords={"source": ["target", "before", "after"], "feature": ["x"]},
    )


def sensitivity() -> xr.Dataset:
    return xr.Dataset(
        {"sensitivity": (("component", "quantity"), [[0.1, 0.2], [0.3, 0.0]])},
        coords={"component": ["likelihood", "prior"], "quantity": ["mean response", "noise"]},
        attrs={"group": "prior", "threshold": 0.05},
    )


def inputs() -> xr.Dataset:
    columns = {"rank": [0, 1], "mean": [0.6, 0.4]}
    hdi = (("feature", "bound"), [[0.5, 0.7], [0.3, 0.5]])
    return xr.Dataset(
        {**{name: ("feature", v) for name, v in columns.items()}, "hdi": hdi},
        coords={"feature": ["a", "b"], "bound": ["lower", "upper"]},
        attrs={"prob": 0.9},
    )


three = ("target", "before", "after")
FIGURES = {
    "plot_best": lambda get, ax: plots.plot_best(tables.candidates(), ax=ax),
    "plot_history": lambda get, ax: plots.plot_history(tables.search_history(), ax=ax),
    "plot_importance": lambda get, ax: plots.plot_importance(tables.parameters(), ax=ax),
    "plot_parallel": lambda get, ax: plots.plot_parallel(tables.across(), ax=ax),
    "plot_slice": lambda get, ax: plots.plot_slice(tables.along(), ax=ax),
    "plot_slice of choices": lambda get, ax: plots.plot_slice(tables.along(), "act", ax=ax),
    "plot_bands": lambda get, ax: plots.plot_bands(
        get("curve"), [0.0], [1.0], X_test=[0.5], y_test=[2.0], ax=ax
    ),
    "plot_by_group": lambda get, ax: plots.plot_by_group(tables.groups(3, spread=1.6), ax=ax),
    "plot_by_group of classes": lambda get, ax: plots.plot_by_group(tables.class_groups(), ax=ax),
    "plot_calibration": lambda get, ax: plots.plot_calibration(functions(), sources=three, ax=ax),
    "plot_class_calibration": lambda get, ax: plots.plot_class_calibration(tables.classes(), ax=ax),
    "plot_conformal": lambda get, ax: plots.plot_conformal(tables.intervals(9), np.arange(9.0), ax=ax),
    "plot_convergence": lambda get, ax: plots.plot_convergence(get("diagnosis"), ax=ax),
    "plot_coverage": lambda get, ax: plots.plot_coverage(tables.levels(), ax=ax),
    "plot_energy": lambda get, ax: plots.plot_energy(get("idata"), ax=ax),
    "plot_models": lambda get, ax: plots.plot_models(tables.models(), ax=ax),
    "plot_observed": lambda get, ax: plots.plot_observed(get("rows"), ax=ax),
    "plot_ood": lambda get, ax: plots.plot_ood(tables.familiar(8), ax=ax),
    "plot_ood of one": lambda get, ax: plots.plot_ood(tables.familiar(), measure="measure_1", ax=ax),
    "plot_pit_ecdf": lambda get, ax: plots.plot_pit_ecdf(tables.curve(2.0), ax=ax),
    "plot_predictive_check": lambda get, ax: plots.plot_predictive_check(get("idata"), ax=ax),
    "plot_probabilities": lambda get, ax: plots.plot_probabilities(get("class_curve"), ax=ax),
    "plot_relevance": lambda get, ax: plots.plot_relevance(inputs(), ax=ax),
    "plot_reliability": lambda get, ax: plots.plot_reliability(tables.frequencies(), ax=ax),
    "plot_risk_coverage": lambda get, ax: plots.plot_risk_coverage(tables.risk(), ax=ax),
    "plot_rootogram": lambda get, ax: plots.plot_rootogram(get("counted"), ax=ax),
    "plot_sbc": lambda get, ax: plots.plot_sbc(tables.ranks(), ax=ax),
    "plot_sensitivity": lambda get, ax: plots.plot_sensitivity(sensitivity(), ax=ax),
    "plot_uncertainty": lambda get, ax: plots.plot_uncertainty(get("curve"), ax=ax),
}


@pytest.mark.parametrize("name", FIGURES)
def test_entries_of_a_legend_are_told_apart_without_colour(name, request, ax):
    entries = looks(FIGURES[name](request.getfixturevalue, ax))
    assert len(entries) >= 2
    alike = [(a.label, b.label) for a, b in combinations(entries, 2) if not a.told_from(b, LEAST)]
    assert not alike


@pytest.mark.parametrize("pair", list(combinations([INK, BLUE, ORANGE, PALE], 2)))
def test_colours_are_steps_of_lightness(pair):
    assert apart(*pair) >= LEAST


@pytest.mark.parametrize("colour", [INK, BLUE, ORANGE, GREY])
def test_colours_stand_out_from_the_paper(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= CONTRAST


def test_classes_differ_by_their_lines():
    assert len(set(CLASS_LINES)) == len(CLASS_LINES) == len(CLASS_COLOURS)


def test_the_check_finds_colours_of_one_lightness():
    red, green = (
        Look("a", (0.8, 0.3, 0.0, 1.0), ("line", "-", "None"), 1.5),
        Look("b", (0.2, 0.5, 0.2, 1.0), ("line", "-", "None"), 1.5),
    )
    assert not red.told_from(green, LEAST)
    assert apart("#0072B2", "#D55E00") < 3, "blue and orange of Okabe and Ito, to those who see no red"
    assert apart("black", "white") == pytest.approx(100)
