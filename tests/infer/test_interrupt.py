"""ctrl-C returns what there is; without anything to return, it says so."""

import _thread
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pbnn.errors import MethodError
from pbnn.infer import ADVI, MAP, MCLMC, NUTS, chains, fit
from pbnn.infer.ascent import CHUNK
from pbnn.infer.programs import Single, run_programs

pytestmark = pytest.mark.filterwarnings("ignore:fit. the chains do not agree")


def press_at(step):
    """Return a hook that presses ctrl-C, once, when a method has made so many steps."""
    pressed = []

    def hook(done):
        if done >= step and not pressed:
            pressed.append(done)
            _thread.interrupt_main()

    return hook


def raise_at(step):
    """The same for methods that report from the main thread, which a signal would interrupt right there."""

    def hook(done):
        if done >= step:
            raise KeyboardInterrupt

    return hook


@pytest.mark.slow
def test_nuts_returns_the_draws_so_far(gaussian, bar_calls):
    bar_calls(press_at(60))
    tree = fit(gaussian, NUTS(draws=100_000, tune=10, chains=2), seed=1)
    n = tree["posterior"].sizes["draw"]
    assert 0 < n < 100_000
    assert tree.attrs["interrupted"] == 1
    chains = tree["posterior"].sizes["chain"]
    assert tree.attrs["message"] == f"Interrupted: {chains} of 2 chains, {n} of 100000 draws."
    assert np.isfinite(tree["sample_stats"]["lp"]).all()


@pytest.mark.nightly
def test_nuts_in_warm_up_has_nothing_to_return(network, bar_calls):
    bar_calls(press_at(1))
    with pytest.raises(MethodError, match=r"interrupted before the first draw, during warm-up.*Lower `tune`"):
        fit(network, NUTS(draws=10, tune=100_000, chains=2), seed=1)


@pytest.mark.slow
def test_mclmc_checks_only_the_chains_it_keeps(network, monkeypatch):
    """Chains of the first wave have been checked at half the step size, those of the second not yet."""

    def in_waves(program, target, indices, keeper, advance):
        run_programs(program, target, [0], keeper, advance)
        state, work = program.first(1), Single(program, target)
        while state["drawn_draws"] < 40:
            name, inputs = program.ask(state)
            state, kept = program.tell(state, work(name, [inputs])[0])
            keeper.keep(1, state, kept)
        return True

    monkeypatch.setattr(chains, "run_programs", in_waves)
    tree = fit(network, MCLMC(draws=64, chains=2, thin=4, tune=1600), seed=1, progress=False)
    assert tree["posterior"].sizes == {**tree["posterior"].sizes, "chain": 2, "draw": 50}
    assert "half_step" not in tree.children
    assert tree.attrs["interrupted"] == 1


@pytest.mark.slow
def test_advi_returns_the_approximation_so_far(gaussian, bar_calls):
    bar_calls(raise_at(3 * CHUNK))
    tree = fit(gaussian, ADVI(draws=20), seed=1)
    assert tree.attrs["interrupted"] == 1
    assert tree.attrs["converged"] == 0
    assert tree.attrs["message"].startswith(f"Interrupted after {3 * CHUNK} steps")
    assert tree["optimization"].sizes["step"] == 3 * CHUNK
    assert tree["posterior"].sizes["draw"] == 20


def test_map_returns_the_best_point_so_far(network, bar_calls):
    bar_calls(raise_at(30))
    tree = fit(network, MAP(starts=50), seed=1)
    assert tree.attrs["interrupted"] == 1
    assert tree.attrs["converged"] == 0
    assert tree.attrs["message"].startswith("Interrupted. The best of ")
    course = tree["optimization"]["log_density"]
    assert tree["sample_stats"]["lp"].item() == course.max().item()


def test_map_before_its_first_step_has_nothing_to_return(network, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pbnn.infer.search.minimize", interrupted)
    with pytest.raises(MethodError, match=r"interrupted before the first step"):
        fit(network, MAP(), seed=1)


SCRIPT = """
import numpy as np, pbnn, sys, threading
from pbnn import likelihoods
from pbnn.infer import nuts
X = np.random.default_rng(0).normal(size=(50, 2))
bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), X, X[:, 0])
drive = nuts.run_side_by_side
def told(chains, advance):
    threading.Timer(1.5, lambda: print("running", flush=True)).start()
    return drive(chains, advance)
nuts.run_side_by_side = told
tree = pbnn.fit(bnn, pbnn.NUTS(draws=10**6, tune=5, chains=3), seed=1)
print(tree.attrs["interrupted"], tree["posterior"].sizes["draw"] > 0)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_sigint_to_a_script():
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout.readline() == "running\n"
        script.send_signal(signal.SIGINT)
        start = time.perf_counter()
        assert script.stdout.readline() == "1 True\n"
        assert script.wait(timeout=60) == 0
        assert time.perf_counter() - start < 60
