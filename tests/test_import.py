"""`import pbnn` is quick because it loads nothing heavy; `benchmarks/bench_import.py` times it."""

import subprocess
import sys

import cloudpickle
import pytest

import pbnn
from tests.tiers import tiers

HEAVY = {
    "jax",
    "pymc",
    "pytensor",
    "matplotlib",
    "blackjax",
    "optax",
    "arviz",
    "arviz_plots",
    "xarray",
    "pandas",
    "sklearn",
    "numpy",
    "optuna",
}
NUMERIC = {"numpy", "pandas", "xarray"}


def loaded_by(code: str) -> set[str]:
    """Return the heavy packages that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint('LOADED', *sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.rpartition("LOADED")[2].split())


def test_import_loads_nothing_heavy():
    assert loaded_by("import pbnn") == set()


@pytest.mark.parametrize("package", [pbnn, pbnn.search])
def test_a_function_that_names_a_package_can_go_to_another_process(package):
    assert cloudpickle.loads(cloudpickle.dumps(package)) is package


def test_specs_load_nothing_heavy():
    spec = "pbnn.Network([pbnn.Dense(5, weight=pbnn.priors.Normal())], pbnn.likelihoods.Gaussian()).to_json()"
    assert loaded_by(f"import pbnn; {spec}; dir(pbnn); from pbnn import likelihoods, priors") == set()


def test_datasets_load_no_machinery_of_inference():
    assert loaded_by("import pbnn; pbnn.datasets.load_motorcycle()") <= NUMERIC


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["fit", "--help"], ["fit"]])
def test_command_line_answers_without_loading(args):
    code = f"from pbnn.cli import main\ntry:\n    main({args!r})\nexcept SystemExit:\n    pass"
    assert loaded_by(code) == set()


def test_the_test_sees_what_is_loaded():
    assert "numpy" in loaded_by("import pbnn, numpy")


def test_every_public_name_loads():
    import pbnn

    for name in pbnn.__all__:
        assert getattr(pbnn, name) is not None
    assert set(pbnn.__all__) <= set(dir(pbnn))


def test_unknown_name_lists_the_known_ones():
    import pbnn

    with pytest.raises(AttributeError, match=r"no attribute 'Dens'; it has: .*Dense"):
        pbnn.Dens  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("name", tiers(["assess", "errors", "plots", "target"], ["assess"]))
def test_rooms_are_there_after_a_bare_import(name):
    code = f"import pbnn; assert pbnn.{name}.__name__ == 'pbnn.{name}'; assert callable(pbnn.predict)"
    subprocess.run([sys.executable, "-c", code], check=True)
