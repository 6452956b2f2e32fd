"""Chains on executors: the same draws as without, whatever happens to the workers."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from pbnn.errors import MethodError, ModelError, PbnnWarning
from pbnn.graph.build import build
from pbnn.infer import MCLMC, NUTS, Ensemble, executors, fit, resume
from pbnn.infer.store import Store
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network

METHOD = MCLMC(draws=60, chains=3, thin=4, tune=1600)


@pytest.fixture(scope="module")
def bnn():
    X = np.random.default_rng(0).normal(size=(50, 2))
    return build(Network([Dense(3)], Gaussian()), X, np.sin(X[:, 0]))


@pytest.fixture(scope="module")
def alone(bnn):
    return fit(bnn, METHOD, seed=5, progress=False)


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


class Here(Executor):
    """Runs tasks at once, in this process; `fates` says what happens to the first ones instead."""

    def __init__(self, *fates):
        self.fates, self.submitted = list(fates), 0

    def submit(self, function, *args):
        self.submitted += 1
        future = Future()
        fate = self.fates.pop(0) if self.fates else None
        if fate is None:
            future.set_result(function(*args))
        else:
            future.set_exception(fate)
        return future


def assert_same(tree, expected):
    for group in {"posterior", "sample_stats", "half_step"} & set(expected.children):
        for name, values in expected[group].data_vars.items():
            np.testing.assert_array_equal(tree[group][name], values, err_msg=f"{group} {name}")


@pytest.mark.slow
def test_a_process_pool_draws_the_same(bnn, alone, pool):
    tree = fit(bnn, METHOD, seed=5, progress=False, executor=pool)
    assert_same(tree, alone)
    assert tree.attrs["n_gradients"] == alone.attrs["n_gradients"]


@pytest.mark.slow
def test_a_process_pool_takes_a_general_model_and_a_store(gaussian, pool, tmp_path):
    method, path = Ensemble(2), tmp_path / "run.zarr"
    tree = fit(gaussian, method, seed=1, progress=False, executor=pool, store=path)
    assert_same(tree, fit(gaussian, method, seed=1, progress=False))
    assert_same(resume(path, model=gaussian, progress=False)[1], tree)


@pytest.mark.nightly
def test_threads_share_what_is_compiled(bnn, alone):
    executors._prepared.cache_clear()
    with ThreadPoolExecutor(2) as threads:
        assert_same(fit(bnn, METHOD, seed=5, progress=False, executor=threads), alone)
    assert executors._prepared.cache_info().misses == 1
    assert executors._prepared.cache_info().hits == METHOD.chains - 1


@pytest.mark.nightly
def test_a_store_goes_on_with_an_executor(bnn, alone, tmp_path):
    """Chains that are done need no task; the others go on from where they were."""
    path = tmp_path / "run.zarr"
    tree = fit(bnn, METHOD, seed=5, progress=False, store=path, executor=Here())
    assert_same(tree, alone)
    nobody = Here()
    assert_same(resume(path, progress=False, executor=nobody)[1], alone)
    assert nobody.submitted == 0


@pytest.mark.slow
def test_a_lost_task_is_run_again(bnn, alone):
    executor = Here(OSError("worker lost"), None, RuntimeError("worker lost"), OSError("lost again"))
    assert_same(fit(bnn, METHOD, seed=5, progress=False, executor=executor), alone)
    assert executor.submitted == METHOD.chains + 3


def test_a_task_that_is_always_lost(bnn):
    executor = Here(*[OSError("worker lost")] * 20)
    with pytest.raises(
        MethodError, match=r"chain \d failed 3 times on the executor, .*OSError: worker lost\. Can"
    ):
        fit(bnn, METHOD, seed=5, progress=False, executor=executor)


def test_errors_of_ours_are_not_tried_again(bnn):
    executor = Here(ModelError("planted"))
    with pytest.raises(ModelError, match="planted"):
        fit(bnn, Ensemble(1), seed=5, progress=False, executor=executor)
    assert executor.submitted == 1


@pytest.mark.slow
@pytest.mark.parametrize("broken", [pytest.param("result", marks=pytest.mark.nightly), "shut down"])
def test_a_broken_executor_leaves_the_rest_to_this_process(bnn, alone, broken):
    executor = Here(None, BrokenProcessPool("all gone"))
    if broken == "shut down":
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
    with pytest.warns(PbnnWarning, match=r"the executor broke down .*are run in this process"):
        tree = fit(bnn, METHOD, seed=5, progress=False, executor=executor)
    assert_same(tree, alone)


@pytest.mark.slow
def test_ctrl_c_keeps_finished_chains(bnn, alone):
    class Pressed(Here):
        def submit(self, function, *args):
            if self.submitted == 2:  # and never comes back
                self.submitted += 1
                threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
                return Future()
            return super().submit(function, *args)

    tree = fit(bnn, METHOD, seed=5, progress=False, executor=Pressed())
    assert tree.attrs["interrupted"] == 1
    assert tree["posterior"].sizes["chain"] == 2
    np.testing.assert_array_equal(tree["posterior"]["noise"], alone["posterior"]["noise"][:2])


@pytest.mark.nightly
def test_ctrl_c_that_breaks_the_pool_too(bnn, alone):
    """In a terminal it reaches idle workers, which takes the pool down, and running ones, whose tasks raise."""

    class Pressed(Here):
        def submit(self, function, *args):
            if self.submitted == 1:
                self.submitted += 1
                doomed = [Future(), Future()]
                doomed[0].set_running_or_notify_cancel()

                def fall():
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(0.5)
                    doomed[0].set_exception(BrokenProcessPool("all gone"))

                threading.Thread(target=fall).start()
                return doomed[0]
            if self.submitted == 2:
                self.submitted += 1
                future = Future()
                future.set_running_or_notify_cancel()
                threading.Timer(1.0, lambda: future.set_exception(KeyboardInterrupt())).start()
                return future
            return super().submit(function, *args)

    tree = fit(bnn, METHOD, seed=5, progress=False, executor=Pressed())
    assert tree.attrs["interrupted"] == 1
    np.testing.assert_array_equal(tree["posterior"]["noise"], alone["posterior"]["noise"][:1])


@pytest.mark.nightly
def test_a_run_that_was_cut_short_goes_on_with_an_executor(bnn, alone, tmp_path):
    """Workers write to the store; this process must not go by what it read before."""
    path, keep = tmp_path / "run.zarr", Store.keep

    class Cut(Exception):
        pass

    def cut(self, index, state, kept):
        keep(self, index, state, kept)
        if kept is not None and kept.group == "draws":
            raise Cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "keep", cut)
        with pytest.raises(Cut):
            fit(bnn, METHOD, seed=5, progress=False, store=path)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        again = resume(path, progress=False, executor=pool)[1]
    assert_same(again, alone)
    assert again.attrs["interrupted"] == 0


def test_forked_processes_are_refused(bnn):
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(MethodError, match=r"forks its processes.*get_context\('spawn'\)"),
    ):
        fit(bnn, METHOD, seed=5, progress=False, executor=pool)


def test_refusals(bnn):
    with pytest.raises(MethodError, match=r"NUTS cannot be run with executor=; these methods can: 'mclmc'"):
        fit(bnn, NUTS(), executor=Here())
    with pytest.raises(MethodError, match=r"executor must be a concurrent\.futures\.Executor; got int"):
        fit(bnn, METHOD, executor=2)


# ---------------------------------------------------------------- Dask


@pytest.mark.nightly
def test_dask_with_a_worker_killed_half_way(bnn, alone, tmp_path):
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "run.zarr"
    killed = []

    def kill_one(client):
        """Kill the first worker that has drawn something."""
        while not list(path.glob("chains/*/draws/z/c/0")):
            time.sleep(0.005)
        killed.append(next(iter(client.run(os.getpid).values())))
        os.kill(killed[0], signal.SIGKILL)

    with (
        distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assassin = threading.Thread(target=kill_one, args=(client,))
        assassin.start()
        tree = fit(bnn, METHOD, seed=5, progress=False, executor=client.get_executor(), store=path)
        assassin.join()
    assert killed
    assert_same(tree, alone)
    with Store(path) as store:
        assert all(store.state(i)["stage"] == "done" for i in range(METHOD.chains))
