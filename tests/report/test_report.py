"""The report of every kind of fit: complete, self-contained, valid, and honest about what is missing."""

import re
from html.parser import HTMLParser
from importlib import import_module

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from pbnn.errors import DataError, FileError, ModelError, PbnnWarning, ShapeError
from pbnn.report import report
from tests.report.conftest import FITS, HOSTILE

pytestmark = pytest.mark.slow

VOID = {"meta", "img", "br", "line", "circle", "rect", "hr", "input", "link"}


class Page(HTMLParser):
    """Collects elements, and complains of tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "unclosed elements"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).replace("\xa0", " ").split())


@pytest.fixture(scope="session", params=FITS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def page(pages, name) -> Page:
    return Page(pages[name])


# ------------------------------------------------------------------------------------------------- every report


def test_has_all_sections_and_links_to_them(page):
    ids = [attrs["id"] for attrs in page.all("section")]
    assert ids == [
        "fit",
        "calibration",
        "weak-spots",
        "uncertainty",
        "unfamiliar",
        "convergence",
        "checks",
        "model",
        "prior",
        "sensitivity",
        "provenance",
    ]
    assert [attrs["href"] for attrs in page.all("a")] == [f"#{id_}" for id_ in ids]
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == len(ids)
    assert page.all("html") == [{"lang": "en"}]
    everything = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(set(everything)) == len(everything)


def test_needs_nothing_from_outside(page, pages, name):
    for _, attrs in page.elements:
        for key in ("src", "href", "action", "data", "srcset"):
            assert attrs.get(key, "#").startswith(("#", "data:image/"))
    assert not page.all("script")
    assert not page.all("link")
    style = pages[name].split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style


def test_every_image_speaks(page):
    images = page.all("img")
    assert len(images) >= 5
    for attrs in images:
        assert len(attrs["alt"]) > 20
        assert int(attrs["width"]) > 100
    drawings = [attrs for attrs in page.all("svg") if attrs.get("aria-hidden") != "true"]
    for attrs in drawings:
        assert attrs["role"] == "img"
        assert attrs["aria-label"]
    assert drawings
    assert len(page.all("figcaption")) >= len(images)


def test_nothing_failed_and_it_stays_small(page, pages, name):
    assert "could not be made" not in page.text
    assert "nan" not in page.text.lower().split()
    assert len(pages[name]) < 3e6


def test_says_how_it_came_about(page):
    for words in ("SHA-256", "seed of the fit", "1 min 23 s", "float64", "Draws from the prior."):
        assert words in page.text
    assert '"type": "root.Network"' in page.text


def test_does_not_trust_draws_from_the_prior(page, pages, name):
    # The point and the approximation have no chains that could disagree: caution at least.
    assert 'class="verdict yes"' not in pages[name]


# ------------------------------------------------------------------------------------------------- what differs


def words_of(pages, name) -> str:
    return Page(pages[name]).text


def test_without_held_out_data_it_says_that_it_flatters(pages):
    text = words_of(pages, "curve")
    assert "On the very 60 examples it learned from, which flatters it," in text
    assert "Next step: test it on examples it has not seen." in text
    assert "No held-out data were given" in text
    assert "held-out data" not in text.split("Provenance")[0]


def test_with_held_out_data_it_is_judged_on_them(pages):
    text = words_of(pages, "moons")
    assert "On 15 examples that it had not seen, it names the right class for" in text
    assert "Scores are of the held-out data." in text


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        (
            "curve",
            [
                "The fit.",
                "Residuals.",
                "Calibration (PIT).",
                "Energy.",
            ],
        ),
        (
            "table",
            [
                "Predicted against observed: u.",
                "Residuals: v.",
                "Calibration at all levels (PIT-ECDF): v.",
                "Groups: u.",
                "Held-out rows against training rows.",
                "Optimisation.",
                "Prior predictive: v.",
                "Sensitivity to the prior.",
            ],
        ),
        ("moons", ["Prediction.", "Epistemic uncertainty.", "Confusion matrix.", "Reliability: yes."]),
        (
            "species",
            [
                "Class probabilities.",
                "Reliability.",
                "Calibration of each class.",
                "Reliability: mid.",
                "Optimisation.",
            ],
        ),
        (
            "counts",
            [
                "The fit.",
                "Coverage of intervals.",
                "Posterior predictive check.",
                "Trace of the log density.",
            ],
        ),
    ],
)
def test_has_the_figures_of_its_kind(name, titles, pages):
    text = words_of(pages, name)
    for title in titles:
        assert title in text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "table",
            "R-hat over inputs, Effective draws over inputs, Trace of the log density, Ranks of the log density, "
            "Energy: not shown, because draws of an approximation are independent",
        ),
        ("table", "LOO-PIT): not shown, because it is made for a single output."),
        ("curve", "would change the fit too much to be left out by reweighting"),
        ("moons", "LOO-PIT): not shown, because classes have no order"),
        ("species", "Two kinds of uncertainty: not shown, because the fit is a single point"),
        (
            "species",
            "Sensitivity to the prior: not shown, because map gives optima, not draws from a posterior",
        ),
        ("curve", "Calibration at all levels (PIT-ECDF): not shown, because no held-out data were given."),
        (
            "curve",
            "Held-out rows against training rows, Separation: not shown, because there are no other rows",
        ),
    ],
)
def test_says_why_a_figure_is_missing(name, reason, pages):
    assert reason in words_of(pages, name)


def test_names_of_columns_are_text_and_nothing_else(pages):
    assert "<script" not in pages["table"]
    assert HOSTILE in words_of(pages, "table")


JARGON = (
    "epistemic",
    "aleatoric",
    "posterior",
    "prior",
    "rmse",
    "nats",
    "r-hat",
    "calibrat",
    "likelihood",
    "density",
    "chain",
    "sampl",
    "network",
)


def test_begins_with_a_paragraph_that_needs_no_training(pages, name):
    page = pages[name].replace("\xa0", " ")
    first = page.split('<p class="lead">')[1].split("</p>")[0]
    assert first.startswith("This model predicts ")
    assert "Next step: " in first
    assert not [word for word in JARGON if word in first.lower()]


def test_scores_have_both_errors(pages):
    text = words_of(pages, "table")
    for words in ("energy score of all outputs", "Monte Carlo error", "score ↓", "Quantile (pinball) loss"):
        assert words in text
    line = pages["table"].split("<td>energy score")[1].split("</tr>")[0]
    assert len(re.findall(r">[\d.]+</td>", line)) == 3
    assert "area under the ROC curve ↑" in words_of(pages, "moons")


def test_the_pointer_shows_values_and_a_table_too(pages):
    html = pages["table"]
    assert "<title>row 45: observed " in html  # its label in the index
    assert "Values of this figure as a table" in html
    assert "<title>x0 " in pages["curve"]


def test_names_weak_rows_and_groups(pages):
    text = words_of(pages, "table")
    assert "with the lowest log density" in text
    assert "kind: a" in text
    assert "times as far out" in text


# -------------------------------------------------------------------------------------------------- what can go wrong


def test_what_fails_costs_only_itself(fits, tmp_path, monkeypatch):
    def broken(*args, **options):
        raise ValueError("boom <b>")

    # By module: the names `pbnn.report` and `pbnn.predict` are those of functions.
    monkeypatch.setattr(import_module("pbnn.report.sections.fit"), "plot_probabilities", broken)
    monkeypatch.setattr(import_module("pbnn.report.facts"), "diagnose", broken)
    with pytest.warns(PbnnWarning) as warned:
        html = fits["species"].report(tmp_path / "r.html", title="Penguins & <friends>")
    messages = [str(w.message) for w in warned]
    assert any("'Class probabilities' failed (ValueError: boom <b>)" in message for message in messages)
    assert any("could not be judged (ValueError: boom <b>)" in message for message in messages)

    text = Page(html).text
    assert "Class probabilities: could not be made (ValueError: boom <b>)." in text
    assert "Confusion matrix." in text, "the other figures are there"
    assert 'class="verdict no"' in html, "what cannot be judged is not trusted"
    assert "Do not trust the predictions" in text
    assert "<h1>Penguins &amp; &lt;friends&gt;</h1>" in html


def test_same_seed_same_report_and_nothing_else_changed(fits, pages, tmp_path):
    settings, numbers = dict(mpl.rcParams), plt.get_fignums()
    again = fits["species"].report(tmp_path / "r.html")

    def undated(text: str) -> list[str]:
        return [line for line in text.splitlines() if "report written" not in line]

    assert undated(again) == undated(pages["species"])
    assert plt.get_fignums() == numbers
    assert dict(mpl.rcParams) == settings


def test_a_folder_that_is_not_there(fits, tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        fits["curve"].report(tmp_path / "missing" / "r.html")
    with pytest.raises(FileError, match="is a folder; name a file in it"):
        fits["curve"].report(tmp_path)


def test_held_out_data_that_do_not_fit(fits, tmp_path):
    fit, path = fits["moons"], tmp_path / "r.html"
    with pytest.raises(DataError, match="y_test came without its inputs"):
        report(fit.bnn, fit.idata, path, None, fit.y_test)
    missing = fit.X_test.copy()
    missing[[3, 5], 1] = np.nan
    with pytest.raises(DataError, match=r"report: X column 'x1' is missing \(NaN\) in row 3, and 1 more"):
        report(fit.bnn, fit.idata, path, missing, fit.y_test)
    with pytest.raises(DataError, match=r"report: y is missing .* row 2"):
        report(fit.bnn, fit.idata, path, fit.X_test, fit.y_test.mask(np.arange(len(fit.y_test)) == 2))
    with pytest.raises(ShapeError, match=r"shape \(obs, 2\)"):
        report(fit.bnn, fit.idata, path, X_out=fit.X_test[:, :1])
    with pytest.raises(DataError, match="15 rows and y_test has 14"):
        report(fit.bnn, fit.idata, path, fit.X_test, fit.y_test[1:])
    with pytest.raises(ShapeError, match=r"shape \(obs, 2\)"):
        report(fit.bnn, fit.idata, path, fit.X_test[:, :1], fit.y_test)
    assert not path.exists()


def test_what_is_no_fit(fits, tmp_path):
    fit = fits["moons"]
    with pytest.raises(ModelError, match=r"pbnn\.build"):
        report(fit.bnn.model, fit.idata, tmp_path / "r.html")
    bare = fit.idata.copy().drop_nodes("sample_stats")
    with pytest.raises(ModelError, match="no group 'sample_stats'"):
        report(fit.bnn, bare, tmp_path / "r.html")
    for group in ("constant_data", "observed_data"):
        with pytest.raises(ModelError, match="come without its training data, which the report shows"):
            report(fit.bnn, fit.idata.copy().drop_nodes(group), tmp_path / "r.html")
