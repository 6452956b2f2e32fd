import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.cli import choices, demo
from pbnn.cli.app import app
from pbnn.infer.methods import METHODS
from tests.cli.conftest import QUICK

pytestmark = pytest.mark.slow

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
    # A name with a hyphen may be broken there.
    text = " ".join(pbnn_says("fit", "--help")[1].split()).replace("- ", "-")
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


def test_report_and_diagnose(folder, pbnn_says, tmp_path):
    out = tmp_path / "report.html"
    code, _, err = pbnn_says("report", folder / "run.nc", "--test", folder / "test.csv", "--out", out)
    assert (code, err) == (0, "")
    assert "held-out" in out.read_text()
    code, text, _ = pbnn_says("diagnose", folder / "run.nc")
    assert code == 0
    assert "one point, the mode" in text


def test_report_takes_a_table_without_the_target_and_one_of_other_rows(
    folder, pbnn_says, tmp_path, monkeypatch
):
    seen = []
    monkeypatch.setattr(pbnn, "report", lambda bnn, idata, out, *data, X_out: seen.append((*data, X_out)))
    bnn, _ = pbnn.load(folder / "run.nc")
    table = pd.read_csv(folder / "test.csv")
    new, same = tmp_path / "new.csv", folder / "test.csv"
    table.drop(columns=list(bnn.response.names)).to_csv(new, index=False)
    call = ["report", folder / "run.nc", "--out", tmp_path / "r.html"]
    code, text, _ = pbnn_says(*call, "--test", new, "--out-of-distribution", same)
    assert code == 0
    assert "the report leaves out what needs it" in " ".join(text.split())
    X, y, X_out = seen[0]
    assert y is None
    assert len(X) == len(X_out) == len(table)
    code, _, err = pbnn_says(*call, "--test", new, "--target", bnn.response.names[0])
    assert code == 2
    assert "has no column" in err


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


def test_demo_reports(pbnn_says, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "METHOD", {"draws": 50, "tune": 100, "chains": 2, "max_treedepth": 6})
    out = tmp_path / "here.html"
    code, text, _ = pbnn_says("demo", "--out", out)
    assert code == 0
    assert str(out) in text
    assert "acceleration" in out.read_text()
