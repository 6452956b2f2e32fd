"""`pbnn fit --network`: any network that JSON can say, from the command line."""

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.cli.choices import Wishes
from pbnn.cli.fitting import build_from_table

MAP = ["--method", "map", "--set", "starts=1", "--set", "steps=300", "--seed", "1"]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(20, 6)), columns=[f"t{i}" for i in range(6)])
    frame.assign(site=list("uvwu") * 5, y=frame.sum(axis=1)).to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


@pytest.mark.nightly
def test_a_sequence_and_groups_from_a_table(table, tmp_path, pbnn_says):
    network = pbnn.Network(
        [
            pbnn.Concat([[pbnn.Reshape((6, 1)), pbnn.Conv1D(2, 3), pbnn.AveragePool()], []]),
            pbnn.GroupDense("site", 2),
        ],
        likelihoods.Gaussian(),
    )
    (tmp_path / "net.json").write_text(network.to_json())
    fit = [
        "fit",
        table,
        "--target",
        "y",
        "--network",
        tmp_path / "net.json",
        "--out",
        tmp_path / "run.nc",
        *MAP,
    ]
    code, out, err = pbnn_says(*fit)
    assert code == 0, err
    assert "GroupDense 'site' 2 tanh" in out
    bnn, _ = pbnn.load(tmp_path / "run.nc")
    assert bnn.network == network
    code, _, err = pbnn_says("predict", tmp_path / "run.nc", table, "--out", tmp_path / "predictions.csv")
    assert code == 0, err
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 20


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        (None, [], "net.json: no such file"),
        ("a network, please", [], "net.json: JSON: not readable"),
        ('{"type": "layer.BatchNorm"}', [], "BatchNorm: mean and variance of a batch"),
        ('{"type": "layer.Conv3D"}', [], "unknown type 'layer.Conv3D'; known: layer.AveragePool"),
        ("{}", [], "to_json())"),
        ("good", ["--hidden", "5"], "--network says it all; leave out --hidden"),
        ("good", ["--likelihood", "gaussian"], "--network says it all; leave out --likelihood"),
        ("good", [], "X column 'site' holds text ('u', row 0)"),
        ("long", ["--drop", "site"], "h1: the window of Conv1D is 9 and its input has length 6"),
    ],
)
def test_bad_network_files_are_refused(text, more, words, table, tmp_path, refused):
    if text is not None:
        layers = [pbnn.Dense(2)]
        if text == "long":
            layers = [pbnn.Reshape((6, 1)), pbnn.Conv1D(2, 9)]
        network = pbnn.Network(layers, likelihoods.Gaussian()).to_json()
        (tmp_path / "net.json").write_text(network if text in ("good", "long") else text)
    fit = ["fit", table, "--target", "y", "--network", tmp_path / "net.json", "--out", tmp_path / "run.nc"]
    assert words in refused(*fit, *MAP, *more)
    assert not (tmp_path / "run.nc").exists()


def test_a_network_file_with_several_targets_or_censored_times(table, tmp_path):
    frame = pd.read_csv(table).assign(z=1.0 + np.arange(20), died=[0, 1] * 10)
    frame.to_csv(table, index=False)
    path = tmp_path / "net.json"

    def built(likelihood, target, **wishes):
        path.write_text(pbnn.Network([], likelihood).to_json())
        return build_from_table(table, target, Wishes(network=path, drop=("site",), counts={}, **wishes))

    assert built(likelihoods.Gaussian(), "y,z").response.names == ("y", "z")
    bnn = built(likelihoods.Weibull(), "z", event="died")
    assert bnn.response.censored
    assert bnn.columns.names == ("t0", "t1", "t2", "t3", "t4", "t5", "y")
