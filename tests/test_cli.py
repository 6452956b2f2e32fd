import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.cli import choices, demo, files, main
from pbnn.cli.app import app
from pbnn.errors import FileError, MethodError
from pbnn.infer.methods import METHODS

QUICK = ["--method", "map", "--hidden", "4", "--set", "starts=1", "--seed", "1"]


@pytest.fixture
def pbnn_says(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, stdout, stderr."""

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return run


@pytest.fixture
def refused(pbnn_says) -> Callable[..., str]:
    """Run a command that must end with code 2 and one line, which is returned."""

    def run(*args: object) -> str:
        code, _, err = pbnn_says(*args)
        assert code == 2
        assert err.startswith("Error: ")
        assert err.count("\n") == 1, err
        return err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Tables of penguins, and a run fitted to them from the command line."""
    folder = tmp_path_factory.mktemp("cli")
    data = pbnn.datasets.load_penguins(categorical=True)
    table = data.X.assign(species=data.y, tag=[f"p{i}" for i in range(len(data.X))])
    train, test = table.iloc[::2], table.iloc[1::2]
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    fit = ["fit", folder / "train.csv", "--target", "species", "--drop", "tag", "--out", folder / "run.nc"]
    with pytest.raises(SystemExit, match="0"):
        main([str(arg) for arg in [*fit, *QUICK]])
    return folder


@pytest.fixture
def csv(tmp_path) -> Callable[..., Path]:
    """Write a CSV file from its text."""

    def write(text: str, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# ------------------------------------------------------------------------------------------------ what it says


def test_help_names_every_command(pbnn_says):
    code, out, _ = pbnn_says("--help")
    assert code == 0
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert f"  {name} " in out
        assert pbnn_says(name, "--help")[0] == 0
    assert pbnn_says() == (0, out, "")


def test_help_knows_the_methods_likelihoods_and_activations(pbnn_says):
    text = " ".join(pbnn_says("fit", "--help")[1].split())
    for name in [*METHODS, *choices.LIKELIHOODS, *pbnn.spec.layers.ACTIVATIONS]:
        assert name in text
    assert {cls.__name__ for cls in choices.LIKELIHOODS.values()} == set(likelihoods.LIKELIHOODS)


def test_version(pbnn_says):
    code, out, _ = pbnn_says("--version")
    assert code == 0
    assert out.startswith("pbnn 0.")


def test_methods_lists_every_option(pbnn_says):
    code, out, _ = pbnn_says("methods")
    assert code == 0
    for name, options in METHODS.items():
        part = out.partition(f"{name}")[2]
        assert all(f"--set {field.name}=" in part for field in fields(options))


def test_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "pbnn", "bogus"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "Error: No such command 'bogus'. See pbnn --help.\n"


# ------------------------------------------------------------------------------------------------- what it does


def test_fit_says_what_it_chose(folder, pbnn_says, tmp_path):
    out = tmp_path / "run.nc"
    code, text, err = pbnn_says(
        "fit", folder / "train.csv", "--target", "species", "--drop", "tag", "--out", out, *QUICK
    )
    assert (code, err) == (0, "")
    assert "Categories, since they hold text: island, sex." in text
    assert "Likelihood of species (3 labels): categorical." in text
    assert f"Wrote {out}." in text
    bnn, idata = pbnn.load(out)
    assert [type(layer).__name__ for layer in bnn.network.layers] == ["Embedding", "Embedding", "Dense"]
    assert bnn.columns.names == (
        "bill_length_mm",
        "bill_depth_mm",
        "flipper_length_mm",
        "body_mass_g",
        "island",
        "sex",
    )
    assert idata.attrs["seed"] == 1


def test_predict_writes_a_line_for_each_row(folder, pbnn_says, tmp_path):
    out = tmp_path / "predictions.csv"
    code, text, _ = pbnn_says("predict", folder / "run.nc", folder / "test.csv", "--out", out)
    assert code == 0
    test, got = pd.read_csv(folder / "test.csv"), pd.read_csv(out)
    assert f"{len(test)} rows" in text
    assert list(got.columns) == [
        "class",
        "p_Adelie",
        "p_Chinstrap",
        "p_Gentoo",
        "entropy",
        "epistemic_entropy",
    ]
    np.testing.assert_allclose(got.filter(like="p_").sum(axis=1), 1, atol=1e-5)
    assert (got["class"] == test["species"]).mean() > 0.9


def test_predict_finds_columns_by_name(folder, pbnn_says, tmp_path):
    table = pd.read_csv(folder / "test.csv")
    table[table.columns[::-1]].to_csv(tmp_path / "turned.csv", index=False)
    for name, source in (("a.csv", folder / "test.csv"), ("b.csv", tmp_path / "turned.csv")):
        assert pbnn_says("predict", folder / "run.nc", source, "--out", tmp_path / name)[0] == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_numbers_come_with_parts_and_quantiles(csv, pbnn_says, tmp_path):
    x = np.linspace(0, 10, 40)
    data = csv("x;y\n" + "\n".join(f"{a:.3f};{2 * a + np.sin(9 * a):.3f}" for a in x))
    run, out = tmp_path / "run.nc", tmp_path / "p.csv"
    code, text, _ = pbnn_says("fit", data, "--target", "y", "--out", run, *QUICK, "--hidden", 0)
    assert (code, "gaussian" in text) == (0, True)
    assert pbnn_says("predict", run, data, "--out", out, "--quantiles", "0.025,.5")[0] == 0
    got = pd.read_csv(out)
    assert list(got.columns) == ["mean", "sd", "epistemic_sd", "aleatoric_sd", "q2.5", "q50"]
    np.testing.assert_allclose(got["sd"] ** 2, got["epistemic_sd"] ** 2 + got["aleatoric_sd"] ** 2, rtol=1e-4)
    assert np.corrcoef(got["mean"], 2 * x)[0, 1] > 0.99


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


@pytest.mark.slow
def test_report_and_diagnose(folder, pbnn_says, tmp_path):
    out = tmp_path / "report.html"
    code, _, err = pbnn_says("report", folder / "run.nc", "--test", folder / "test.csv", "--out", out)
    assert (code, err) == (0, "")
    assert "held-out" in out.read_text()
    code, text, _ = pbnn_says("diagnose", folder / "run.nc")
    assert code == 0
    assert "one point, the mode" in text


@pytest.mark.slow
def test_diagnose_tells_by_exit_code_not_to_trust(csv, pbnn_says, tmp_path):
    data = csv("x,y\n" + "\n".join(f"{a},{(-1) ** a * 1.5}" for a in range(20)))
    run = tmp_path / "run.nc"
    fit = [
        "fit",
        data,
        "--target",
        "y",
        "--likelihood",
        "gaussian",
        "--out",
        run,
        "--hidden",
        "3",
        "--seed",
        1,
    ]
    assert pbnn_says(*fit, "--draws", 10, "--tune", 3, "--chains", 2)[0] == 0
    code, text, _ = pbnn_says("diagnose", run)
    assert code == 1
    assert text.startswith("Do not trust the predictions")


@pytest.mark.slow
def test_demo_reports(pbnn_says, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "METHOD", {"draws": 50, "tune": 100, "chains": 2, "max_treedepth": 6})
    out = tmp_path / "here.html"
    code, text, _ = pbnn_says("demo", "--out", out)
    assert code == 0
    assert str(out) in text
    assert "acceleration" in out.read_text()


# -------------------------------------------------------------------------------------------------- choices


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["a", "b", "a"], "bernoulli"),
        ([0, 1, 1], "bernoulli"),
        ([True, False], "bernoulli"),
        (["a", "b", "c"], "categorical"),
        ([0, 1, 2, 7], "poisson"),
        ([100, 200, 350], "gaussian"),
        ([-1, 0, 4], "gaussian"),
        ([0.5, 1.5, 4.0], "gaussian"),
    ],
)
def test_likelihood_follows_from_the_target(values, name):
    assert choices.suggest_likelihood(pd.Series(values))[0] == name


def test_settings_reach_the_method():
    wished = choices.method_from(
        "advi", {"draws": 7, "tune": None}, ["structure=fullrank", "batch_size=none"]
    )
    assert wished == pbnn.ADVI("fullrank", draws=7)
    with pytest.raises(MethodError, match="NUTS: target_accept must"):
        choices.method_from("nuts", {}, ["target_accept=2"])
    with pytest.raises(MethodError):
        choices.method_from("nuts", {}, ["target_accept=high"])


# -------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,y\n1,2\n,3.5\n3,4\n", "column 'a' misses a value on line 3; fill it"),
        ("a,y\n1,2\n\n2,7\n,3.5\n", "column 'a' misses a value on line 5; fill it"),
        ("a,y\n1,2\n2,\n3,\n", "column 'y' misses a value on line 3, and 1 other"),
        ("a,y\n1,2\n?,3.5\n3,4\n", "column 'a' holds text ('?', line 3) among numbers"),
        ('a,b,y\n1,"x\nx",2\n2,z,2\ninf,z,3.5\n3,z,4\n', "X column 'a' is infinite on line 5"),
        ("a,y\n1,2\n2,2\n3,2\n", "y is constant"),
        ("a,y\n1,2\n", "a fit needs at least 2"),
        ("a,y\n", "no rows"),
        ("", "not readable as CSV"),
        ("a,y\n1,2\n1,2,3,4\n", "not readable as CSV"),
        ("y\n1\n2\n3.5\n", "no input column is left"),
        ("a,z\n1,2\n2,3\n", "has no column 'y'; it has: a, z."),
        ("name,y\nAnn,1\nBob,2\nCat,3.5\n", "leave it out with --drop name"),
    ],
)
def test_bad_tables_are_refused(text, words, csv, refused, tmp_path):
    error = refused("fit", csv(text), "--target", "y", "--out", tmp_path / "run.nc", *QUICK)
    assert words in error
    assert "data.csv: " in error
    assert not (tmp_path / "run.nc").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["--method", "nut"],
            "unknown method 'nut'; known: advi, map, nuts, pymc-advi. Did you mean 'nuts'?",
        ),
        (
            ["--method", "map", "--chains", "4"],
            "map has no option 'chains'; it has: starts, steps, precision.",
        ),
        (["--set", "draws"], "--set takes NAME=VALUE"),
        (["--draws", "0"], "draws must be a whole number >= 1; got 0"),
        (["--draws", "many"], "Invalid value for '--draws'"),
        (["--hidden", "50;50"], "--hidden must be whole numbers such as 50,50"),
        (["--activation", "tan"], "unknown activation 'tan'"),
        (["--likelihood", "normal"], "unknown likelihood 'normal'; known: bernoulli, categorical"),
        (["--noise", "wild"], "unknown noise 'wild'; known: heteroscedastic."),
        (["--likelihood", "poisson", "--noise", "1"], "--noise is for gaussian and student-t"),
        (["--categorical", "b"], "has no column 'b'"),
        (["--drop", "b"], "has no column 'b'"),
        (["--seed", "-1"], "seed must be a whole number"),
        (["--out", "nowhere/run.nc"], "there is no folder 'nowhere'"),
        (["--bogus"], "No such option: --bogus"),
    ],
)
def test_bad_options_are_refused(args, words, csv, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    csv("a,y\n1,2\n2,3.5\n3,4\n")
    assert words in refused("fit", "data.csv", "--target", "y", *args)


def test_bad_files_are_refused(folder, refused, csv, tmp_path):
    run, test = folder / "run.nc", folder / "test.csv"
    other = csv("a,b\n1,2\n")
    assert "no such file" in refused("fit", tmp_path / "no.csv", "--target", "y")
    assert "is a folder" in refused("fit", tmp_path, "--target", "y")
    assert "exists already; pass --force" in refused("fit", test, "--target", "species", "--out", run)
    assert "NetCDF" in refused("predict", other, test)
    assert "does not exist" in refused("diagnose", tmp_path / "no.nc")
    assert "has no column 'bill_length_mm'; it has: a, b." in refused("predict", run, other)
    assert "has no column 'race'" in refused("report", run, "--test", test, "--target", "race")
    assert "quantiles must" in refused("predict", run, test, "--quantiles", "a,b")
    assert "is a folder" in refused("predict", run, test, "--out", tmp_path)
    strange = csv((test.read_text().replace("Dream", "Utopia")), "strange.csv")
    line = 1 + next(i for i, text in enumerate(strange.read_text().splitlines()) if "Utopia" in text)
    assert f"unknown category 'Utopia' on line {line}" in refused("predict", run, strange)


def test_binary_file_is_no_table(refused, tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    assert "no text in UTF-8" in refused("fit", tmp_path / "x.csv", "--target", "y")


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


# --------------------------------------------------------------------------------------------- nothing is lost


def test_run_is_kept_elsewhere_when_saving_fails(folder, refused, tmp_path, monkeypatch):
    save, out = pbnn.save, tmp_path / "run.nc"

    def full_disk(bnn, idata, path):
        if Path(path) == out:
            raise FileError(f"save: {path} cannot be written (No space left on device).")
        save(bnn, idata, path)

    monkeypatch.setattr(pbnn, "save", full_disk)
    monkeypatch.setattr("pbnn.cli.fitting.gettempdir", lambda: str(tmp_path))
    error = refused("fit", folder / "train.csv", "--target", "species", "--drop", "tag", "--out", out, *QUICK)
    assert "No space left" in error
    kept = Path(error.partition("it is in ")[2].strip().rstrip("."))
    assert pbnn.load(kept)[0].response.classes == ("Adelie", "Chinstrap", "Gentoo")


def test_predictions_survive_a_full_disk(folder, refused, tmp_path, monkeypatch):
    out = tmp_path / "p.csv"
    out.write_text("old")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert "No space left" in refused("predict", folder / "run.nc", folder / "test.csv", "--out", out)
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]
    assert out.read_text() == "old"


@pytest.mark.slow
def test_demo_keeps_the_fit_when_the_report_fails(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "METHOD", {"draws": 5, "tune": 5, "chains": 1, "max_treedepth": 2})

    def broken(*_, **__):
        raise RuntimeError("no ink")

    monkeypatch.setattr(pbnn, "report", broken)
    error = refused("demo", "--out", tmp_path / "r.html")
    assert "no ink" in error
    assert pbnn.load(tmp_path / "r.nc")[1].attrs["method"] == "nuts"


def test_interruption_is_no_traceback(pbnn_says, monkeypatch, csv):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pbnn.cli.fitting.run_fit", interrupted)
    code, _, err = pbnn_says("fit", csv("a,y\n1,2\n"), "--target", "y")
    assert code == 130
    assert "Traceback" not in err
