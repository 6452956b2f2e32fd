"""`pbnn tune`: a table in; a network that `pbnn fit` takes, and a page, out."""

import shlex
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.cli.choices import Wishes
from pbnn.cli.fitting import read_data
from pbnn.cli.tuning import default_space
from pbnn.search import Choice, Int, Score, Space
from pbnn.search.objective import OBJECTIVES

OPEN = pbnn.Network([pbnn.Dense(Int(2, 5), Choice("tanh", "relu"))], likelihoods.Gaussian())


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"])
    frame.assign(y=np.sin(frame["a"]) + 0.1 * rng.normal(size=30), tag=list("uvwxyz") * 5).to_csv(
        tmp_path / "data.csv", index=False
    )
    (tmp_path / "space.json").write_text(OPEN.to_json())
    return tmp_path / "data.csv"


@pytest.fixture
def free(monkeypatch):
    """Make the score cost nothing."""

    def width(network, method, X, y, seed):
        return Score(float(network.layers[-1].units), se=0.1)

    monkeypatch.setitem(OBJECTIVES, "elpd", width)
    # The page has tests of its own.
    monkeypatch.setattr(pbnn, "report_study", lambda found, path, **_: Path(path).write_text("a page"))


def tune(table, *more):
    out = table.parent / "tuned"
    return ["tune", table, "--target", "y", "--out", out, *more]


@pytest.mark.slow
def test_writes_a_network_and_a_page_and_goes_on(table, free, pbnn_says):
    space = ["--space", table.parent / "space.json", "--drop", "tag"]
    code, text, err = pbnn_says(*tune(table, "--trials", 4, *space))
    assert (code, err) == (0, "")
    searching, found, _, fit = text.splitlines()
    assert searching.startswith("Searching over h0_units, h0_activation; the study is kept in sqlite:///")
    assert found.startswith("Recommended is trial ")
    assert "of 4: h0_units=" in found
    out = table.parent / "tuned"
    assert {path.name for path in out.iterdir()} >= {"network.json", "report.html", "study.db"}
    network = pbnn.Network.from_json((out / "network.json").read_text())
    assert network.layers[0].units >= 2
    assert shlex.split(fit)[:4] == ["pbnn", "fit", str(table), "--target"]
    assert fit.endswith("--method laplace --drop tag")

    code, text, err = pbnn_says(*tune(table, "--trials", 5, *space))
    assert (code, err) == (0, "")
    study = optuna.load_study(study_name="pbnn", storage=f"sqlite:///{out / 'study.db'}")
    assert len(study.trials) == 5

    code, text, err = pbnn_says(*tune(table, "--trials", 3, *space))
    assert (code, err) == (0, "")
    assert "No trial was run: the study has 5, and --trials 3 counts those too." in text

    code, _, err = pbnn_says(*tune(table, "--trials", 6, *space[2:]))
    assert code == 2
    assert "is of another space" in err
    assert "Choose another --out, or go back" in err
    assert "h1_units" in err

    storage = ["--storage", f"sqlite:///{out / 'study.db'}"]
    code, _, err = pbnn_says(*tune(table, "--trials", 6, *space, "--objective", "evidence", *storage))
    assert code == 2
    assert "Choose another --storage." in err


@pytest.mark.nightly
def test_the_command_that_it_prints_fits_the_network(table, pbnn_says, tmp_path):
    code, text, err = pbnn_says(
        *tune(table, "--trials", 3, "--space", table.parent / "space.json", "--drop", "tag")
    )
    assert code == 0, err
    command = shlex.split(text.splitlines()[-1])[1:]
    code, text, err = pbnn_says(*command, "--out", tmp_path / "run.nc", "--seed", 1)
    assert code == 0, err
    bnn, _ = pbnn.load(tmp_path / "run.nc")
    assert bnn.network == pbnn.Network.from_json((table.parent / "tuned" / "network.json").read_text())
    page = (table.parent / "tuned" / "report.html").read_text("utf-8")
    assert "could not be made" not in page


@pytest.mark.nightly
def test_the_space_that_nobody_named(table, pbnn_says):
    code, text, err = pbnn_says(*tune(table, "--trials", 3, "--workers", 2, "--time-limit", 300))
    assert code == 0, err
    assert "Categories, since they hold text: tag." in text


def test_the_default_space_suits_the_target(table):
    data = read_data(table, "y", Wishes(counts={}))
    numbers = Space(default_space(likelihoods.Gaussian(), data)).distributions
    assert list(numbers)[:3] == ["depth", "h1_units", "activation"]  # after the embedding of a column
    assert set(numbers) > {
        "h2_units",
        "h3_units",
        "weights_scale",
        "weights_scale_fanin_gain",
        "likelihood_noise",
    }
    classes = Space(default_space(likelihoods.Bernoulli(), data)).distributions
    assert "likelihood_noise" not in classes
    # A likelihood with fields of its own is left as it is.
    known = Space(default_space(likelihoods.Gaussian(noise=0.1), data)).distributions
    assert "likelihood_noise" not in known


def test_bad_input_is_refused_in_one_line(table, refused, csv, tmp_path):
    closed = tmp_path / "closed.json"
    closed.write_text(pbnn.Network([], likelihoods.Gaussian()).to_json())
    assert "two ways to say when to end" in refused(*tune(table, "--trials", 3, "--time", 5))
    assert "--time must be a number of seconds" in refused(*tune(table, "--time", 0))
    assert "has no column 'z'" in refused("tune", table, "--target", "z")
    assert "no such file" in refused(*tune(table, "--space", tmp_path / "no.json"))
    assert "nothing is left open" in refused(*tune(table, "--space", closed))
    assert "leave out --likelihood" in refused(*tune(table, "--space", closed, "--likelihood", "gaussian"))
    assert "Did you mean 'laplace'" in refused(*tune(table, "--method", "laplac"))
    assert "is a file; name a folder" in refused("tune", table, "--target", "y", "--out", table)
    assert "there is no folder" in refused("tune", table, "--target", "y", "--out", tmp_path / "x" / "y")
    assert "Did you mean 'elpd'" in refused(*tune(table, "--objective", "epld"))
    assert "--trials must be a whole number >= 1; got 0" in refused(*tune(table, "--trials", 0))
    assert "stop_below must be" in refused(*tune(table, "--stop-below", 0))
