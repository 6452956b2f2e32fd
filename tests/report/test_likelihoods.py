"""Reports of responses that are no plain numbers: times known in part, and angles."""

import numpy as np
import pytest

import pbnn
from pbnn.spec.likelihoods import VonMises, Weibull
from pbnn.spec.network import Network

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 1))
VISITS = np.ceil(2 * rng.weibull(1.5, 30))
CASES = {
    "censored": (
        Weibull(),
        pbnn.right_censored(rng.weibull(1.5, 30), np.arange(30) % 3 > 0),
        (
            "known for 20 rows and in part for 10",
            "for the 20 times that are known exactly",
            "times known in part count by",
        ),
    ),
    "between visits": (
        Weibull(),
        pbnn.censored(VISITS - 1, VISITS),
        ("known for 0 rows and in part for 30.", "cannot be said, for no time is known exactly"),
    ),
    "angles": (
        VonMises(),
        np.pi + 0.1 * rng.normal(size=30),
        ("The response is an angle, in radians: y has the mean direction",),
    ),
}


@pytest.mark.nightly
@pytest.mark.parametrize("name", CASES)
def test_a_report_says_what_the_response_is(name, tmp_path):
    likelihood, y, words = CASES[name]
    bnn = pbnn.build(Network([], likelihood), X, y)
    idata = pbnn.fit(bnn, pbnn.Laplace(draws=50), seed=1)
    pbnn.report(bnn, idata, tmp_path / "report.html", X[::2], y[::2])
    pbnn.report(bnn, idata, tmp_path / "report.html")
    text = " ".join((tmp_path / "report.html").read_text(encoding="utf-8").split())
    for part in words:
        assert part in text
    assert "nan" not in text.split("<svg")[0].lower().split()
