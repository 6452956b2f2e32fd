"""Calibration with simultaneous bands, without its bias, by class and by subgroup."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from pbnn.assess import by_group, class_calibration, class_table, loo_pit, pit_ecdf, reliability
from pbnn.errors import DataError, ModelError


def class_rows(n=600, classes=3, sharpen=1.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet([1.0] * classes, size=n)
    codes = (rng.uniform(size=(n, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    p = truth**sharpen
    p /= p.sum(axis=1, keepdims=True)
    table = class_table(p, codes, np.array([f"c{i}" for i in range(classes)]))
    table["lpd"] = ("obs", np.log(p[np.arange(n), codes]))
    return table


def number_rows(n=400, spread=1.0, seed=0):
    z = spread * np.random.default_rng(seed).normal(size=n)
    columns = {"pit": stats.norm.cdf(z), "standardized": z, "lpd": stats.norm.logpdf(z)}
    return xr.Dataset({name: ("obs", v) for name, v in columns.items()}, attrs={"kind": "continuous"})


# ------------------------------------------------------------------------------------------------ reliability


@pytest.mark.parametrize(("sharpen", "ok"), [(1.0, True), (1.5, False)])
def test_simultaneous_bands_hold_all_bins_with_their_probability(sharpen, ok):
    inside = []
    for seed in range(200):
        table = reliability(class_rows(sharpen=sharpen, seed=seed))
        held = (table["lower_all"] <= table["observed"]) & (table["observed"] <= table["upper_all"])
        inside.append(bool(held.all()))
    # At least 95 %: counts are whole, and probabilities within a bin differ.
    assert (stats.binomtest(sum(inside), 200, 0.95, "less").pvalue > 0.001) == ok


@pytest.mark.slow
@pytest.mark.parametrize(("measure", "ok"), [("ece_debiased", True), ("ece", False)])
def test_the_debiased_error_is_that_of_many_rows(measure, ok):
    many = float(reliability(class_rows(200_000, sharpen=1.3), bins=15)["ece"])
    found = np.array(
        [float(reliability(class_rows(300, sharpen=1.3, seed=s), bins=15)[measure]) for s in range(300)]
    )
    # At least half of the bias is gone.
    raw = np.array(
        [float(reliability(class_rows(300, sharpen=1.3, seed=s), bins=15)["ece"]) for s in range(300)]
    )
    slack = 4 * found.std() / 300**0.5
    assert (abs(found.mean() - many) < max(slack, abs(raw.mean() - many) / 2)) == ok


def test_the_sweep_ends_where_frequencies_no_longer_increase():
    rows = class_rows(400)
    p, hit = rows["confidence"].values, rows["correct"].values
    sweep, best = float(reliability(rows)["ece_sweep"]), None
    for bins in range(2, 400):
        table = reliability(rows, bins=bins)
        if (np.diff(table["observed"]) < 0).any():
            break
        best = float(table["ece"])
    np.testing.assert_allclose(sweep, abs(p.mean() - hit.mean()) if best is None else best)


def test_each_class_has_its_error_and_the_mean_is_over_classes():
    rows = class_rows(500, classes=200, seed=3)
    table = class_calibration(rows)
    assert table.sizes["class"] == 200
    np.testing.assert_allclose(table["mean_ece"], table["ece"].mean())
    one = reliability(rows, label="c7")
    np.testing.assert_allclose(table["ece_debiased"].sel({"class": "c7"}), one["ece_debiased"])
    assert int(table["count"].sum()) == 500
    with pytest.raises(DataError, match="class_calibration: needs the rows"):
        class_calibration(number_rows())


# ------------------------------------------------------------------------------------------------ ranks


@pytest.mark.parametrize(("spread", "ok"), [(1.0, True), (1.4, False)])
def test_the_band_of_ranks_holds_the_curve_with_its_probability(spread, ok):
    inside = [bool(pit_ecdf(number_rows(80, spread, seed))["inside"]) for seed in range(60)]
    assert (stats.binomtest(sum(inside), 60, 0.95).pvalue > 0.001) == ok


def test_each_output_has_its_own_curve():
    u = np.random.default_rng(1).uniform(size=(300, 2)) ** [1.0, 2.0]
    rows = xr.Dataset({"pit": (("obs", "output"), u)}, coords={"output": ["a", "b"]})
    table = pit_ecdf(rows)
    assert table["difference"].dims == ("x", "output")
    assert table.sizes["x"] == 99
    np.testing.assert_allclose(
        table["ecdf"].sel(output="b"), [(u[:, 1] <= x).mean() for x in table["x"].values]
    )
    assert table["inside"].values.tolist() == [True, False]
    with pytest.raises(DataError, match="needs at least 2 rows; got 1"):
        pit_ecdf(rows.isel(obs=[0]))
    with pytest.raises(DataError, match="of a regression or of counts"):
        pit_ecdf(class_rows(10))


@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (4.0, False)])
def test_leave_one_out_ranks_are_those_of_refits(linear, shift, ok):
    X = np.column_stack([linear.X, np.ones(len(linear.X))])
    exact = []
    for row in range(len(X)):
        kept = np.arange(len(X)) != row
        covariance = np.linalg.inv(np.eye(4) + X[kept].T @ X[kept] / linear.noise**2)
        mean = covariance @ X[kept].T @ linear.y[kept] / linear.noise**2
        sd = np.sqrt(X[row] @ covariance @ X[row] + linear.noise**2)
        exact.append(stats.norm.cdf(linear.y[row], X[row] @ mean, sd))
    got = loo_pit(linear.bnn, linear.draws(shift=shift), seed=1)
    exact = np.array(exact)
    # 2000 draws, of which reweighting leaves at least a quarter.
    error = np.abs(got["pit"] - exact) / np.sqrt(exact * (1 - exact) / 500)
    assert bool((error < 4.5).all()) == ok
    assert (got["pareto_k"] < 0.7).all() or not ok
    assert got.attrs["kind"] == "continuous"


@pytest.mark.slow
def test_ranks_need_draws_and_an_order(linear, classifier, scatter):
    with pytest.raises(ModelError, match="1 draws cannot be reweighted"):
        loo_pit(linear.bnn, linear.tree(linear.mean[None, None]))
    with pytest.raises(ModelError, match="classes have no order"):
        loo_pit(classifier, scatter(classifier, draws=4))


# ------------------------------------------------------------------------------------------------ groups


def test_groups_are_judged_by_their_own_rows():
    rows = number_rows(400)
    rows["standardized"][:100] += 2
    rows["pit"][:100] = stats.norm.cdf(rows["standardized"][:100])
    table = by_group(rows, ["bad"] * 100 + ["good"] * 300)
    assert table["group"].values.tolist() == ["bad", "good"]
    assert table["count"].values.tolist() == [100, 300]
    part = rows.isel(obs=slice(100))
    np.testing.assert_allclose(table["lpd"].sel(group="bad"), part["lpd"].mean())
    np.testing.assert_allclose(table["lpd_se"].sel(group="bad"), part["lpd"].std(ddof=1) / 10)
    np.testing.assert_allclose(table["coverage"].sel(group="bad"), (abs(part["pit"] - 0.5) <= 0.45).mean())
    np.testing.assert_allclose(table["bias"].sel(group="bad"), part["standardized"].mean())
    assert table.attrs["note"] == "coverage is below what chance allows in group 'bad'."


@pytest.mark.parametrize("make", [number_rows, class_rows])
def test_a_group_of_one_is_said_to_tell_nothing(make):
    rows = make(50)
    table = by_group(rows, ["all"] * 49 + ["alone"])
    assert "group 'alone' has 1 row: nothing can be said of it." in table.attrs["note"]
    assert np.isnan(table["lpd_se"].sel(group="alone"))
    assert np.isfinite(table["lpd_se"].sel(group="all"))


@pytest.mark.slow
def test_chance_marks_few_groups():
    noted = [by_group(number_rows(400, seed=s), np.arange(400) % 8).attrs["note"] for s in range(40)]
    alarms = sum(note != "no group stands out." for note in noted)
    assert stats.binomtest(alarms, 40, 0.05, "greater").pvalue > 0.001
    wide = [
        by_group(class_rows(400, sharpen=3.0, seed=s), np.arange(400) % 2).attrs["note"] for s in range(5)
    ]
    assert all("accuracy is below what chance allows" in note for note in wide)


def test_no_group_is_lost_to_another_of_the_same_name():
    table = by_group(number_rows(), 1.7e9 + np.arange(400), slices=4)
    assert table["count"].values.tolist() == [100] * 4
    assert table["group"].values[0] == "1.7e+09 to 1.7000001e+09"
    with pytest.raises(DataError, match="different groups have the same name"):
        by_group(number_rows(), [1, "1"] * 200)


def test_numbers_are_cut_into_slices_and_groups_may_overlap():
    rows, x = class_rows(200), np.linspace(0, 1, 200)
    table = by_group(rows, x, slices=4)
    assert table.sizes["group"] == 4
    assert (table["count"] == 50).all()
    assert table["group"].values[0] == "0 to 0.246231"
    both = by_group(rows, {"low": x < 0.6, "high": x > 0.4})
    assert int(both["count"].sum()) > 200
    np.testing.assert_allclose(both["accuracy"].sel(group="low"), rows["correct"].values[x < 0.6].mean())
    assert by_group(rows, np.arange(200) % 2).sizes["group"] == 2


def test_groups_that_make_no_sense_are_refused():
    rows = number_rows(10)
    with pytest.raises(DataError, match="one value for each of the 10 rows; got 9"):
        by_group(rows, ["a"] * 9)
    with pytest.raises(DataError, match="the value of row 3 is missing"):
        by_group(rows, [1.0, 2.0, 3.0, np.nan] + [1.0] * 6)
    with pytest.raises(DataError, match="no row is in group 'none'"):
        by_group(rows, {"none": np.zeros(10, bool)})
    with pytest.raises(DataError, match="10 booleans"):
        by_group(rows, {"a": [True]})
