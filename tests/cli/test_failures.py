"""Failures midway: nothing is lost, and there is no traceback."""

import errno
import os
from pathlib import Path

import pytest
from pymc.exceptions import SamplingError

import pbnn
from pbnn.cli import demo
from pbnn.errors import FileError
from tests.cli.conftest import QUICK


@pytest.mark.slow
def test_run_is_kept_elsewhere_when_saving_fails(folder, refused, tmp_path, monkeypatch):
    save, out = pbnn.save, tmp_path / "run.nc"

    def full_disk(bnn, idata, path):
        if Path(path) == out:
            raise FileError(f"save: {path} cannot be written (No space left on device).")
        save(bnn, idata, path)

    (tmp_path / "run-1.nc").write_text("another run")
    monkeypatch.setattr(pbnn, "save", full_disk)
    monkeypatch.setattr("pbnn.cli.fitting.gettempdir", lambda: str(tmp_path))
    error = refused("fit", folder / "train.csv", "--target", "species", "--drop", "tag", "--out", out, *QUICK)
    assert "No space left" in error
    assert (tmp_path / "run-1.nc").read_text() == "another run"
    kept = Path(error.partition("it is in ")[2].strip().rstrip("."))
    assert pbnn.load(kept)[0].response.classes == ("Adelie", "Chinstrap", "Gentoo")


def test_predictions_survive_a_full_disk(folder, refused, tmp_path, monkeypatch):
    out = tmp_path / "p.csv"
    out.write_text("old")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refused("predict", folder / "run.nc", folder / "test.csv", "--out", out)
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]
    assert out.read_text() == "old"


@pytest.mark.nightly
def test_demo_keeps_the_fit_when_the_report_fails(pbnn_says, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "METHOD", {"draws": 5, "tune": 5, "chains": 1, "max_treedepth": 2})

    def broken(*_, **__):
        raise RuntimeError("no ink")

    monkeypatch.setattr(pbnn, "report", broken)
    (tmp_path / "r.nc").write_text("another run")
    code, _, err = pbnn_says("demo", "--out", tmp_path / "r.html")
    size, error = err.splitlines()
    assert code == 2
    assert size.startswith("NUTS keeps 1 × 5 draws")
    assert error.startswith("Error: The report failed (no ink).")
    assert (tmp_path / "r.nc").read_text() == "another run"
    assert pbnn.load(tmp_path / "r-2.nc")[1].attrs["method"] == "nuts"


def test_interruption_is_no_traceback(pbnn_says, monkeypatch, csv):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pbnn.cli.fitting.run_fit", interrupted)
    code, _, err = pbnn_says("fit", csv("a,y\n1,2\n"), "--target", "y")
    assert code == 130
    assert err.splitlines()[-1] == "Error: interrupted, before there was anything to save."


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            FloatingPointError("NaN in the ELBO.\nThe current approximation ..."),
            "FloatingPointError: NaN in the ELBO",
        ),
        (
            SamplingError("Initial evaluation failed!\nStarting values: {}"),
            "SamplingError: Initial evaluation failed",
        ),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_failure_of_another_library_is_one_line(error, line, pbnn_says, monkeypatch):
    def broken(*_):
        raise error

    monkeypatch.setattr("pbnn.cli.using.run_diagnose", broken)
    assert pbnn_says("diagnose", "run.nc") == (1, "", f"Error: {line}. For the traceback set PBNN_DEBUG=1.\n")
    monkeypatch.setenv("PBNN_DEBUG", "1")
    code, _, err = pbnn_says("diagnose", "run.nc")
    assert code == 1
    assert "in broken" in err
