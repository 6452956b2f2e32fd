import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.cli import files
from tests.cli.conftest import QUICK

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('b,"1,2,3,X"\n1,2\n', ["b", "1,2,3,X"]),
        ("b;1,2,3,X\n1;2\n", ["b", "1,2,3,X"]),
        ('"1,2,3,X";b\n1,5;2\n', ["1,2,3,X", "b"]),
        ("\nb\t1,2,3,X\n\n1\t2\n", ["b", "1,2,3,X"]),
        ("a;b\n1,5;2,5\n", ["a", "b"]),
        ("a\n1\n", ["a"]),
    ],
)
def test_labels_may_hold_commas(text, names, csv):
    assert list(files.read_table(csv(text)).columns) == names


@pytest.mark.nightly
def test_a_target_with_commas_in_its_label(csv, pbnn_says, tmp_path):
    data = csv("b;1,2,3,X\n" + "".join(f"{i};{i % 5 + 0.5 * i}\n" for i in range(20)))
    run, out = tmp_path / "run.nc", tmp_path / "p.csv"
    assert pbnn_says("fit", data, "--target", "1,2,3,X", "--out", run, *QUICK)[0] == 0
    assert pbnn.load(run)[0].response.names == ("1,2,3,X",)
    assert pbnn_says("predict", run, data, "--out", out)[0] == 0


def test_what_is_rescued_replaces_nothing(tmp_path):
    path = tmp_path / "run.nc"
    assert files.unused(path) == path
    path.touch()
    assert files.unused(path) == tmp_path / "run-2.nc"
    files.unused(path).touch()
    assert files.unused(path) == tmp_path / "run-3.nc"


def test_several_outputs_have_columns_each():
    X = np.linspace(-1, 1, 20)[:, None]
    y = pd.DataFrame({"a": X[:, 0], "b": -X[:, 0] + 0.1 * np.sin(9 * X[:, 0])})
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, y)
    pred = pbnn.predict(
        bnn, pbnn.fit(bnn, pbnn.MAP(starts=1), seed=1), X, kind="summary", quantiles=[0.05], seed=1
    )
    table = files.prediction_table(pred["predictions"].to_dataset())
    assert list(table.columns[:5]) == ["a_mean", "a_sd", "a_epistemic_sd", "a_aleatoric_sd", "a_q05"]
    assert table.shape == (20, 10)


@pytest.mark.nightly
def test_row_numbers_are_left_out_with_a_note(csv, pbnn_says, tmp_path):
    data = csv(",a,y\n" + "\n".join(f"{i},{i % 7},{i * 1.5}" for i in range(20)))
    code, _, err = pbnn_says("fit", data, "--target", "y", "--out", tmp_path / "run.nc", *QUICK)
    assert code == 0
    assert err.startswith("Note: ")
    assert "taken for row numbers" in err
    assert pbnn.load(tmp_path / "run.nc")[0].columns.names == ("a",)


def test_labels_that_look_like_numbers_stay_labels(csv, pbnn_says, tmp_path):
    rows = [f"{code},{i % 5},{1.5 * code + i % 5}" for i, code in enumerate([7, 9, 11] * 8)]
    data, run = csv("zip,a,y\n" + "\n".join(rows)), tmp_path / "run.nc"
    fit = ["fit", data, "--target", "y", "--categorical", "zip", "--likelihood", "gaussian", "--out", run]
    assert pbnn_says(*fit, *QUICK)[0] == 0
    assert pbnn.load(run)[0].columns.categories == (("11", "7", "9"), None)
    assert pbnn_says("predict", run, data, "--out", tmp_path / "p.csv")[0] == 0
