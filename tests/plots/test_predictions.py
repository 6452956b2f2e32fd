"""Figures of predictions: bands, probabilities, maps, the two kinds of uncertainty, the prior."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from pbnn.errors import ShapeError
from pbnn.plots import plot_bands, plot_prior, plot_probabilities, plot_surface, plot_uncertainty


def legend(ax) -> list[str]:
    return [text.get_text().replace("\xa0", " ") for text in ax.get_legend().get_texts()]


def test_bands_follow_the_quantiles_in_order_of_the_input(curve, ax):
    assert plot_bands(curve, ax=ax) is ax
    summary, x = curve["predictions"], curve["predictions_constant_data"]["X"].to_numpy()[:, 0]
    order = np.argsort(x)
    outer, inner = ax.collections
    for band, name in ((outer, "quantiles"), (inner, "mu_quantiles")):
        corners = band.get_paths()[0].vertices
        assert corners[:, 1].min() == pytest.approx(float(summary[name].sel(quantile=0.05).min()))
        assert corners[:, 1].max() == pytest.approx(float(summary[name].sel(quantile=0.95).max()))
    mean = next(line for line in ax.lines if line.get_label() == "predictive mean")
    assert_allclose(mean.get_xdata(), x[order])
    assert_allclose(mean.get_ydata(), summary["mean"].to_numpy()[order])
    assert legend(ax) == ["response, 90 %", "mean (epistemic), 90 %", "predictive mean"]
    assert ax.get_xlabel() == "x0"


def test_bands_draw_training_and_test_data_apart(curve, ax):
    plot_bands(curve, [[0.0], [1.0]], [3.0, 4.0], X_test=[0.5], y_test=[5.0], ax=ax)
    train, test = ax.collections[2:]
    assert_allclose(train.get_offsets(), [[0, 3], [1, 4]])
    assert_allclose(test.get_offsets(), [[0.5, 5]])
    assert test.get_facecolors().size == 0
    assert legend(ax)[-2:] == ["training data", "test data"]


def test_bands_of_one_among_several_outputs(outputs, ax):
    plot_bands(outputs, output="v", ax=ax)
    mean = next(line for line in ax.lines if line.get_label() == "predictive mean")
    assert mean.get_ydata().max() == pytest.approx(2, abs=0.05)
    with pytest.raises(ShapeError, match=r"several outputs; name one, output=\.\.\. of \['u', 'v'\]"):
        plot_bands(outputs, ax=ax)


def test_draws_instead_of_a_summary(ax):
    draws = xr.DataTree.from_dict(
        {"predictions": xr.Dataset({"mu": (("chain", "draw", "obs"), np.ones((1, 2, 3)))})}
    )
    with pytest.raises(ShapeError, match='kind="summary"'):
        plot_bands(draws, ax=ax)


def test_bands_need_one_column(class_map, curve, ax):
    with pytest.raises(ShapeError, match="needs one input column; got 2"):
        plot_probabilities(class_map, ax=ax)
    with pytest.raises(ShapeError, match=r"one column; got shape \(3, 2\)"):
        plot_bands(curve, np.ones((3, 2)), np.ones(3), ax=ax)


def test_probabilities_draw_each_class(class_curve, ax):
    y = np.repeat(["a", "b", "c"], [10, 10, 20])
    plot_probabilities(class_curve, np.linspace(0, 1, 40), y, ax=ax)
    assert legend(ax) == [f"P({label}), 90 % band" for label in "abc"]
    assert [len(line.get_xdata()) for line in ax.lines[3:]] == [10, 10, 20]
    assert len({line.get_linestyle() for line in ax.lines[:3]}) == 3, "classes must differ without colour"


def test_probabilities_draw_only_the_event_of_two_classes(class_curve, ax):
    pair = class_curve["predictions"].to_dataset().sel({"class": ["a", "b"]})
    class_curve["predictions"] = xr.DataTree(pair)
    plot_probabilities(class_curve, ax=ax)
    assert legend(ax) == ["P(b), 90 % band"]


def test_surface_shows_the_last_class(class_map, ax):
    X, y = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), np.array(["a", "b", "b"])
    plot_surface(class_map, "p", X, y, ax=ax)
    bar = next(other for other in ax.figure.axes if other is not ax)
    assert bar.get_ylabel() == "P(c)"
    assert legend(ax) == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x0", "x1")


def test_surface_needs_two_columns(curve, ax):
    with pytest.raises(ShapeError, match="two input columns; got 1"):
        plot_surface(curve, "mean", ax=ax)


@pytest.mark.parametrize(("name", "unit"), [("curve", "sd"), ("class_curve", "nats")])
def test_uncertainty_along_one_input(name, unit, request, ax):
    plot_uncertainty(request.getfixturevalue(name), ax=ax)
    assert legend(ax) == ["epistemic (weights)", "aleatoric (noise)", "together"]
    assert ax.get_ylabel() == f"uncertainty ({unit})"
    epistemic, aleatoric, together = (line.get_ydata() for line in ax.lines)
    assert (np.maximum(epistemic, aleatoric) <= together + 1e-9).all()


def test_uncertainty_of_rows(rows, class_map, ax):
    rows["aleatoric_sd"] = rows["aleatoric_sd"] + np.linspace(0, 0.1, rows.sizes["obs"])
    plot_uncertainty(rows, ax=ax)
    assert_allclose(
        ax.collections[0].get_offsets(), np.stack([rows["aleatoric_sd"], rows["epistemic_sd"]], axis=1)
    )
    ax.clear()
    plot_uncertainty(class_map, ax=ax)
    assert ax.get_xlabel() == "aleatoric (nats)"


def prior(columns: int, *, classes: bool = False) -> xr.DataTree:
    rng = np.random.default_rng(1)
    dims = ("chain", "draw", "obs")
    if classes:
        values = {"p": ((*dims, "class"), rng.dirichlet(np.ones(2), (1, 50, 9)))}
        table = xr.Dataset(values, coords={"class": ["no", "yes"]})
    else:
        table = xr.Dataset({name: (dims, rng.normal(size=(1, 50, 9))) for name in ("mu", "y")})
    names = [f"x{i}" for i in range(columns)]
    X = xr.Dataset({"X": (("obs", "feature"), rng.normal(size=(9, columns)))}, coords={"feature": names})
    return xr.DataTree.from_dict({"prior_predictive": table, "constant_data": X})


def test_prior_functions_along_one_input(ax):
    plot_prior(prior(1), [[0.0], [0.1]], [5.0, 6.0], n_draws=20, ax=ax)
    assert len(ax.lines) == 20
    assert all((np.diff(line.get_xdata()) > 0).all() for line in ax.lines)
    assert_allclose(ax.collections[0].get_offsets(), [[0, 5], [0.1, 6]])
    low, high = ax.get_ylim()
    assert low < 5 < 6 < high


def test_prior_of_the_response_keeps_its_density(ax):
    drawn = prior(3)
    plot_prior(drawn, None, [0.5, 0.6, 0.7], ax=ax)
    outline = next(patch for patch in ax.patches if patch.get_label() == "drawn from the prior")
    corners = outline.get_xy()
    area = (np.diff(corners[:, 0]) * corners[:-1, 1]).sum()
    inside = drawn["prior_predictive"]["y"].quantile([0.05, 0.95]).to_numpy()
    assert area == pytest.approx(0.9, abs=0.01), f"between {inside} lie nine in ten draws"


@pytest.mark.parametrize("columns", [1, 2])
def test_prior_of_a_classifier(columns, ax):
    plot_prior(prior(columns, classes=True), ax=ax)
    if columns == 1:
        assert ax.get_ylabel() == "P(yes)"
    else:
        assert ax.get_xlabel() == "probability of the most probable class"


def test_uncertainty_of_rows_that_share_one_noise(rows, ax):
    rows["aleatoric_sd"][:] = 0.25
    plot_uncertainty(rows, ax=ax)
    assert sum(patch.get_height() for patch in ax.patches) == rows.sizes["obs"]
    assert ax.lines[0].get_xdata()[0] == 0.25
