"""Bad input ends a command with one line that names the place and the remedy."""

import pytest

from tests.cli.conftest import QUICK


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,y\n1,2\n,3.5\n3,4\n", "column 'a' misses a value on line 3; fill it"),
        ("a,y\n1,2\n\n2,7\n,3.5\n", "column 'a' misses a value on line 5; fill it"),
        ("a,y\n1,2\n2,\n3,\n", "column 'y' misses a value on line 3, and 1 other"),
        ("a,y\n1,2\n?,3.5\n3,4\n", "column 'a' holds text ('?', line 3) among numbers"),
        (
            'a,b,y\n1,"x\nx",2\n2,z,2\ninf,z,3.5\n3,z,4\n',
            "X column 'a' is infinite in row 2; drop or impute such rows. Rows count from 0",
        ),
        ("a,y\n1,2\n \n2,7\n,3.5\n", "column 'a' misses a value on line 5; fill it"),
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
            "unknown method 'nut'; known: advi, ensemble, gauss-newton-vi, laplace, map, mclmc, nuts, "
            "pymc-advi, sgmcmc, swag. "
            "Did you mean 'nuts'?",
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
        (["--likelihood", "normal"], "unknown likelihood 'normal'; known: asymmetric-laplace, bernoulli"),
        (["--noise", "wild"], "unknown noise 'wild'; known: heteroscedastic."),
        (["--likelihood", "poisson", "--noise", "1"], "--noise is for gaussian, student-t"),
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


@pytest.mark.slow
def test_bad_files_are_refused(folder, refused, csv, tmp_path):
    run, test = folder / "run.nc", folder / "test.csv"
    other = csv("a,b\n1,2\n")
    assert "no such file" in refused("fit", tmp_path / "no.csv", "--target", "y")
    assert "is a folder" in refused("fit", tmp_path, "--target", "y")
    assert "exists already; pass --force" in refused("fit", test, "--target", "species", "--out", run)
    assert "data.csv is not a run file of pbnn, or damaged" in refused("predict", other, test)
    assert "does not exist" in refused("diagnose", tmp_path / "no.nc")
    assert "has no column 'bill_length_mm'; it has: a, b." in refused("predict", run, other)
    assert "has no column 'race'" in refused("report", run, "--test", test, "--target", "race")
    assert "quantiles must" in refused("predict", run, test, "--quantiles", "a,b")
    assert "is a folder" in refused("predict", run, test, "--out", tmp_path)
    strange = csv((test.read_text().replace("Dream", "Utopia")), "strange.csv")
    row = next(i for i, text in enumerate(strange.read_text().splitlines()[1:]) if "Utopia" in text)
    error = refused("predict", run, strange)
    assert f"strange.csv: X column 'island': unknown category 'Utopia' in row {row};" in error
    assert "Rows count from 0, below the header." in error


def test_an_input_is_not_written_over(folder, refused, tmp_path):
    run, test = folder / "run.nc", folder / "test.csv"
    (tmp_path / "link.csv").symlink_to(test)
    before = run.read_bytes(), test.read_bytes()
    for command in (
        ["fit", test, "--target", "species", "--force", "--out", test],
        ["predict", run, test, "--out", run],
        ["predict", run, test, "--out", tmp_path / "link.csv"],
        ["report", run, "--out", run],
        ["report", run, "--test", test, "--out", test],
    ):
        assert "is an input of this command; write to another file" in refused(*command)
    assert (run.read_bytes(), test.read_bytes()) == before


@pytest.mark.parametrize(
    ("target", "likelihood", "words"),
    [
        (
            "kind",
            "gaussian",
            "column 'kind' holds text ('a'), and gaussian needs numbers; pass --likelihood bernoulli.",
        ),
        (
            "sort",
            "poisson",
            "column 'sort' holds text ('u'), and poisson needs numbers; pass --likelihood categorical.",
        ),
        (
            "sort",
            "bernoulli",
            "column 'sort' has 3 different values, and bernoulli needs two; pass --likelihood cat",
        ),
    ],
)
def test_labels_need_a_likelihood_for_them(target, likelihood, words, csv, refused):
    data = csv("a,kind,sort\n1,a,u\n2,b,v\n3,a,w\n4,b,u\n5,a,v\n6,b,w\n")
    assert words in refused("fit", data, "--target", target, "--likelihood", likelihood, *QUICK)


def test_binary_file_is_no_table(refused, tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    assert "no text in UTF-8" in refused("fit", tmp_path / "x.csv", "--target", "y")
