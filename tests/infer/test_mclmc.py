"""MCLMC: right where the answer is known, the same for the same seed, and never silently broken."""

import re
from contextlib import nullcontext

import numpy as np
import pymc as pm
import pytest
from arviz_stats.base import array_stats

from pbnn.errors import MethodError
from pbnn.graph.build import build
from pbnn.infer import MCLMC, fit
from pbnn.infer import mclmc as mclmc_module
from pbnn.infer.mclmc import MclmcChains
from pbnn.infer.microcanonical import Point, Travel
from pbnn.infer.programs import InMemory, run_programs
from pbnn.infer.tune import Tuning
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.target import Target
from tests.exact import LinearGaussian

QUICK = {"draws": 50, "chains": 2, "thin": 4, "tune": 1600}


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate(n_in=6)


@pytest.fixture(scope="module", params=[False, True], ids=["unadjusted", "adjusted"])
def linear_draws(request, linear):
    """Return draws `(chain, draw, weight)` in units of the exact posterior's sd, centred."""
    method = MCLMC(draws=2000, chains=2, thin=1 if request.param else 8, tune=4000, adjusted=request.param)
    posterior = fit(linear.bnn, method, seed=3, progress=False)["posterior"]
    draws = np.concatenate([posterior["out_weight"].values[..., 0], posterior["out_bias"].values], axis=-1)
    return (draws - linear.mean) / np.sqrt(np.diag(linear.covariance))


def assert_standard(draws, k=4.5):
    """Check that every component has mean 0 and sd 1, within `k` Monte Carlo standard errors."""
    for series in np.moveaxis(draws.astype(float), -1, 0):
        assert array_stats.ess(series) > 200
        for found, expected, method in ((series.mean(), 0, "mean"), (series.std(), 1, "sd")):
            assert abs(found - expected) < k * array_stats.mcse(series, method=method), f"biased {method}"


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "scale", "ok"), [(0, 1, True), (0.3, 1, False), (0, 1.2, False)])
def test_finds_the_exact_posterior(linear_draws, shift, scale, ok):
    with nullcontext() if ok else pytest.raises(AssertionError, match="biased"):
        assert_standard(scale * linear_draws + shift)


def test_scales_far_apart(gaussian):
    x = fit(gaussian, MCLMC(draws=1500, chains=2, thin=10, tune=8000), seed=1, progress=False)["posterior"][
        "x"
    ]
    assert_standard((x.values - [3.0, -200.0, 0.0]) / [0.1, 50.0, 1.0])


@pytest.fixture(scope="module")
def small(network):
    return fit(network, MCLMC(**QUICK), seed=7, progress=False)


@pytest.mark.slow
def test_layout(small):
    assert small.attrs["sampling"] == "mcmc"
    assert small.attrs["method"] == "mclmc"
    assert dict(small["posterior"].sizes) | {"chain": 2, "draw": 50} == dict(small["posterior"].sizes)
    stats = small["sample_stats"]
    assert {"lp", "energy_error", "refused", "step_size", "length", "restarts"} <= set(stats)
    assert all(stats[name].dims == ("chain", "draw") for name in stats)
    assert (stats["restarts"] == 0).all()
    assert small["half_step"].sizes["draw"] == 50 // mclmc_module.CHECK_SHARE
    assert small["posterior"]["h0_weight"].dtype == np.float32


def test_lp_is_the_log_density_of_the_draws(small, network):
    target = Target.of(network, "float64")
    z = np.asarray(target.draws(small["posterior"].to_dataset()))[0, ::10]
    with target.scope():
        exact = [float(target.log_density(one)) for one in z]
    np.testing.assert_allclose(small["sample_stats"]["lp"].values[0, ::10], exact, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_a_seed_fixes_the_draws(small, network):
    again = fit(network, MCLMC(**QUICK), seed=7, progress=False)
    other = fit(network, MCLMC(**QUICK), seed=8, progress=False)
    np.testing.assert_array_equal(again["posterior"]["h0_weight"], small["posterior"]["h0_weight"])
    assert not np.isin(other["posterior"]["noise"], small["posterior"]["noise"]).any()


@pytest.mark.slow
def test_a_batch_of_chains_is_right_too(linear):
    target = Target.of(linear.bnn, "float32")
    program = MclmcChains(MCLMC(draws=1000, chains=3, thin=8, tune=2000), target, seed=5)
    keeper = InMemory()
    assert not run_programs(program, target, range(3), keeper, lambda n: None, batched=True)
    z = np.stack([keeper.draws(i, "draws")["z"] for i in range(3)])
    assert_standard((z - linear.mean) / np.sqrt(np.diag(linear.covariance)))


@pytest.fixture
def step_of(monkeypatch):
    """Return a function that makes chains draw with a given step size, whatever comes of it."""
    monkeypatch.setattr(mclmc_module, "ROUGH", np.inf)
    monkeypatch.setattr(mclmc_module, "WILD", np.inf)
    settled = Tuning._settled

    def fix(size):
        monkeypatch.setattr(Tuning, "_settled", lambda *args: settled(*args) | {"step_size": size})

    return fix


@pytest.mark.slow
def test_large_steps_hardly_bias_a_gaussian(step_of):
    """Velocity Verlet with steps of `h` per parameter would have a variance of `1 / (1 - h**2 / 4)`: 1.09 here."""
    with pm.Model() as model:
        pm.Normal("x", shape=50)
    step_of(4.0)  # of all parameters, so 4 / sqrt(50) of each
    x = fit(model, MCLMC(draws=6000, chains=2, thin=8, tune=3000), seed=1, progress=False)["posterior"]["x"]
    assert x.values.var() == pytest.approx(1, abs=0.03)


@pytest.mark.slow
def test_the_half_step_differs_by_the_bias(step_of):
    """With very large steps, the variance of the logarithm of exponential variables is too large; at half, hardly."""
    with pm.Model() as model:
        pm.Exponential("x", 1.0, shape=20)
    step_of(5.0)
    tree = fit(model, MCLMC(draws=8000, chains=2, thin=8, tune=4000), seed=1, progress=False)
    excess, at_half = (np.log(tree[g]["x"].values).var() - np.pi**2 / 6 for g in ("posterior", "half_step"))
    assert excess > 0.1
    assert abs(at_half) < excess / 2


# ---------------------------------------------------------------- faults


@pytest.fixture(scope="module")
def program(network):
    return MclmcChains(MCLMC(**QUICK, restarts=2), Target.of(network, "float32"), seed=1)


def drawing(program, **changes):
    d = program.dim
    zero = np.zeros(d, np.float32)
    state = program.first(0) | {
        "stage": "draws",
        "z": zero,
        "momentum": zero,
        "gradient": zero,
        "log_density": 0.0,
        "step_size": 1.0,
    }
    return state | changes


def piece(program, lp=0.0, energy=1e-5, refused=0.0):
    n, d = mclmc_module.DRAWS, program.dim
    zero = np.zeros(d, np.float32)
    travel = Travel(np.full(n, energy), np.full(n, refused), np.full(n, 4))
    visited = Point(np.zeros((n, d), np.float32), (), np.full(n, lp), np.zeros((n, d), np.float32))
    return Point(zero, zero, np.float32(lp), zero), travel, visited


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"energy": 10.0}, r"unstable: energy error 1e\+01"),
        ({"refused": 0.5}, r"unstable: .* 50 % of its steps refused"),
        ({"lp": np.nan}, r"unstable"),
    ],
)
def test_a_broken_chain_begins_anew_and_gives_up_in_the_end(program, fault, reason):
    state, kept = program.tell(drawing(program), piece(program))
    assert state["drawn_draws"] == kept.draws["lp"].size == mclmc_module.DRAWS
    first_key = state["key"]
    for restarts in (1, 2):
        state, kept = program.tell(drawing(program) | state | {"stage": "draws"}, piece(program, **fault))
        assert kept is None
        assert state["stage"] == "climb"
        assert state["restarts"] == restarts
        assert state["drawn_draws"] == 0
        assert not np.array_equal(state["key"], first_key)
        state["drawn_draws"] = 25
    begun, _ = program.tell(state | {"stage": "begin"}, piece(program)[0])
    assert begun["target"] == pytest.approx(0.01 * program.tuning.target)
    state, _ = program.tell(drawing(program) | state | {"stage": "draws"}, piece(program, **fault))
    assert program.ask(state) is None
    assert state["stage"] == "failed"
    assert re.search(reason, state["reason"])


def test_steps_become_shorter_for_good_where_they_are_rough(program):
    state, kept = program.tell(drawing(program), piece(program, energy=2 * mclmc_module.ROUGH))
    assert (kept.draws["step_size"] == 1.0).all()
    assert state["step_size"] == mclmc_module.SHORTER
    state, kept = program.tell(state, piece(program, energy=mclmc_module.ROUGH / 2))
    assert (kept.draws["step_size"] == mclmc_module.SHORTER).all()
    assert state["step_size"] == mclmc_module.SHORTER
    assert state["restarts"] == 0


def test_frozen_chains_are_an_error_that_says_so(network, monkeypatch):
    monkeypatch.setattr(mclmc_module, "FROZEN", 1e9)
    with pytest.raises(
        MethodError, match=r"MCLMC: no chain could be run, however often restarted: it froze: its step"
    ):
        fit(network, MCLMC(**QUICK, restarts=1), seed=1, progress=False)


def test_restarts_are_counted(network, monkeypatch):
    limits = iter([1e9])
    tell = MclmcChains._tuned

    def freeze_once(self, state, outputs):
        new = tell(self, state, outputs)
        return self.again(state, "it froze, for once") if next(limits, None) else new

    monkeypatch.setattr(MclmcChains, "_tuned", freeze_once)
    tree = fit(network, MCLMC(**QUICK), seed=1, progress=False)
    assert sorted(tree["sample_stats"]["restarts"].values[:, 0]) == [0, 1]
    assert "There was 1 restart: it froze, for once." in tree.attrs["message"]


def test_one_parameter_is_refused():
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(MethodError, match=r"MCLMC: a model of one parameter .* use pbnn\.NUTS\(\)"):
        fit(model, MCLMC(), seed=1)


@pytest.mark.nightly
def test_few_rows_and_many_weights():
    rng = np.random.default_rng(0)
    bnn = build(Network([Dense(200), Dense(20)], Gaussian()), rng.normal(size=(10, 2)), rng.normal(size=10))
    tree = fit(bnn, MCLMC(**QUICK), seed=1, progress=False)
    assert np.isfinite(tree["sample_stats"]["lp"]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MCLMC(thin=0), r"MCLMC: thin must be a whole number >= 1; got 0"),
        (lambda: MCLMC(energy_error=0), r"MCLMC: energy_error must be a positive number; got 0"),
        (lambda: MCLMC(adjusted="yes"), r"MCLMC: adjusted must be True or False; got 'yes'"),
        (lambda: MCLMC(restarts=-1), r"MCLMC: restarts must be a whole number >= 0; got -1"),
    ],
)
def test_mistake_is_named(make, message):
    with pytest.raises(MethodError, match=message):
        make()
