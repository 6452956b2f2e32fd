"""Figures of groups, unfamiliar inputs, risk, classes, PIT, maps, conformal sets and models: they draw their tables."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from numpy.testing import assert_allclose

from pbnn.errors import MethodError, ShapeError
from pbnn.plots import (
    plot_by_group,
    plot_class_calibration,
    plot_conformal,
    plot_decomposition_map,
    plot_models,
    plot_ood,
    plot_pareto_k,
    plot_pit_ecdf,
    plot_risk_coverage,
)
from tests.plots import tables


def points(ax: Axes, marker: str) -> np.ndarray:
    """Return where marks of a kind were drawn, those of all artists together, from top to bottom."""
    found = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == marker])
    return found[np.argsort(-found[:, 1])]


def row_names(ax: Axes) -> list[str]:
    return [label.get_text().replace("\xa0", " ") for label in ax.get_yticklabels()]


def legend(ax: Axes) -> list[str]:
    return [text.get_text().replace("\xa0", " ") for text in ax.get_legend().get_texts()]


# --------------------------------------------------------------------------------------------------- groups


def test_groups_stand_in_their_order_with_error_and_band(ax):
    table = tables.groups(4)
    assert plot_by_group(table, ax=ax) is ax
    assert row_names(ax) == ["g0 (60)", "g1 (60)", "g2 (60)", "g3 (59)", "single (1)"]
    assert_allclose(points(ax, "o")[:, 0], table["coverage"])
    bands = next(c for c in ax.collections if c.get_label().replace("\xa0", " ").startswith("95 % if right"))
    ends = np.array([segment[:, 0] for segment in bands.get_segments()])
    assert_allclose(ends, table[["lower", "upper"]].to_array().T[:4])
    errors = next(c for c in ax.containers if "standard error" in c.get_label()).lines[2][0]
    half = [np.ptp(segment[:, 0]) / 2 for segment in errors.get_segments() if len(segment)]
    assert_allclose(half[:4], table["coverage_se"][:4])
    assert "promised, 90 %" in legend(ax)
    assert ax.get_title() == ""


def test_groups_outside_of_the_band_are_squares(ax):
    table = tables.groups(4, spread=3.0)
    plot_by_group(table, ax=ax)
    outside = (table["coverage"] < table["lower"]) & (table["count"] > 1)
    assert outside.sum() == 4
    assert_allclose(points(ax, "s")[:, 0], table["coverage"][outside])


def test_of_many_groups_the_worst_are_shown(ax):
    table = tables.groups(30)
    table["coverage"][17] = 0.3
    plot_by_group(table, most=20, ax=ax)
    assert ax.get_title() == "the 20 worst of 31 groups"
    assert len(row_names(ax)) == 20
    assert row_names(ax)[0] == f"{table['group'].values[17]} ({int(table['count'][17])})"
    assert not any(name.startswith("single") for name in row_names(ax))


def test_accuracy_of_groups_beside_their_confidence(ax):
    table = tables.class_groups()
    plot_by_group(table, ax=ax)
    both = np.concatenate([points(ax, m) for m in "os" if any(li.get_marker() == m for li in ax.lines)])
    assert_allclose(np.sort(both[:, 0]), np.sort(table["accuracy"]))
    assert_allclose(points(ax, "|")[:, 0], table["accuracy"] + table["gap"])
    assert ax.get_xlabel() == "accuracy"


# -------------------------------------------------------------------------------------------------- classes


def test_classes_have_error_and_chance(ax):
    table = tables.classes(3)
    plot_class_calibration(table, ax=ax)
    assert_allclose(points(ax, "o")[:, 0], table["ece"])
    assert_allclose(points(ax, "|")[:, 0], table["ece_if_calibrated"])
    assert row_names(ax) == [f"c{i} ({int(n)})" for i, n in enumerate(table["count"])]


def test_of_200_classes_the_worst_are_shown(ax):
    table = tables.classes(200)
    plot_class_calibration(table, ax=ax)
    assert ax.get_title() == "the 20 worst of 200 classes"
    worst = np.sort(table["ece_debiased"])[-20]
    shown = [name.split(" ")[0] for name in row_names(ax)]
    assert (table["ece_debiased"].sel({"class": shown}) >= worst).all()


# ------------------------------------------------------------------------------------- risk and unfamiliar inputs


@pytest.mark.parametrize(
    ("classes", "label"), [(True, "share of wrong classes"), (False, "mean squared residual")]
)
def test_risk_lies_between_oracle_and_chance(classes, label, ax):
    table = tables.risk(classes)
    plot_risk_coverage(table, ax=ax)
    risk, oracle, random = ax.lines
    assert_allclose(risk.get_xydata(), np.stack([table["coverage"], table["risk"]], axis=1))
    assert_allclose(oracle.get_ydata(), table["oracle"])
    assert_allclose(random.get_ydata(), float(table["aurc_random"]))
    assert ax.get_ylabel() == label
    assert legend(ax)[0] == f"by certainty: {float(table['aurc']):.3g} ± {float(table['aurc_se']):.2g}"


def test_risk_of_one_output(ax):
    both = xr.concat([tables.risk(), 4 * tables.risk()], "output").assign_coords(output=["u", "v"])
    plot_risk_coverage(both, output="v", ax=ax)
    assert_allclose(ax.lines[0].get_ydata(), both["risk"].sel(output="v"))
    with pytest.raises(ShapeError, match="name one"):
        plot_risk_coverage(both, ax=ax)


def test_roc_curves_are_those_of_the_table(ax):
    table = tables.familiar(3)
    plot_ood(table, ax=ax)
    for line, place in zip(ax.lines[1:], [2, 1, 0], strict=True):  # the first is the diagonal
        assert_allclose(line.get_ydata(), table["roc"][place])
    area, se = (float(table[name][2]) for name in ("auroc", "auroc_se"))
    assert legend(ax)[0] == f"measure 2, {area:.3f} ± {se:.2g}"


def test_of_many_measures_the_best_are_drawn(ax):
    plot_ood(tables.familiar(11), ax=ax)
    assert ax.get_title() == "the 8 best of 11 measures"
    assert (
        len({line.get_linestyle() if not line.is_dashed() else str(line._dash_pattern) for line in ax.lines})
        >= 8
    )


def test_values_of_a_measure_are_two_histograms_of_shares(ax):
    table = tables.familiar(3)
    plot_ood(table, measure="measure_2", ax=ax)
    assert legend(ax) == ["familiar (100)", "unfamiliar (50)"]
    for patch in ax.patches:
        corners = patch.get_xy()
        tops = corners[1::2, 1][: np.argmax(corners[1:, 0])]
        assert tops.max() <= 1
    with pytest.raises(MethodError, match=r"unknown measure 'entropie'; known: measure_0"):
        plot_ood(table, measure="entropie", ax=ax)


def test_values_over_decades_have_a_logarithmic_axis(ax):
    table = tables.familiar(1)
    table["out_score"] = 1e4 * table["out_score"]
    plot_ood(table, measure="measure_0", ax=ax)
    assert ax.get_xscale() == "log"


# ------------------------------------------------------------------------------------------------------ PIT


@pytest.mark.parametrize(("spread", "title"), [(1.0, "inside the band"), (2.0, "leaves the band")])
def test_pit_curve_and_band(spread, title, ax):
    table = tables.curve(spread)
    plot_pit_ecdf(table, ax=ax)
    assert ax.get_title() == title
    curve = next(line for line in ax.lines if line.get_label() == "200 observations")
    assert_allclose(curve.get_ydata()[1:-1], table["difference"])
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(float(table["lower"].min()))
    assert corners[:, 1].max() == pytest.approx(float(table["upper"].max()))
    outside = (table["difference"] < table["lower"]) | (table["difference"] > table["upper"])
    marked = [line for line in ax.lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in marked) == int(outside.sum())


# ----------------------------------------------------------------------------------------------------- maps


def test_map_has_shades_of_one_part_and_lines_of_another(ax):
    table = tables.uncertainty_map()
    plot_decomposition_map(table, ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("speed", "load")
    assert ax.get_title() == "lines: aleatoric (noise)\nat heat = 20"
    shades, lines = (c for c in ax.collections if hasattr(c, "levels"))
    for drawn, name in ((shades, "epistemic"), (lines, "aleatoric")):
        assert drawn.zmin == pytest.approx(float(table[name].min()))
        assert drawn.zmax == pytest.approx(float(table[name].max()))
    bar = next(other for other in ax.figure.axes if other is not ax)
    assert bar.get_ylabel() == "epistemic (weights), sd"


def test_map_of_even_noise_says_its_value(ax):
    plot_decomposition_map(tables.uncertainty_map(even=True), ax=ax)
    assert ax.get_title().startswith("aleatoric (noise): 0.5 everywhere")
    with pytest.raises(MethodError, match="unknown part 'between'; known: aleatoric, epistemic, total"):
        plot_decomposition_map(tables.uncertainty_map(), of="between", ax=ax)


# ------------------------------------------------------------------------------------------------- conformal


def test_conformal_intervals_in_order_with_hits_and_misses(ax):
    table = tables.intervals(30)
    middle = ((table["lower"] + table["upper"]) / 2).to_numpy()
    y = middle + np.where(np.arange(30) % 10 == 0, 9.0, 0.0)
    plot_conformal(table, y, ax=ax)
    ends = np.array([segment[:, 1] for segment in ax.collections[0].get_segments()])
    order = np.argsort(middle)
    assert_allclose(ends, table[["lower", "upper"]].to_array().T[order])
    assert len(points(ax, "o")) == 27
    assert_allclose(np.sort(points(ax, "x")[:, 1]), np.sort(y[::10]))
    assert ax.get_title() == ""


def test_conformal_intervals_say_what_is_left_out(ax):
    plot_conformal(tables.intervals(200, endless=2), most=50, ax=ax)
    assert ax.get_title() == "2 of 200 intervals have no end; 50 of 198 intervals shown"
    assert len(ax.collections[0].get_segments()) == 50
    with pytest.raises(ShapeError, match=r"y must have a number for each of 30 rows; got shape \(3,\)"):
        plot_conformal(tables.intervals(30), [1.0, 2.0, 3.0], ax=ax)


def test_conformal_intervals_along_the_input(ax):
    table, x = tables.intervals(30), np.linspace(5, 0, 30)
    plot_conformal(table, x=x[:, None], ax=ax)
    drawn = np.array([segment[0] for segment in ax.collections[0].get_segments()])
    assert_allclose(drawn, np.stack([x, table["lower"]], axis=1)[::-1])


def test_conformal_sets_by_size(ax):
    plot_conformal(tables.sets(), ax=ax)
    assert_allclose([bar.get_height() for bar in ax.patches], [0.2, 0.4, 0.2, 0.2])


# --------------------------------------------------------------------------------------------------- models


def test_models_have_difference_error_and_weight(ax):
    table = tables.models(3)
    plot_models(table, ax=ax)
    assert row_names(ax) == ["net0 (70 %)", "net1 (15 %)", "net2 (15 %)"]
    assert_allclose(points(ax, "o")[:, 0], [0, -12])
    assert_allclose(points(ax, "s")[:, 0], [-6])
    assert "Pareto k too large" in legend(ax)
    plot_models(table, weights="pseudo_bma", ax=ax.figure.add_subplot())
    with pytest.raises(MethodError, match="unknown weights 'evidence'; known: pseudo_bma, stacking"):
        plot_models(table, weights="evidence", ax=ax)


def test_of_many_models_the_best_are_shown(ax):
    plot_models(tables.models(25), ax=ax)
    assert ax.get_title() == "the 20 best of 25 models"
    assert len(row_names(ax)) == 20


def test_pareto_k_of_each_row_and_its_limit(ax):
    table = tables.left_out()
    plot_pareto_k(table, ax=ax)
    assert_allclose(ax.collections[0].get_offsets()[:, 1], table["pareto_k"])
    assert_allclose(ax.lines[0].get_ydata(), 0.7)
