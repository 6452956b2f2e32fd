"""Optuna's own suite of tests for samplers."""

import optuna
import pytest
from optuna.testing import pytest_samplers as suite

from pbnn.search.maximise import Effort
from pbnn.search.sampler import GPSampler

LITTLE = Effort(candidates=32, near=16, starts=2, steps=0)
"""Without climbs, which would be compiled for each kind of space; `test_maximise.py` has them."""


class _Ours:
    @pytest.fixture
    def sampler(self):
        # One random trial, then the surrogate: all of the suite's trials but the first are suggested by it.
        return lambda: GPSampler(n_startup_trials=1, seed=0, effort=LITTLE, warn_independent_sampling=False)


class TestBasic(_Ours, suite.BasicSamplerTestCase):
    pass


class TestRelative(_Ours, suite.RelativeSamplerTestCase):
    pass


class TestMultiObjective(_Ours, suite.MultiObjectiveSamplerTestCase):
    pass


@pytest.fixture(autouse=True)
def _silent():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)
