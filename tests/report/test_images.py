"""The report of a network on images speaks of images and channels, never of single pixels."""

import re

import numpy as np
import pytest

from pbnn.graph.build import build
from pbnn.report import report
from pbnn.spec.layers import Flatten
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal
from tests.report.conftest import fit_from_prior


@pytest.mark.slow
def test_images(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal([0.0, 10.0], size=(40, 3, 2, 2))
    y = X[:, 0, 0, 0] + rng.normal(size=40)
    network = Network([Flatten()], Gaussian(), weights=Normal(scale=0.5), biases=Normal(scale=0.5))
    bnn = build(network, X[:30], y[:30])
    path = report(bnn, fit_from_prior(bnn), tmp_path / "r.html", X[30:], y[30:])
    text = path.read_text(encoding="utf-8")
    assert "from images of 3×2 pixels and 2 channels" in text
    assert "12 input columns (images of 3×2 pixels and 2 channels)" in text
    second = re.sub("<.*?>", " ", text[text.index("channel 1<") :][:300]).split()
    assert float(second[3]) == pytest.approx(X[:30, ..., 1].mean(), rel=1e-2)
    assert "knows least about" in text
    assert "x[0,0,0]" not in text
