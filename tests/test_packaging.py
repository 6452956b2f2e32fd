"""What a fresh clone relies on: pins without addresses, a finder of Python, data where the wheel expects them."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"[a-z0-9.-]+==[0-9][A-Za-z0-9.+]*")


def pins(file: Path) -> dict[str, str]:
    lines = (line for line in file.read_text().splitlines() if not line.startswith(("#", "-r ")))
    return dict(line.split("==") for line in lines)


def normal(requirement: str) -> str:
    """Reduce a requirement such as `pbnn[a]>=1` to its package's normalised name."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.name)
def test_requirements_are_exact_and_carry_no_address(file):
    for line in file.read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"-r \w+\.txt", line) or PIN.fullmatch(line), line


def test_requirement_files_agree():
    seen = {}
    for file in REQUIREMENTS:
        for name, pinned in pins(file).items():
            assert seen.setdefault(name, pinned) == pinned, f"{name} in {file.name}"


def test_every_dependency_is_pinned():
    base = pins(ROOT / "requirements" / "base.txt")
    everything = base | pins(ROOT / "requirements" / "build.txt") | pins(ROOT / "requirements" / "dev.txt")
    assert {normal(r) for r in PROJECT["project"]["dependencies"]} <= base.keys()
    extras = PROJECT["project"]["optional-dependencies"]
    # `cuda` depends on the machine's driver, so it cannot be pinned for everyone.
    wanted = {normal(r) for extra, names in extras.items() if extra != "cuda" for r in names} - {"pbnn"}
    assert wanted <= everything.keys()


def test_wheel_takes_the_data_along():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"data": "pbnn/data"}
    assert {file.name for file in (ROOT / "data").iterdir()} >= {
        "README.md",
        "breast_cancer.csv",
        "motorcycle.csv",
        "penguins.csv",
    }


def test_every_data_file_has_its_provenance():
    readme = (ROOT / "data" / "README.md").read_text()
    for file in (ROOT / "data").glob("*.csv"):
        section = readme.partition(f"\n## {file.name}\n")[2].partition("\n## ")[0]
        for word in ("**Source**", "**Licence**", "**Cite**", "**Changes**"):
            assert word in section, f"{file.name} lacks {word}"


def test_installed_version_is_the_project_version():
    try:
        installed = version("pbnn")
    except PackageNotFoundError:
        pytest.skip("pbnn is not installed: the tests run on the bare checkout")
    assert installed == PROJECT["project"]["version"]


# -------------------------------------------------------------------------------------------- finding Python


def find_python(**environment: str) -> subprocess.CompletedProcess:
    """Run the finder with nothing on PATH but the tools that every system has."""
    return subprocess.run(
        ["/bin/sh", ROOT / ".ci" / "find-python"], env=environment, capture_output=True, text=True
    )


def fake(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


posix = pytest.mark.skipif(os.name != "posix", reason="the Makefile needs a POSIX shell")


@posix
def test_finder_passes_over_shims_that_fail(tmp_path):
    fake(tmp_path / "bin" / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    real = fake(tmp_path / "bin" / "python3", f'exec {sys.executable} "$@"')
    found = find_python(PATH=str(real.parent), HOME=str(tmp_path))
    assert Path(found.stdout.strip()).samefile(sys.executable), found.stderr


@posix
def test_finder_looks_under_pyenv(tmp_path):
    fake(tmp_path / "bin" / "python3", "exit 1")  # too old, says its exit status
    fake(tmp_path / "versions" / "3.12.9" / "bin" / "python", f'exec {sys.executable} "$@"')
    found = find_python(PATH=str(tmp_path / "bin"), HOME=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert Path(found.stdout.strip()).samefile(sys.executable), found.stderr


@posix
def test_finder_says_what_to_install(tmp_path):
    fake(tmp_path / "bin" / "cat", 'exec /bin/cat "$@"')
    found = find_python(PATH=str(tmp_path / "bin"), HOME=str(tmp_path))
    assert found.returncode == 1
    assert found.stdout == ""
    assert "needs Python 3.12 or newer" in found.stderr
    assert "make PYTHON=" in found.stderr


@posix
def test_finder_checks_a_python_named_by_hand(tmp_path):
    found = find_python(PATH="", HOME=str(tmp_path), PYTHON=str(fake(tmp_path / "old", "exit 1")))
    assert found.returncode == 1
    assert "older than 3.12" in found.stderr
