"""Every set loads, says what it is, and refuses what makes no sense."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pbnn import datasets
from pbnn.errors import DataError, FileError

REAL = {
    "motorcycle": ((94, 1), "acceleration"),
    "breast_cancer": ((569, 30), "malignant"),
    "penguins": ((333, 4), "species"),
}
SYNTHETIC = [datasets.make_sine, datasets.make_linear, datasets.make_moons, datasets.make_counts]


@pytest.mark.parametrize("name", REAL)
def test_real_set_is_complete_and_numeric(name):
    shape, target = REAL[name]
    data = getattr(datasets, f"load_{name}")()
    assert data.name == name
    assert data.X.shape == shape
    assert data.y.name == target
    assert target not in data.X
    assert np.isfinite(data.X.to_numpy(float)).all()
    assert data.y.notna().all()
    assert (data.X.std() > 0).all()


def test_penguins_bring_text_columns_on_request():
    X = datasets.load_penguins(categorical=True).X
    assert set(X["island"]) == {"Biscoe", "Dream", "Torgersen"}
    assert set(X["sex"]) == {"female", "male"}


@pytest.mark.parametrize("make", SYNTHETIC)
def test_synthetic_set_depends_on_the_seed_alone(make):
    one, same, other = make(40, seed=1), make(40, seed=1), make(40, seed=2)
    pd.testing.assert_frame_equal(one.X, same.X)
    pd.testing.assert_series_equal(one.y, same.y)
    assert not one.X.equals(other.X)
    assert len(one.X) == len(one.y) == 40


@pytest.mark.parametrize("make", SYNTHETIC)
def test_synthetic_set_needs_a_row(make):
    with pytest.raises(DataError, match=rf"{make.__name__}: n must be at least 1; got 0"):
        make(0)


def test_sine_noise_has_the_stated_scale():
    data = datasets.make_sine(20_000, seed=3)
    residual = (data.y - data.truth["mean"]) / data.truth["sd"]
    # The mean and variance of n standard normals have standard errors 1/sqrt(n) and sqrt(2/n).
    assert abs(residual.mean()) < 4 / np.sqrt(20_000)
    assert abs(residual.var() - 1) < 4 * np.sqrt(2 / 20_000)


@pytest.mark.parametrize("gap", [(1.0, -1.0), (-4.0, 0.0), (-3.0, 3.0)])
def test_sine_refuses_an_impossible_gap(gap):
    with pytest.raises(DataError, match="gap must lie inside"):
        datasets.make_sine(gap=gap)


@pytest.mark.parametrize("gap", [(-3.0, 0.0), (0.0, 3.0), (1.0, 1.0)])
def test_sine_gap_may_touch_an_end_or_vanish(gap):
    x = datasets.make_sine(300, gap=gap).X["x"]
    assert x.between(-3, 3).all()
    assert not ((x > gap[0]) & (x < gap[1])).any()


def test_moons_without_noise_lie_on_two_half_circles():
    data = datasets.make_moons(100, noise=0)
    centre = np.outer(data.y, [1.0, 0.5])
    assert np.allclose(np.linalg.norm(data.X - centre, axis=1), 1)
    assert data.y.sum() == 50


def test_split_parts_the_rows():
    data = datasets.load_motorcycle()
    part = datasets.split(data, 0.25, seed=1)
    assert len(part.X_test) == len(part.y_test) == 24
    assert sorted([*part.X_train.index, *part.X_test.index]) == list(data.X.index)
    assert part.X_train.index.equals(part.y_train.index)


@pytest.mark.parametrize("test", [0.0, 1.0, -0.1])
def test_split_needs_both_sides(test):
    with pytest.raises(DataError, match="0 < test < 1"):
        datasets.split(datasets.load_motorcycle(), test)


# ------------------------------------------------------------------------------------------------ UCI splits


@pytest.fixture
def folder(tmp_path):
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
    masks = np.arange(10) // 2 == np.arange(5)[:, None]
    np.savez(tmp_path / "toy.npz", X=X, y=y, test_mask=masks)
    return tmp_path


def test_uci_split_follows_its_mask(folder):
    part = datasets.load_uci("toy", folder, 4)
    assert part.name == "toy/4"
    assert part.y_test.tolist() == [8, 9]
    assert part.y_train.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert part.X_test.tolist() == [[16, 17], [18, 19]]
    assert part.X_train.shape == (8, 2)


def test_uci_names_what_the_folder_holds(folder):
    with pytest.raises(DataError, match=rf"{folder}.*unknown data set 'toi'; known: toy. Did you mean 'toy'"):
        datasets.load_uci("toi", folder)


@pytest.mark.parametrize("split", [5, -1])
def test_uci_says_how_many_splits_there_are(folder, split):
    with pytest.raises(DataError, match=rf"toy has 5 splits, 0 to 4; got split={split}"):
        datasets.load_uci("toy", folder, split)


@pytest.mark.parametrize("missing", ["", "nowhere"])
def test_uci_without_files_names_the_folder(tmp_path, missing):
    with pytest.raises(FileError, match=r"expected files such as yacht.npz in the folder"):
        datasets.load_uci("yacht", tmp_path / missing)


def test_uci_refuses_a_broken_file(folder):
    (folder / "toy.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(FileError, match=r"toy.npz does not hold readable arrays"):
        datasets.load_uci("toy", folder)


def test_uci_runs_no_code_from_a_file(folder):
    np.savez(
        folder / "toy.npz", X=np.array([print], dtype=object), y=np.ones(1), test_mask=np.ones((1, 1), bool)
    )
    with pytest.raises(FileError, match=r"toy.npz does not hold readable arrays"):
        datasets.load_uci("toy", folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"X": np.ones(10)},
        {"y": np.array(1.0)},
        {"y": np.ones(9)},
        {"test_mask": np.ones((5, 10))},
        {"test_mask": np.ones(10, bool)},
    ],
)
def test_uci_refuses_other_shapes(folder, wrong):
    right = {"X": np.ones((10, 2)), "y": np.ones(10), "test_mask": np.ones((5, 10), bool)}
    np.savez(folder / "toy.npz", **(right | wrong))
    with pytest.raises(FileError, match=r"must hold X \(obs, feature\)"):
        datasets.load_uci("toy", folder)


def test_importing_datasets_stays_light():
    code = (
        "import sys, pbnn.datasets\n"
        "heavy = {'jax', 'pymc', 'pytensor', 'arviz', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
