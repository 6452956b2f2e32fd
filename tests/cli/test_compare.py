"""`pbnn compare`: files in, one page out, and one line for what does not compare."""

import shutil

import pytest

import pbnn
from pbnn.cli.comparing import names_of
from pbnn.errors import FileError
from tests.rivals import without_data

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    """The run of the penguins in two folders, under one name."""
    other = tmp_path_factory.mktemp("other") / "run.nc"
    shutil.copy(folder / "run.nc", other)
    return [folder / "run.nc", other]


def test_writes_a_page_from_files(runs, folder, pbnn_says, tmp_path):
    out = tmp_path / "compare.html"
    code, text, err = pbnn_says("compare", *runs, "--out", out, "--test", folder / "test.csv")
    assert (code, err) == (0, "")
    verdict, weights, wrote = text.splitlines()
    assert verdict.endswith("too close to call.")
    assert weights.startswith("Weights in an average (stacking): ")
    assert wrote == f"Wrote {out}."
    page = out.read_text(encoding="utf-8")
    assert "No clear winner" in page  # the one is a copy of the other
    assert str(runs[1]) in page
    for words in ("Share of rows classified right", "mutual information of class and model", "debiased"):
        assert words in page
    assert "could not be made" not in page


def test_runs_are_named_by_their_files(tmp_path):
    a, b, c = tmp_path / "a.nc", tmp_path / "b.nc", tmp_path / "x" / "a.nc"
    assert names_of([a, b]) == ["a", "b"]
    assert names_of([a, b, c]) == [str(a), "b", str(c)]
    with pytest.raises(FileError, match="at least two"):
        names_of([a])


def test_bad_input_is_refused_in_one_line(runs, folder, refused, csv, tmp_path):
    run, test = runs[0], folder / "test.csv"
    bare = tmp_path / "bare.nc"
    without_data(*pbnn.load(run), bare)
    assert "at least two run files; got 1" in refused("compare", run)
    assert "is given twice" in refused("compare", run, run)
    assert "does not exist" in refused("compare", run, tmp_path / "no.nc")
    assert "is not a run file of pbnn, or damaged" in refused("compare", run, csv("a,b\n1,2\n"))
    assert "'bare' has come without its training data" in refused("compare", run, bare)
    assert "no such file" in refused("compare", *runs, "--test", tmp_path / "no.csv")
    assert "has no column 'race'" in refused("compare", *runs, "--test", test, "--target", "race")
    assert "there is no folder" in refused("compare", *runs, "--out", tmp_path / "nowhere" / "compare.html")
    assert "input" in refused("compare", *runs, "--out", run)
