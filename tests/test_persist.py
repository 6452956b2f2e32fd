"""Run files: exact both ways, whole or not at all, and nothing but data."""

import errno
import json
import os
import pickle
import stat

import h5py
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

from pbnn.errors import DataError, FileError, MethodError, ModelError
from pbnn.graph.build import BNN, build
from pbnn.persist import load, save
from pbnn.predict import predict
from pbnn.spec.layers import Dense, Embedding, LayerNorm, Residual
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import HalfNormal
from tests.limits import file_size_limit

pytestmark = pytest.mark.slow

N = 12
rng = np.random.default_rng(0)
X = pd.DataFrame({"a": rng.normal(1e3, 1 / 3, size=N), "kind of thing": ["ü/v", "x", "y"] * 4})
COUNTS = rng.poisson(3.0, size=N)
DEEP = (Embedding("kind of thing", 2), Dense(3), Residual([Dense(3, "relu"), LayerNorm()]))

MODELS = {
    "gaussian": (Gaussian(), pd.Series(rng.normal(size=N) / 3, name="heat")),
    "two outputs": (Gaussian("heteroscedastic"), pd.DataFrame(rng.normal(size=(N, 2)), columns=["u", "v"])),
    "student": (StudentT(df=HalfNormal(3.0)), rng.normal(size=N)),
    "poisson": (Poisson(), COUNTS),
    "truth values": (Bernoulli(), COUNTS > 2),
    "whole numbers": (Categorical(), COUNTS % 3),
    "words": (Categorical(), np.asarray(["no", "yes", "π"])[COUNTS % 3]),
    "fractions": (Categorical(), (COUNTS % 3) / 10),
}


def made(name: str) -> tuple[BNN, xr.DataTree]:
    """Return a model, and something of the shape of a fit."""
    likelihood, y = MODELS[name]
    bnn = build(Network(DEEP, likelihood), X, y)
    return bnn, fit_of(bnn)


def fit_of(bnn: BNN) -> xr.DataTree:
    model = bnn.model
    rng = np.random.default_rng(1)
    variables = {}
    for rv in model.free_RVs:
        dims = model.named_vars_to_dims.get(rv.name) or ()
        shape = (2, 5, *(len(model.coords[d]) for d in dims))
        variables[rv.name] = (("chain", "draw", *dims), rng.uniform(0.1, 1.0, size=shape).astype(np.float32))
    used = {d for dims, _ in variables.values() for d in dims[2:]}
    coords = {d: list(model.coords[d]) for d in used}
    response = ("obs",) if bnn.response.vector else ("obs", "output")
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(variables, coords={"chain": [0, 1], "draw": range(5), **coords}),
            "sample_stats": xr.Dataset({"lp": (("chain", "draw"), rng.normal(size=(2, 5)))}),
            "observed_data": xr.Dataset({"y": (response, model["y_data"].get_value())}),
            "constant_data": xr.Dataset({"X": (("obs", "feature"), model["X"].get_value())}),
        }
    )
    tree.attrs = {"seed": 3, "wall_time": 1 / 3, "method": "nuts", "versions": json.dumps({"pymc": "6"})}
    return tree


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.nc"


@pytest.fixture
def saved(path):
    """Save a run; return what was saved."""
    bnn, idata = made("words")
    save(bnn, idata, path)
    return bnn, idata


# ---------------------------------------------------------------- round trip


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_is_exact(name, path):
    bnn, idata = made(name)
    before = idata.copy(deep=True)
    save(bnn, idata, path)
    xr.testing.assert_identical(idata, before)  # saving changes nothing
    again, tree = load(path)
    assert (again.network, again.columns, again.response) == (bnn.network, bnn.columns, bnn.response)
    assert [type(label) for label in again.response.classes] == [
        type(label) for label in bnn.response.classes
    ]
    for data in ("X", "y_data"):
        ours, theirs = again.model[data].get_value(), bnn.model[data].get_value()
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert again.model.coords == bnn.model.coords
    for group in idata.children:
        xr.testing.assert_identical(tree[group].to_dataset(), idata[group].to_dataset())
    assert tree.attrs.items() >= idata.attrs.items()
    assert type(tree.attrs["seed"]) is int
    assert type(tree.attrs["wall_time"]) is float


def test_a_loaded_model_predicts_the_same(path):
    bnn, idata = made("gaussian")
    save(bnn, idata, path)
    first, again = predict(bnn, idata, X, seed=1), predict(*load(path), X, seed=1)
    xr.testing.assert_identical(first, again)


def test_saved_twice_is_the_same(saved, path, tmp_path):
    once = load(path)
    save(*once, tmp_path / "again.nc")
    xr.testing.assert_identical(once[1], load(tmp_path / "again.nc")[1])


def test_a_file_without_the_training_data(path):
    bnn, idata = made("gaussian")
    del idata["constant_data"], idata["observed_data"]
    save(bnn, idata, path)
    again, tree = load(path)
    assert again.n_obs == 0
    assert again.columns == bnn.columns
    with pytest.raises(DataError, match="no training data are stored; pass X"):
        predict(again, tree)


def test_other_programs_can_read_it(saved, path):
    with xr.open_datatree(path) as tree:
        assert tree["posterior"]["out_bias"].shape == (2, 5, 3)


def test_many_names_fit(path):
    """HDF5 holds short texts otherwise than long ones."""
    wide = pd.DataFrame(
        rng.normal(size=(3, 3000)), columns=[f"a column with a long name, {i}" for i in range(3000)]
    )
    bnn = build(Network([], Gaussian()), wide, [1.0, 2.0, 4.0])
    save(bnn, fit_of(bnn), path)
    assert load(path)[0].columns == bnn.columns


def test_no_handle_stays_open(saved, path):
    load(path)
    with h5py.File(path, "a") as file:  # HDF5 refuses this while the file is open elsewhere
        file.attrs["later"] = 1


# ---------------------------------------------------------------- whole or not at all


def test_a_failing_disk_leaves_the_old_file(saved, path, monkeypatch):
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(
                FileError, match=r"No space left on device\. The earlier file is as it was\. Free some"
            ):
                save(*saved, path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_fills_up_midway(saved, path):
    """The operating system itself stops the write here: HDF5 alone would crash the process."""
    before = path.read_bytes()
    with file_size_limit(10_000), pytest.raises(FileError, match="File too large"):
        save(*saved, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file(saved, path, monkeypatch):
    before = path.read_bytes()

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        save(*saved, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_permissions_and_links_are_kept(saved, path, tmp_path):
    path.chmod(0o640)
    link = tmp_path / "link.nc"
    link.symlink_to(path)
    save(*saved, link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("missing/run.nc", r"No such file or directory\. Make the folder"),
        (".", r"Is a directory\. Add the name"),
    ],
)
def test_impossible_places(saved, tmp_path, where, message):
    with pytest.raises(FileError, match=message):
        save(*saved, tmp_path / where)


def test_an_attribute_that_netcdf_cannot_hold(saved, path):
    bnn, idata = saved
    idata.attrs["note"] = {"a": 1}
    with pytest.raises(FileError, match="Take out of idata what NetCDF cannot hold"):
        save(bnn, idata, path)


# ---------------------------------------------------------------- what is no run of this model


def test_save_checks_that_the_two_belong_together(saved, path):
    bnn, idata = saved
    with pytest.raises(MethodError, match=r"must be a BNN .*; got Model.*idata\.to_netcdf"):
        save(pm.Model(), idata, path)
    with pytest.raises(ModelError, match="group 'posterior'"):
        save(bnn, idata["posterior"].to_dataset(), path)
    other, theirs = made("gaussian")
    with pytest.raises(ModelError, match="has no variable 'out_weight' of shape"):
        save(bnn, theirs, path)
    theirs.attrs["network"] = other.network.to_json()
    with pytest.raises(ModelError, match="fit of another network"):
        save(bnn, theirs, path)


def test_missing_text_and_foreign_files(path, tmp_path):
    with pytest.raises(FileError, match=r"run\.nc does not exist"):
        load(path)
    with pytest.raises(FileError, match="is a folder"):
        load(tmp_path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(
        FileError, match=r"run\.nc is not a run file of pbnn, or damaged: it is no NetCDF file\. Take"
    ):
        load(path)
    made("gaussian")[1].to_netcdf(path, engine="h5netcdf")
    with pytest.raises(FileError, match=r"is no run file of pbnn\.save.*xarray\.open_datatree"):
        load(path)


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.999])
def test_truncated_files(saved, path, keep):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(
        FileError, match=r"run\.nc is not a run file of pbnn, or damaged: it[^:(]*\. Take a copy"
    ):
        load(path)


def test_flipped_bits_in_the_weights_are_found(saved, path):
    with h5py.File(path) as file:
        chunk = file["posterior/h1_weight"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 9] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        FileError, match=r"or damaged: its content cannot be read\. Take a copy from elsewhere, or fit"
    ):
        load(path)


def change(path, name, value):
    with h5py.File(path, "a") as file:
        file.attrs[name] = value


NETWORK = Network(DEEP, Categorical()).to_json()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pbnn_format", 3, "format 3, and this version of pbnn reads up to 2; install a newer pbnn"),
        ("network", NETWORK.replace("layer.Dense", "os.system"), "unknown type 'os.system'"),
        ("network", "import os", "JSON: not readable"),
        ("network", NETWORK.replace('"units": 3', '"units": -3'), "units must be a whole number"),
        ("columns", '{"names": ["a"]}', "columns must have"),
        ("columns", "[]", "columns must have"),
        ("response", "{", "damaged"),
    ],
)
def test_edited_files(saved, path, name, value, message):
    change(path, name, value)
    with pytest.raises(FileError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("what", "field", "value"),
    [
        ("columns", "scale", [0.0, 1.0]),
        ("columns", "loc", [float("nan"), 0.0]),
        ("columns", "loc", [0.0]),
        ("columns", "names", [1, 2]),
        ("columns", "names", ["a", "b", "c"]),
        ("response", "kind", "wishes"),
        ("response", "names", []),
    ],
)
def test_edited_values(saved, path, what, field, value):
    with h5py.File(path) as file:
        parts = json.loads(file.attrs[what])
    change(path, what, json.dumps({**parts, field: value}))
    with pytest.raises(FileError, match=r"run\.nc is not a run file of pbnn, or damaged"):
        load(path)


def test_data_of_another_shape(saved, path):
    bnn, idata = saved
    idata["constant_data"] = xr.Dataset({"X": (("obs", "feature"), np.zeros((12, 3)))})
    save(bnn, idata, path)
    with pytest.raises(FileError, match="data do not fit its columns"):
        load(path)


def test_loading_runs_no_code(saved, path, monkeypatch):
    """Whatever could run code from data is out of reach: objects that come out of a pickle."""

    def refuse(*args, **kwargs):
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    load(path)
    bomb = np.frombuffer(pickle.dumps(print), dtype=np.uint8)
    with h5py.File(path, "a") as file:
        file["posterior"].create_dataset("bomb", data=np.void(bomb.tobytes()))
        file.attrs["bomb"] = np.void(bomb.tobytes())
    try:
        _, tree = load(path)
    except FileError:
        return
    assert not any(callable(v) for v in tree.attrs.values())
