"""The command line in this process, and something for it to work on."""

from collections.abc import Callable
from pathlib import Path

import pytest

import pbnn
from pbnn.cli import main

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


@pytest.fixture(scope="session")
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
