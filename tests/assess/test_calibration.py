import numpy as np
import pytest
import xarray as xr
from scipy import stats

from pbnn.assess import confusion, coverage, pit_histogram, reliability
from pbnn.errors import DataError


def class_rows(n=3000, classes=3, sharpen=1.0, seed=0):
    """Rows whose labels follow the true probabilities, and whose predicted ones are those, sharpened."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet([1.0] * classes, size=n)
    codes = (rng.uniform(size=(n, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    p = truth**sharpen
    p /= p.sum(axis=1, keepdims=True)
    labels = np.array([f"c{i}" for i in range(classes)])
    predicted = p.argmax(axis=1)
    return xr.Dataset(
        {
            "p": (("obs", "class"), p),
            "confidence": ("obs", p.max(axis=1)),
            "correct": ("obs", (predicted == codes).astype(float)),
            "observed_code": ("obs", codes),
            "predicted_code": ("obs", predicted),
        },
        coords={"class": labels},
        attrs={"kind": "classes"},
    )


def number_rows(pit):
    return xr.Dataset({"pit": ("obs", pit)}, attrs={"kind": "continuous"})


@pytest.mark.parametrize("label", [None, "c1"])
@pytest.mark.parametrize(("sharpen", "ok"), [(1.0, True), (2.0, False)])
def test_calibrated_probabilities_have_the_ece_of_chance(label, sharpen, ok):
    table = reliability(class_rows(sharpen=sharpen), label=label)
    within = (table["lower"] <= table["observed"]) & (table["observed"] <= table["upper"])
    # Of 15 bins at 95 %: at least 11 inside with probability 0.999.
    assert (int(within.sum()) >= 11) == ok
    assert (abs(float(table["ece"] - table["ece_if_calibrated"])) < 4 * float(table["ece_se"])) == ok


def test_ece_by_chance_is_what_calibrated_data_give_on_average():
    tables = [reliability(class_rows(n=500, seed=s)) for s in range(60)]
    ece = np.array([float(t["ece"]) for t in tables])
    chance = np.mean([float(t["ece_if_calibrated"]) for t in tables])
    assert abs(ece.mean() - chance) < 4 * ece.std(ddof=1) / 60**0.5


@pytest.mark.parametrize(("sharpen", "ok"), [(1.0, True), (1.7, False)])
def test_calibrated_data_seldom_exceed_the_limit_of_chance(sharpen, ok):
    tables = [reliability(class_rows(n=300, seed=s, sharpen=sharpen)) for s in range(100)]
    over = sum(float(t["ece"]) > float(t["ece_limit"]) for t in tables)
    # Once in a hundred at most: seven times with a probability of 1e-4.
    assert (over < 7) == ok


def test_bins_hold_about_equal_counts_and_equal_probabilities_share_one():
    rows = class_rows(n=1000)
    table = reliability(rows, bins=10)
    assert (table["count"] == 100).all()
    np.testing.assert_allclose((table["count"] * table["observed"]).sum(), rows["correct"].sum())
    gap = abs(table["observed"] - table["predicted"])
    np.testing.assert_allclose(table["ece"], (gap * table["count"]).sum() / 1000)
    rows["confidence"][:] = 1.0
    assert reliability(rows, bins=10).sizes["bin"] == 1
    assert reliability(rows.isel(obs=slice(30))).attrs["bins"] == 1
    assert np.isnan(reliability(rows.isel(obs=[0]))["ece_se"])


def test_confusion_counts_every_row_once():
    rows = class_rows(n=200)
    table = confusion(rows)
    assert int(table["count"].sum()) == 200
    assert int(table["count"].sel(observed_class="c1").sum()) == int((rows["observed_code"] == 1).sum())
    np.testing.assert_allclose(np.trace(table["count"]) / 200, rows["correct"].mean())
    np.testing.assert_allclose(table["share"].sum("predicted_class"), 1)
    never = confusion(rows.isel(obs=rows["observed_code"].to_numpy() != 1))
    assert np.isnan(never["share"].sel(observed_class="c1")).all()


@pytest.mark.parametrize(("spread", "ok"), [(1.0, True), (1.3, False)])
def test_coverage_of_uniform_ranks_is_the_level(spread, ok):
    u = stats.norm.cdf(spread * np.random.default_rng(0).normal(size=2000))
    table = coverage(number_rows(u))
    inside = (table["lower"] <= table["coverage"]) & (table["coverage"] <= table["upper"])
    # The levels of one data set go together: ask for most of them.
    assert (int(inside.sum()) >= 14) == ok
    np.testing.assert_allclose(
        coverage(number_rows(np.array([0.01, 0.3, 0.5])), [0.5, 0.99])["coverage"], [2 / 3, 1]
    )


@pytest.mark.parametrize(
    ("shape", "ranks"),
    [
        ("about right", lambda z: z),
        ("too narrow", lambda z: 1.5 * z),
        ("too wide", lambda z: 0.6 * z),
        ("too low", lambda z: z + 0.5),
        ("too high", lambda z: z - 0.5),
    ],
)
def test_the_histogram_of_ranks_is_put_into_words(shape, ranks):
    z = np.random.default_rng(3).normal(size=500)
    table = pit_histogram(number_rows(stats.norm.cdf(ranks(z))))
    assert str(table["shape"].item()) == shape
    assert (float(table["p_value"]) > 0.01) == (shape == "about right")
    assert int(table["count"].sum()) == 500
    np.testing.assert_allclose((table["density"] * (table["right"] - table["left"])).sum(), 1)


def test_each_output_has_its_own_histogram_and_coverage():
    u = np.random.default_rng(4).uniform(size=(400, 2))
    rows = xr.Dataset({"pit": (("obs", "output"), u ** [1.0, 3.0])}, coords={"output": ["a", "b"]})
    table = pit_histogram(rows, bins=10)
    assert table["count"].dims == ("bin", "output")
    assert table["shape"].values.tolist() == ["about right", "too high"]
    assert coverage(rows)["coverage"].dims == ("level", "output")
    assert np.isnan(pit_histogram(rows.isel(obs=slice(5)))["p_value"]).all()


def test_tables_refuse_rows_of_the_wrong_kind():
    numbers, classes = number_rows(np.full(5, 0.5)), class_rows(n=20)
    for table in (reliability, confusion):
        with pytest.raises(DataError, match=f"{table.__name__}: needs the rows .* of a classifier"):
            table(numbers)
    for table in (coverage, pit_histogram):
        with pytest.raises(DataError, match=f"{table.__name__}: needs the rows .* of a regression"):
            table(classes)
    with pytest.raises(DataError, match="unknown class 'c9'; known: c0, c1, c2"):
        reliability(classes, label="c9")
