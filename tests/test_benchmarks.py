"""What benchmarks compute besides timing: sizes of samples, summaries over splits, and going on after a cut."""

import json
from argparse import Namespace
from math import ceil

import bench_coverage
import bench_ood
import bench_stacking
import bench_tuning
import common
import numpy as np
import pytest


@pytest.mark.parametrize("n", [20, 277, 691, 927, 41157])
def test_calibration_rows_give_each_level_exactly(n):
    rows = bench_coverage.calibration_rows(n)
    assert 0 < rows < n
    for level in bench_coverage.LEVELS:
        rank = (rows + 1) * level
        assert ceil(rank - 1e-9) == pytest.approx(rank)


def test_coverage_says_how_far_off_the_mean_is():
    def split(share):
        one = {"coverage": [share] * 3, "width": [1.0] * 3}
        return {"n_test": 50, "default": one, "conformal": one}

    table = bench_coverage.summary([split(0.50), split(0.54)])
    assert table["n_test"] == 100
    half = table["default"][0]
    assert half["coverage"] == [0.52, 0.02]
    assert (half["off"], half["chance"], half["met"]) == (0.02, 0.05, True)
    assert not table["conformal"][0]["met"]


def test_stacking_is_set_against_one_network_for_all_splits():
    names = list(bench_stacking.NETWORKS)

    def split(best, lpd):
        return {
            "single": dict.fromkeys(names, -9.0) | {names[0]: best},
            "average": dict.fromkeys(bench_stacking.WEIGHTS, lpd),
            "best_by_loo": names[1],
            "n_bad": dict.fromkeys(names, 1),
            "n_train": 10,
        }

    table = bench_stacking.summary([split(-1.0, -1.5), split(-2.0, -1.7)])
    assert table["best_in_hindsight"] == names[0]
    assert table["difference"]["stacking"]["best_in_hindsight"][0] == pytest.approx(-0.1)
    assert table["difference"]["stacking"]["best_by_loo"][0] == pytest.approx(7.4)
    assert table["bad_share"] == 0.1
    assert not table["met"]


def test_tuning_is_met_above_both_others_over_all_splits():
    def split(ours, default, random):
        searched = {"search_s": 60.0, "wall_s": 70.0, "trials": {"complete": 20, "pruned": 5}}
        return {
            "pbnn": {"lpd": ours, "rmse": 1.0, **searched},
            "default": {"lpd": default, "rmse": 1.0},
            "random": {"lpd": random, "rmse": 1.0, **searched},
        }

    splits = {str(i): split(-1.0, -1.5, -1.1 - 0.01 * i) for i in range(5)}
    table = bench_tuning.summary(splits, 25)
    assert table["difference"] == {"default": [0.5, 0.0], "random": [0.12, 0.0071]}
    assert table["pbnn"]["trials"] == [25.0, 0.0]
    assert table["met"]
    # A split that only ours has done says nothing yet, and four say too little to tell.
    cut = bench_tuning.summary(splits | {"4": {"pbnn": splits["4"]["pbnn"]}}, 25)
    assert (cut["splits"], "met" in cut) == ([0, 1, 2, 3], False)
    assert not bench_tuning.summary(splits | {"2": split(-2.0, -1.5, -1.0)}, 25)["met"]


def test_letters_are_made_like_the_digits():
    images = bench_ood.letters()
    assert images.shape == (len(bench_ood.LETTERS) * len(bench_ood.FACES), 64)
    assert images.min() == 0
    assert images.max() == 16
    assert len(np.unique(images, axis=0)) > 0.9 * len(images)


def test_turning_four_times_changes_nothing():
    images = np.random.default_rng(0).uniform(size=(3, 64))
    turned = images
    for _ in range(4):
        turned = bench_ood.rotated(turned)
    np.testing.assert_array_equal(turned, images)
    assert bench_ood.rotated(images)[0, 0] == images[0].reshape(8, 8)[0, 7]


def test_a_run_that_was_cut_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    assert common.kept("none") == {}
    common.keep("some", {"splits": {"0": 1.5}}, Namespace(seed=3, dry_run=False))
    assert common.kept("some") == {"splits": {"0": 1.5}}
    assert json.loads((tmp_path / "some.json").read_text())["seed"] == 3
    common.keep("dry", {}, Namespace(seed=3, dry_run=True))
    assert common.kept("dry") == {}
