"""Stores: a killed run goes on to the same draws; one writer; damage and full disks are named."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pymc as pm
import pytest

import pbnn
from pbnn.errors import FileError, MethodError, ModelError, PbnnWarning
from pbnn.infer import NUTS, Ensemble, fit, resume, states
from pbnn.infer.programs import Kept
from pbnn.infer.store import Store, create
from tests.limits import file_size_limit

zarr = pytest.importorskip("zarr")
pytestmark = pytest.mark.slow

SETUP = """
import sys, time
import numpy as np, pbnn
from pbnn.infer.store import Store
X = np.random.default_rng(0).normal(size=(50, 2))
def made():
    return pbnn.build(pbnn.Network([pbnn.Dense(3)], pbnn.likelihoods.Gaussian()), X, np.sin(X[:, 0]))
method = pbnn.MCLMC(draws=200, chains=2, thin=4, tune=1600)
"""
SLOWLY = """
keep = Store.keep
def slowly(self, index, state, kept):
    keep(self, index, state, kept)
    time.sleep(0.1 if kept else 0.005)
Store.keep = slowly
pbnn.fit(made(), method, seed=5, store=sys.argv[1], progress=False)
"""


@pytest.fixture(scope="module")
def setup():
    names = {}
    exec(SETUP, names)
    return names


@pytest.fixture(scope="module")
def method(setup):
    return setup["method"]


@pytest.fixture(scope="module")
def bnn(setup):
    return setup["made"]()


@pytest.fixture(scope="module")
def unbroken(bnn, method):
    return fit(bnn, method, seed=5, progress=False)


@pytest.fixture(scope="module")
def finished(bnn, tmp_path_factory):
    """Return a short run in a store; tests that change it take a copy."""
    path = tmp_path_factory.mktemp("finished") / "run.zarr"
    return path, fit(bnn, Ensemble(2), seed=5, store=path, progress=False)


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "run.zarr")


def assert_same(tree, expected):
    for group in ("posterior", "sample_stats", "half_step"):
        if group in expected.children:
            for name, values in expected[group].data_vars.items():
                found = tree[group][name]
                assert found.dtype == values.dtype
                np.testing.assert_array_equal(found, values, err_msg=f"{group} {name}")


@contextmanager
def running(path):
    """Run the fit in another process, slowly, and kill it at the end of the block."""
    with subprocess.Popen([sys.executable, "-c", SETUP + SLOWLY, str(path)]) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def wait_for(file, process):
    for _ in range(12_000):
        if file.exists():
            return
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    raise AssertionError(f"no {file}")


def drawn(path):
    with Store(path) as store:
        return [(store.state(i) or {}).get("drawn_draws", 0) for i in range(2)]


@pytest.mark.parametrize(
    ("moment", "stage"),
    [
        pytest.param("chains/0/zarr.json", "warm-up", marks=pytest.mark.nightly),
        ("chains/1/draws/z/c/2", "draws"),
    ],
)
def test_a_killed_run_goes_on_to_the_same_draws(tmp_path, unbroken, method, moment, stage):
    path = tmp_path / "run.zarr"
    with running(path) as process:
        wait_for(path / moment, process)
    before = drawn(path)
    assert min(before) < method.draws
    # Of the three pieces that were written to draws, at most the last is not in the state.
    assert before[1] >= 50 if stage == "draws" else before == [0, 0]
    again, tree = resume(path, progress=False)
    assert_same(tree, unbroken)
    assert again.n_obs == 50
    assert tree.attrs["seed"] == 5
    assert tree.attrs["n_gradients"] == unbroken.attrs["n_gradients"]
    assert json.loads(tree.attrs["options"]) == json.loads(unbroken.attrs["options"])


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    path = tmp_path / "run.zarr"
    with running(path) as process:
        wait_for(path / "chains/0/zarr.json", process)
        with pytest.raises(
            FileError, match=r"run\.zarr is being written by another process \(lock .*store\)"
        ):
            resume(path)
    with Store(path):
        pass


def test_a_stop_between_draws_and_state(tmp_path, bnn, method, unbroken, monkeypatch):
    """Draws that the state does not count are written anew."""
    keep, path = Store.keep, tmp_path / "run.zarr"

    class Stop(Exception):
        pass

    def failing(self, index, state, kept):
        if kept is not None and kept.first >= 75:
            for name, values in kept.draws.items():
                self._write(f"chains/{index}/{kept.group}", name, kept.first, values)
            raise Stop
        keep(self, index, state, kept)

    monkeypatch.setattr(Store, "keep", failing)
    with pytest.raises(Stop):
        fit(bnn, method, seed=5, store=path, progress=False)
    monkeypatch.undo()
    assert max(drawn(path)) == 75
    assert_same(resume(path, progress=False)[1], unbroken)


def test_what_a_kill_left_half_made_is_passed_over(copied, finished):
    """A chain of which there is only the folder is run again; temporary files are no chains."""
    shutil.rmtree(copied / "chains/1")
    (copied / "chains/1").mkdir()
    for place in ("chains", "chains/0", "chains/0/draws"):
        (copied / place / "zarr.0123456789abcdef.partial").touch()
    (copied / "chains/0/draws/extra").mkdir()
    assert_same(resume(copied, progress=False)[1], finished[1])


def test_a_finished_store_answers_at_once(finished, monkeypatch):
    path, tree = finished
    monkeypatch.setattr(Store, "keep", None)  # nothing is run any more
    assert_same(pbnn.resume(path, progress=False)[1], tree)


def test_a_general_model_is_passed_again(tmp_path, gaussian):
    path = tmp_path / "run.zarr"
    tree = fit(gaussian, Ensemble(2), seed=1, store=path, progress=False)
    with pytest.raises(
        ModelError, match=r"a general pm\.Model, whose code fits in no store; pass it: .*model=model"
    ):
        resume(path)
    again, same = resume(path, model=gaussian, progress=False)
    assert again is gaussian
    assert_same(same, tree)
    with pm.Model() as other:
        pm.Normal("y", shape=3)
    with pytest.raises(ModelError, match=r"has the variables y \(3,\), and the store is of x \(3,\)"):
        resume(path, model=other)


@pytest.mark.nightly
def test_what_was_added_to_a_network_is_noticed(tmp_path, setup):
    bnn, path = setup["made"](), tmp_path / "run.zarr"
    with bnn.model:
        pm.Potential("wish", -(bnn.model["noise"] ** 2) - 3)
    tree = fit(bnn, Ensemble(2), seed=5, store=path, progress=False)
    with pytest.raises(ModelError, match=r"has another density: .*model=\.\.\."):
        resume(path)
    assert_same(resume(path, model=bnn, progress=False)[1], tree)


def test_other_versions_are_named(copied, finished):
    root = zarr.open_group(copied)
    root.attrs["versions"] = json.dumps(json.loads(root.attrs["versions"]) | {"jax": "0.1"})
    with pytest.warns(PbnnWarning, match=r"jax 0\.1 → .*but not the same draws"):
        resume(copied, progress=False)


# ---------------------------------------------------------------- refusals


def test_an_existing_store_is_not_overwritten(bnn, finished):
    with pytest.raises(
        FileError, match=r"exists already. Go on with it, pbnn.resume\('.*run.zarr'\), or choose"
    ):
        fit(bnn, Ensemble(2), store=str(finished[0]))


def test_a_folder_that_is_no_store_is_left_alone(bnn, tmp_path):
    with pytest.raises(FileError, match="exists already, and is no store"):
        fit(bnn, Ensemble(2), store=tmp_path)
    with pytest.raises(FileError, match=r"folder .*nowhere does not exist\. Make"):
        fit(bnn, Ensemble(2), store=tmp_path / "nowhere" / "run.zarr")


def test_methods_that_cannot_be_stored(bnn, tmp_path):
    with pytest.raises(MethodError, match=r"NUTS cannot be run with store=; these methods can: 'mclmc'"):
        fit(bnn, NUTS(), store=tmp_path / "run.zarr")


def test_another_network_or_other_inputs_are_refused(finished, bnn):
    """Also where the network gives 0 at its starting point, whatever its inputs."""
    X, y = bnn.model["X"].get_value(), bnn.model["y_data"].get_value()
    relu = pbnn.Network([pbnn.Dense(3, "relu")], pbnn.likelihoods.Gaussian())
    for other in (pbnn.build(bnn.network, X[::-1], y), pbnn.build(relu, X, y)):
        with pytest.raises(ModelError, match="has another density"):
            resume(finished[0], model=other)


def test_a_fit_that_cannot_begin_leaves_no_store(gaussian, tmp_path):
    with pytest.raises(MethodError, match="needs a model made by pbnn"):
        fit(gaussian, Ensemble(2, weighting="held_out"), store=tmp_path / "run.zarr", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_missing_and_foreign(tmp_path):
    with pytest.raises(
        FileError, match=r"resume: .*run\.zarr does not exist. A run that can go on begins with fit"
    ):
        resume(tmp_path / "run.zarr")
    file = tmp_path / "run.nc"
    file.write_text("no store")
    zarr.create_group(tmp_path / "other.zarr")
    for path in (file, tmp_path, tmp_path / "other.zarr"):
        with pytest.raises(
            FileError, match=r"is no store of pbnn\.fit; a file of pbnn\.save opens with pbnn\.load"
        ):
            resume(path)


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        flip,
        pytest.param(os.remove, marks=pytest.mark.nightly),
        pytest.param(lambda f: f.write_bytes(b""), marks=pytest.mark.nightly),
    ],
    ids=["flip", "remove", "empty"],
)
def test_damaged_draws(copied, finished, spoil):
    spoil(copied / "chains/1/draws/z/c/0/0")
    with pytest.raises(FileError, match=r"damaged, in chains/1: .*Delete the folder (.*) and resume"):
        resume(copied, progress=False)
    shutil.rmtree(copied / "chains/1")  # the remedy works
    assert_same(resume(copied, progress=False)[1], finished[1])


def test_a_damaged_state(copied):
    file = copied / "chains/0/zarr.json"
    file.write_text(file.read_text().replace('"bytes": "', '"bytes": "%'))
    with pytest.raises(FileError, match=r"damaged, in chains/0: .*Delete the folder"):
        resume(copied, progress=False)


@pytest.mark.parametrize("file", ["zarr.json", "data/X/c/0/0", "data/y/zarr.json"])
def test_damage_elsewhere(copied, file):
    (copied / file).write_bytes(b"{")
    with pytest.raises(FileError, match=r"run\.zarr is damaged: .*Take a copy from elsewhere"):
        resume(copied)


@pytest.mark.parametrize("change", [{"method": "none"}, {"options": "{"}, {"columns": "{}"}])
def test_damaged_attributes(copied, change):
    zarr.open_group(copied).attrs.update(change)
    with pytest.raises(FileError, match=r"is damaged: its (method|model) cannot be read"):
        resume(copied)


def test_a_newer_format(copied):
    zarr.open_group(copied).attrs["pbnn_store"] = 99
    with pytest.raises(FileError, match="has format 99, and this version of pbnn reads 1"):
        resume(copied)


def test_a_disk_that_fills_up(tmp_path):
    """The operating system itself stops the write; what was there stays."""
    state = {"stage": "draws", "drawn_draws": 5}
    small, large = (Kept("draws", n, {"z": np.ones((5, d))}) for n, d in ((0, 2), (5, 2)))
    with create(tmp_path / "run.zarr", {}, {}) as store:
        store.keep(0, state, small)
        before = store.draws(0, "draws")["z"]
        full = {"stage": "draws", "drawn_draws": 10, "momentum": np.ones(10_000)}
        with (
            file_size_limit(10_000),
            pytest.raises(FileError, match=r"File too large\. What was written before is"),
        ):
            store.keep(0, full, large)
    with Store(tmp_path / "run.zarr") as again:
        assert again.state(0) == state
        np.testing.assert_array_equal(again.draws(0, "draws")["z"], before)


def test_no_space_for_a_new_store(tmp_path):
    with (
        file_size_limit(10),
        pytest.raises(FileError, match=r"could not be written: File too large\. Choose a new"),
    ):
        create(tmp_path / "run.zarr", {"text": "x" * 100}, {})
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- states


def test_states_are_exact_as_json():
    state = {
        "f4": np.float32([1 / 3, np.nan, -np.inf]),
        "empty": np.zeros((0, 3)),
        "scalar": np.float64(0.1),
        "zero_d": np.asarray(1 / 3, np.float32),
        "key": np.uint32([2**32 - 1, 0]),
        "infinite": -np.inf,
        "float": 0.1,
        "int": 2**60,
        "flag": True,
        "text": "ü",
    }
    again = states.from_json(json.loads(json.dumps(states.as_json(state))))
    assert again.keys() == state.keys()
    for name, value in state.items():
        assert type(again[name]) is type(value)
        np.testing.assert_array_equal(again[name], value)
        assert getattr(again[name], "dtype", None) == getattr(value, "dtype", None)


@pytest.mark.parametrize("value", [[1], np.array(["a"]), object()])
def test_states_hold_data_only(value):
    with pytest.raises(TypeError, match="state: 'it'"):
        states.as_json({"it": value})


def test_a_restart_overwrites_the_draws(tmp_path):
    def kept(first, value):
        return Kept("draws", first, {"z": np.full((5, 2), value, np.float32)})

    with create(tmp_path / "run.zarr", {}, {}) as store:
        store.keep(0, {"drawn_draws": 5}, kept(0, 1))
        store.keep(0, {"drawn_draws": 1500}, Kept("draws", 5, {"z": np.full((1495, 2), 2, np.float32)}))
        assert store.draws(0, "draws")["z"].shape == (1500, 2)
        store.keep(0, {"drawn_draws": 0}, None)
        assert store.draws(0, "draws") == {}
        store.keep(0, {"drawn_draws": 5}, kept(0, 3))
        np.testing.assert_array_equal(store.draws(0, "draws")["z"], np.full((5, 2), 3))
