"""The page of a search: complete, self-contained, and careful with the word "best"."""

import html
import re

import numpy as np
import optuna
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.errors import DataError, FileError, MethodError
from pbnn.report.study.facts import StudyFacts
from pbnn.report.study.summary import summarize_study
from pbnn.search import Choice, Int, Score, optimize
from pbnn.search.attributes import STOPPED
from tests.report.test_report import Page

pytestmark = pytest.mark.slow

SECTIONS = ["best", "course", "parameters", "provenance"]


def wide_is_good(network, method, X, y, seed):
    """Score the width, with noise that hangs on it alone; one activation never works."""
    layer = network.layers[0]
    if layer.activation == "sin":
        raise ValueError("<no> sines")
    rng = np.random.default_rng(layer.units)
    return Score(np.log2(layer.units) + 0.2 * rng.normal(), se=0.2)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    network = pbnn.Network(
        [pbnn.Dense(Int(2, 64, log=True), Choice("tanh", "relu", "sin"))], likelihoods.Gaussian()
    )
    X = np.linspace(-1, 1, 20)[:, None]
    return optimize(
        network,
        X,
        X[:, 0],
        objective=wide_is_good,
        budget=14,
        storage=f"sqlite:///{folder / 'study.db'}",
        sampler=optuna.samplers.RandomSampler(seed=1),
        seed=1,
    )


@pytest.fixture(scope="module")
def source(searched, tmp_path_factory) -> str:
    return pbnn.report_study(searched, tmp_path_factory.mktemp("page") / "study.html").read_text("utf-8")


@pytest.fixture(scope="module")
def page(source) -> Page:
    return Page(source)


def test_has_all_parts(page, searched):
    assert [attrs["id"] for attrs in page.all("section")] == SECTIONS
    assert "could not be made" not in page.text
    assert "not shown, because" not in page.text
    titles = ("The best few.", "History.", "Importance.", "h0_units.", "h0_activation.", "All trials.")
    assert all(title in page.text for title in titles)
    assert not page.all("script")
    assert all(image["src"].startswith("data:") and image["alt"] for image in page.all("img"))


def test_says_what_to_take_and_how_sure_that_is(page, source, searched):
    found = searched.recommendation
    assert f"The one to take is that of trial {found.number}" in page.text
    assert f"{100 * found.p_best:.0f} % it is the best of the {len(found.table)}" in page.text
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", source, re.DOTALL)[1]
    assert pbnn.Network.from_json(html.unescape(shown)) == searched.recommended


def test_lists_what_failed_and_why(page, searched):
    failed = sum(t.state.name == "FAIL" for t in searched.study.trials)
    assert failed >= 2
    assert f"{failed} trials of 14 have no score that counts" in page.text
    assert "ValueError: <no> sines" in page.text


def test_says_where_the_study_is_and_how_to_look_at_it(page):
    assert "optuna-dashboard sqlite:///" in page.text
    assert "RandomSampler" in page.text
    assert "optuna 5" in page.text


def test_the_luckiest_trial_is_explained():
    study = optuna.create_study(direction="minimize")
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    for i, x in enumerate(np.linspace(0, 1, 12)):
        # The third is far from the best, and has a loss that its neighbours do not have.
        study.add_trial(
            optuna.trial.create_trial(
                params={"x": float(x)},
                distributions=space,
                value=4 * (x - 0.8) ** 2 - 2.0 * (i == 2),
                user_attrs={"pbnn:se": 0.8},
            )
        )
    facts = StudyFacts.of(study, 0)
    head = summarize_study(facts, None)
    assert facts.recommendation.number != 2
    assert "was that of trial 2. It is not recommended" in head.paragraph
    assert "less is better" in head.technical
    assert facts.network is None
    assert "ended after" not in head.paragraph
    why = {"gain": 2e-4, "seconds": 20.0, "per_second": 1e-5, "stop_below": 2e-5, "number": None}
    study.set_user_attr(STOPPED, why | {"trials": 12, "asked": 11})
    assert "The search ended after 12 trials: another, of 20 s, " in summarize_study(facts, None).paragraph


def test_a_study_without_much_leaves_lines_that_say_so(tmp_path):
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    page = Page(pbnn.report_study(study, tmp_path / "study.html", title="Two").read_text("utf-8"))
    assert "not shown, because there are only 2 scores that count." in page.text
    assert "without standard errors" in page.text
    assert "in memory" in page.text


def test_what_is_no_search_is_refused(tmp_path):
    with pytest.raises(MethodError, match=r"expected what pbnn.search.optimize returns.*got a dict"):
        pbnn.report_study({}, tmp_path / "study.html")
    with pytest.raises(DataError, match="run some first"):
        pbnn.report_study(optuna.create_study(), tmp_path / "study.html")
    with pytest.raises(FileError, match="there is no folder"):
        pbnn.report_study(optuna.create_study(), tmp_path / "no" / "study.html")
