"""One short fit that many tests look at, and a way to press ctrl-C at a chosen step."""

from contextlib import contextmanager
from importlib import import_module

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from pbnn.graph.build import build
from pbnn.infer import NUTS, fit
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network


@pytest.fixture(scope="session")
def network():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(20, 2)), columns=["age", "dose"])
    return build(Network([Dense(3)], Gaussian()), X, np.sin(X["age"]) + 0.1 * rng.normal(size=20))


@pytest.fixture(scope="session")
def tree(network):
    return fit(network, NUTS(draws=25, tune=40, chains=2), seed=7, progress=False)


MEAN = np.array([3.0, -200.0, 0.0])
SD = np.array([0.1, 50.0, 1.0])
CORRELATION = np.array([[1, 0.8, 0], [0.8, 1, -0.3], [0, -0.3, 1]])


@pytest.fixture
def gaussian():
    """Return a model whose posterior is Gaussian, with scales far apart and correlations."""
    with pm.Model() as model:
        pm.MvNormal("x", MEAN, CORRELATION * np.outer(SD, SD))
    return model


@pytest.fixture
def bar_calls(monkeypatch):
    """Return a function that has `hook(steps so far)` called whenever a method reports progress."""

    def install(hook):
        class Bar:
            done = 0

            def advance(self, n, note=""):
                self.done += n
                hook(self.done)

        @contextmanager
        def progress_bar(*args, **kwargs):
            yield Bar()

        for method in ("nuts", "advi", "map"):
            monkeypatch.setattr(import_module(f"pbnn.infer.{method}"), "progress_bar", progress_bar)

    return install
