"""NUTS: the right distribution, the same draws for a seed, and honest statistics."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytest
from arviz_stats import ess, mcse

from pbnn.errors import MethodError
from pbnn.graph.build import build
from pbnn.infer import NUTS, fit
from pbnn.infer.nuts import _collect, _schedule
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from tests.infer.conftest import MEAN, SD

# Most fits here are too short to agree.
pytestmark = pytest.mark.filterwarnings("ignore:fit. the chains do not agree")
slow = pytest.mark.slow
PRECISIONS = ["float64", pytest.param("float32", marks=slow)]


@pytest.fixture(scope="module")
def draws():
    """Return a long run on the Gaussian, in either precision."""
    with pm.Model() as model:
        x = pm.Normal("x", [3.0, -200.0, 0.0], SD, shape=3)
        pm.Potential("correlated", -0.5 * ((x[0] - 3.0) / SD[0] - (x[1] + 200.0) / SD[1]) ** 2)
    # Precision matrix of the standardised values: I + [1, -1, 0]' [1, -1, 0].
    sd = SD * np.sqrt(np.diag(np.linalg.inv(np.eye(3) + np.outer([1, -1, 0], [1, -1, 0]))))
    return sd, cache(lambda p: fit(model, NUTS(500, 300, precision=p), seed=3, progress=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bias", "widening", "ok"), [(0.0, 1.0, True), (0.2, 1.0, False), (0.0, 1.15, False)]
)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_known_gaussian(draws, precision, bias, widening, ok):
    sd, run = draws
    posterior = run(precision)["posterior"].to_dataset()
    assert posterior["x"].dtype == precision
    x = MEAN + bias * sd + widening * (posterior["x"].astype(float) - MEAN)
    error_of_mean = (x.mean(("chain", "draw")) - MEAN) / mcse(x.to_dataset(), method="mean")["x"]
    error_of_sd = (x.std(("chain", "draw")) - sd) / mcse(x.to_dataset(), method="sd")["x"]
    assert float(ess(x.to_dataset())["x"].min()) > 400
    # Six comparisons at 4.5 Monte Carlo errors: one false alarm in 25,000 seeds.
    assert bool((abs(error_of_mean) < 4.5).all() and (abs(error_of_sd) < 4.5).all()) == ok


@pytest.mark.parametrize("precision", PRECISIONS)
def test_step_size_meets_the_target(draws, precision):
    stats = draws[1](precision)["sample_stats"]
    assert 0.8 < float(stats["acceptance_rate"].mean()) < 0.97
    assert int(stats["diverging"].sum()) == 0
    assert float(stats["step_size"].min()) > 0.1


@pytest.mark.slow
def test_statistics_are_consistent(tree):
    stats = tree["sample_stats"]
    assert (stats["n_steps"] < 2 ** (stats["tree_depth"] + 1)).all()
    assert (stats["energy"] > -stats["lp"] - 1e-6).all()
    assert stats["step_size"].std("draw").max() < 1e-12
    assert stats["diverging"].dtype == bool
    assert tree.attrs["n_gradients"] > int(stats["n_steps"].sum())


# ----------------------------------------------------------------------------------------------------------- seeds


def small(seed, **options):
    with pm.Model() as model:
        pm.Normal("x", shape=2)
    return fit(model, NUTS(**{"draws": 20, "tune": 20, "chains": 3} | options), seed=seed, progress=False)


@pytest.mark.slow
def test_a_seed_fixes_the_draws_whatever_the_pace(monkeypatch):
    first = small(1)["posterior"]["x"].values
    assert len(set(first[:, -1, 0])) == 3
    monkeypatch.setattr("pbnn.infer.run.CHUNK_SECONDS", 1e-9)  # one step at a time
    monkeypatch.setattr("pbnn.infer.run.n_cores", lambda: 1)  # and one chain
    np.testing.assert_array_equal(small(1)["posterior"]["x"].values, first)


@pytest.mark.nightly
@slow
def test_another_seed_gives_other_draws():
    first, other = small(1)["posterior"]["x"].values, small(2)["posterior"]["x"].values
    assert not np.isin(other[:, -1], first).any()


LENGTHS = [(1, 0, 1), (3, 1, 1), (2, 19, 2), (300, 149, 5)]


@slow
@pytest.mark.parametrize(("draws", "tune", "chains"), LENGTHS)
def test_odd_lengths(draws, tune, chains):
    tree = small(1, draws=draws, tune=tune, chains=chains)
    assert dict(tree["posterior"].sizes) == {"chain": chains, "draw": draws, "x_dim_0": 2}
    assert np.isfinite(tree["posterior"]["x"]).all()
    assert tree.attrs["message"].startswith(f"NUTS, {chains} chain")


@pytest.mark.parametrize("tune", [0, 1, 7, 19, 20, 21, 149, 150, 1000])
def test_schedule_has_a_row_for_each_step(tune):
    schedule = _schedule(tune)
    assert schedule.shape == (max(tune, 1), 2)
    assert set(np.unique(schedule)) <= {0, 1}


# ---------------------------------------------------------------------------------------------------- divergences


@slow
def test_divergences_are_counted():
    with pm.Model() as funnel:
        scale = pm.Normal("scale", 0, 3)
        pm.Normal("x", 0, pm.math.exp(scale / 2), shape=9)
    tree = fit(funnel, NUTS(200, 100, 2, target_accept=0.6), seed=1, progress=False)
    assert 0 < int(tree["sample_stats"]["diverging"].sum()) < 400


@slow
def test_max_treedepth_holds():
    tree = small(1, max_treedepth=1)
    assert int(tree["sample_stats"]["tree_depth"].max()) == 1
    assert int(tree["sample_stats"]["n_steps"].max()) == 1


# --------------------------------------------------------------------------------------------- after an interruption


def chain(draws):
    """Return what `_collect` needs of a chain that has made so many draws."""
    values = {"z": np.full((draws, 2), float(draws)), "lp": np.zeros(draws), "n_steps": np.ones(draws, int)}
    made = SimpleNamespace(chunks=[values] if draws else [], step_size=0.1, n_gradients=5)
    made.draws = lambda: values
    return _Hashable(made)


class _Hashable:
    def __init__(self, parts):
        self.__dict__.update(vars(parts))


@pytest.mark.parametrize(
    ("lengths", "kept", "n"),
    [
        ((100, 100), 2, 100),
        ((100, 80), 2, 80),
        ((100, 100, 3), 2, 100),  # the third had just begun: it costs the others nothing
        ((100, 100, 0, 0), 2, 100),
        ((100, 60, 59, 58), 4, 58),
        ((1,), 1, 1),
    ],
)
def test_an_interruption_keeps_most_draws(lengths, kept, n):
    method = NUTS(draws=200, chains=len(lengths))
    found = _collect(method, [chain(length) for length in lengths], True)
    assert found.z.shape == (kept, n, 2)
    assert (found.z >= n).all()
    assert found.interrupted
    assert found.message == f"Interrupted: {kept} of {len(lengths)} chains, {n} of 200 draws."


def test_nothing_drawn_is_an_error():
    with pytest.raises(
        MethodError, match=r"interrupted before the first draw, during warm-up; there is nothing to return"
    ):
        _collect(NUTS(), [chain(0), chain(0)], True)


@pytest.mark.nightly
@slow
def test_wide_networks_fit():
    X = np.random.default_rng(0).normal(size=(5, 300))
    bnn = build(Network([], Gaussian(1.0)), X, X[:, 0])
    tree = fit(bnn, NUTS(3, 3, 1), seed=1, progress=False)
    assert tree["posterior"]["out_weight"].shape == (1, 3, 300, 1)
