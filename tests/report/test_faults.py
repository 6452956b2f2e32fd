"""Reports from data that have too little of something, or too much."""

import numpy as np
import pandas as pd
import pytest

from pbnn.graph.build import build
from pbnn.report import report
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Categorical
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal
from tests.report.conftest import fit_from_prior
from tests.report.test_report import Page

pytestmark = pytest.mark.slow


def test_without_a_response_it_leaves_out_what_needs_one(fits, tmp_path):
    fit = fits["table"]
    far = fit.X_test.assign(z=fit.X_test["z"] + 20)
    file = report(fit.bnn, fit.idata, tmp_path / "r.html", fit.X_test, X_out=far)
    text = Page(file.read_text(encoding="utf-8")).text
    assert "could not be made" not in text
    reason = "not shown, because it compares predictions with observations, and no y_test came with X_test."
    for title in (
        "Predicted against observed: u",
        "Residuals: v",
        "Scores",
        "Worst predicted rows",
        "Groups: u",
    ):
        assert title in " ".join(text.split(reason)[:-1])
    assert text.count(reason) >= 5
    assert "Scores are of" not in text
    assert "Nobody has observed yet what it predicts for the 15 new rows given" in text
    assert "The new rows that the fit knows least about" in text
    assert "Unfamiliar inputs." in text
    assert "AUROC" in text
    assert "nan" not in text.lower().split()


def test_many_classes_and_features_one_draw_and_a_test_set_of_one_class(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"feature {i}" for i in range(100)]
    X = pd.DataFrame(rng.normal(size=(420, 100)), columns=names)
    X["feature 0"] = np.where(np.arange(420) == 401, 7, 1)  # a group with one member
    y = np.array([f"class {i % 200}" for i in range(420)])
    network = Network([Dense(3)], Categorical(), weights=Normal(scale=0.3), biases=Normal(scale=0.3))
    bnn = build(network, X[:400].assign(**{"feature 0": rng.normal(size=400)}), y[:400])
    idata = fit_from_prior(bnn, chains=1, draws=1)
    same = np.full(20, "class 7")
    html = report(bnn, idata, tmp_path / "r.html", X[400:], same).read_text(encoding="utf-8")
    text = Page(html).text
    assert "could not be made" not in text
    assert "Of 100 inputs the first 4 are shown." in text
    assert "12 of 100 inputs, those with which predictions vary most" in text
    assert "each of 200 classes would be watched by itself" in text
    assert "nan" not in text.lower().split()
    assert len(html) < 3e6
