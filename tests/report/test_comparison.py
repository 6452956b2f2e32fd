"""The page that compares fits: right about which is best, complete, and honest about what it cannot say."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pbnn
from pbnn.errors import DataError, FileError, ModelError, ShapeError
from pbnn.report.comparison.facts import Comparison
from pbnn.report.comparison.summary import summarize_comparison
from pbnn.report.words import number, percent
from tests.report.conftest import FITS
from tests.report.test_report import Page
from tests.rivals import truth_and_blind, without_data

pytestmark = pytest.mark.slow

SECTIONS = ["prediction", "weights", "scores", "calibration", "disagreement", "models"]


@pytest.fixture(scope="module")
def rivals():
    return truth_and_blind()


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Write a page, and read it."""
    folder = tmp_path_factory.mktemp("comparisons")

    def page(models, *held_out, **options) -> Page:
        return Page(
            pbnn.report_comparison(models, folder / "compare.html", *held_out, **options).read_text("utf-8")
        )

    return page


@pytest.fixture(scope="module")
def judged(rivals, write) -> Page:
    """With held-out rows."""
    return write(*rivals)


@pytest.fixture(scope="module")
def left_out(rivals, write) -> Page:
    """Without."""
    return write(rivals[0])


def halves(fit):
    """Return two halves of the draws of a fit as models of their own."""
    n = fit.idata["posterior"].sizes["draw"]
    models = {}
    for part, draws in {"first half": slice(0, n // 2), "second half": slice(n // 2, n)}.items():
        idata = fit.idata.copy()
        for group in ("posterior", "sample_stats"):
            idata[group] = xr.DataTree(fit.idata[group].to_dataset().isel(draw=draws))
        models[part] = (fit.bnn, idata)
    return models


def head_of(models, *held_out):
    """Return what stands above the chapters, in one text."""
    head = summarize_comparison(Comparison.of(models, *(held_out or (None, None)), 0), None)
    return f"{head.paragraph} {head.banner}. {head.verdict}".replace("`", "").replace("\xa0", " ")


# ------------------------------------------------------------------------------------------------- every page


@pytest.mark.parametrize("page", ["judged", "left_out"])
def test_is_a_whole_page(page, request):
    page = request.getfixturevalue(page)
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS
    assert [attrs["href"] for attrs in page.all("a")] == [f"#{id_}" for id_ in SECTIONS]
    assert "could not be made" not in page.text
    assert not {"nan", "inf", "None"} & set(page.text.split())
    images = page.all("img")
    assert len(images) >= 4
    for attrs in images:
        assert attrs["src"].startswith("data:image/")
        assert len(attrs["alt"]) > 20


def test_says_which_is_best_and_by_how_much(judged, rivals):
    models, X, y = rivals
    table = pbnn.compare_models(models, X, y)
    assert table.attrs["best"] in ("truth", "point")
    assert number(float(table["elpd"][0]), 4) in judged.text
    assert number(-float(table["elpd_difference"][2])) in judged.text
    assert "noisy is clearly behind." in judged.text
    assert table.attrs["verdict"] in judged.text
    assert "60 rows that were held out" in judged.text


def test_a_clear_winner_is_called_one(rivals):
    models, X, y = rivals
    pair = {name: models[name] for name in ("noisy", "truth")}
    text = head_of(pair, X, y)
    table = pbnn.compare_models(pair, X, y)
    times = number(np.exp(-float(table["elpd_difference"][1]) / 60))
    assert f"for {times} times as likely as noisy did" in text
    assert "truth predicts best, " in text
    assert "That is more than chance" in text
    facts = Comparison.of(pair, X, y, 0)
    assert summarize_comparison(facts, None).trust == "yes"
    # As it would be with rows that cannot be left out by reweighting.
    facts.table["n_bad"][0] = 1
    assert summarize_comparison(facts, None).trust == "caution"


def test_weights_come_from_the_training_rows_and_spare_the_others(rivals, write):
    models, X, y = rivals
    pair = {name: models[name] for name in ("noisy", "truth")}
    weights = pbnn.compare_models(pair)["stacking"]
    facts = Comparison.of(pair, X, y, 0)
    assert not facts.weights_know_the_rows
    np.testing.assert_allclose(facts.weighed["stacking"].sel(model="truth"), weights.sel(model="truth"))
    page = write(pair, X, y, title="A title of one's own")
    assert "A title of one's own" in page.text
    assert "chosen on the training rows, each left out in turn" in page.text
    assert percent(round(float(weights.sel(model="truth")), 4)).replace("\xa0", " ") in page.text
    assert "stacked average" in page.text
    mixed, tree = pbnn.average(pair, weights)
    lpd = pbnn.assess.pointwise(mixed, tree, X, y, seed=0)["lpd"]
    # What the page says of the mixture, by the densities of its members, is what the average has, but for thinning.
    np.testing.assert_allclose(float(facts.mixture["elpd"]), lpd.sum(), atol=0.5)


def test_without_held_out_rows_it_leaves_rows_out(left_out, rivals):
    models, *_ = rivals
    pair = {name: models[name] for name in ("noisy", "truth")}
    table = pbnn.compare_models(pair)
    assert number(float(table["elpd"][0]), 4) in left_out.text
    assert "the 40 rows of training, each predicted from the others" in left_out.text
    assert (
        "point is not among those compared, because it has too few draws of the weights (1)" in left_out.text
    )
    assert "Scores: not shown, because no rows were held out." in left_out.text
    assert "The weights were chosen on these very rows" in left_out.text


def test_points_without_held_out_rows_cannot_be_compared_and_it_says_so(rivals, write):
    models, *_ = rivals
    page = write({"a": models["point"], "b": models["point"]})
    assert "Which predicts best cannot be said: a has too few draws of the weights (1)" in page.text
    assert "Log densities: not shown" in page.text
    assert "could not be made" not in page.text
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS


def test_twins_are_too_close_to_call(rivals):
    models, X, y = rivals
    text = head_of({"a": models["truth"], "b": models["truth"]}, X, y)
    assert "No clear winner." in text
    assert "That may be chance" in text


# ---------------------------------------------------------------------------------------------- other responses


@pytest.mark.nightly
def test_two_outputs(write):
    fit = FITS["table"]()
    page = write(halves(fit), fit.X_test, fit.y_test)
    for words in ("Energy score", "Outputs: u, v.", "output v; by each model"):
        assert words in page.text
    assert "could not be made" not in page.text
    assert "nan" not in page.text.split()


@pytest.mark.nightly
def test_models_of_other_columns_compare_but_do_not_average(write):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    y = X["a"] + X["b"] + 0.3 * rng.normal(size=60)
    models = {}
    for columns in (["a", "b"], ["b"]):
        net = pbnn.Network([], pbnn.likelihoods.Gaussian(noise=0.3))
        bnn = pbnn.build(net, X[columns][:40], y[:40])
        models[" and ".join(columns)] = (bnn, pbnn.fit(bnn, pbnn.MAP(starts=1), seed=1, progress=False))
    page = write(models, X[40:], y[40:])
    assert "a and b predicts best, " in page.text
    assert "Scores of the stacked average: not shown, because" in page.text
    assert "only models of the same columns" in page.text


def test_an_average_is_a_model_too(rivals, write):
    models, X, y = rivals
    pair = {name: models[name] for name in ("noisy", "truth")}
    page = write({**pair, "mixed": pbnn.average(pair, "equal")}, X, y)
    assert "An average of noisy and truth" in page.text
    assert "could not be made" not in page.text


# ------------------------------------------------------------------------------------------------ bad input


def test_refuses_what_does_not_compare(rivals, tmp_path):
    models, X, y = rivals
    out = tmp_path / "compare.html"
    others, *_ = truth_and_blind(n=30)
    with pytest.raises(DataError, match=r"shape \(30,\) and 'a' of \(40,\)"):
        pbnn.report_comparison({"a": models["truth"], "b": others["truth"]}, out)
    with pytest.raises(ModelError, match="at least two models"):
        pbnn.report_comparison({"a": models["truth"]}, out)
    with pytest.raises(ModelError, match=r"'b' must be \(bnn, idata\)"):
        pbnn.report_comparison({"a": models["truth"], "b": 3}, out)
    with pytest.raises(DataError, match="pass both"):
        pbnn.report_comparison(models, out, X)
    with pytest.raises(ShapeError, match="'noisy': X must have"):
        pbnn.report_comparison(models, out, X[:, :1], y)
    with pytest.raises(DataError, match="60 rows and y_test has 59"):
        pbnn.report_comparison(models, out, X, y[:-1])
    with pytest.raises(FileError, match="is a folder"):
        pbnn.report_comparison(models, tmp_path)
    assert not out.exists()


def test_fits_of_other_rows_compare_on_held_out_ones(rivals):
    models, X, y = rivals
    others, *_ = truth_and_blind(n=30)
    facts = Comparison.of({"a": models["noisy"], "b": others["truth"]}, X, y, 0)
    assert facts.left_out[0] is None
    assert "judge all models on the same rows" in facts.left_out[1]
    assert facts.weights_know_the_rows


@pytest.mark.nightly
def test_runs_without_their_data_need_held_out_rows(rivals, write, tmp_path):
    models, X, y = rivals
    bare = without_data(*models["truth"], tmp_path / "bare.nc")
    both = {"bare": bare, "noisy": models["noisy"]}
    with pytest.raises(DataError, match="'bare' has come without its training data"):
        write(both)
    page = write(both, X, y)
    assert "bare predicts best" in page.text
    assert "bare has come without its training data" in page.text
