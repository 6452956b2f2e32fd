import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from pbnn.errors import MethodError
from pbnn.search import optimize
from pbnn.search.lives import ALIVE, LOST, RERUN_OF, SURPLUS, Lives, counts
from pbnn.search.storage import open_storage
from tests.search.objectives import KilledOnce, a_network, in_trouble, nearest_to_8

X = np.linspace(-1, 1, 10)[:, None]
Y = X[:, 0]
POSTGRES = Path("/usr/lib/postgresql")


@pytest.mark.slow
def test_two_workers_on_a_file_one_killed_in_a_trial(tmp_path):
    at = f"sqlite:///{tmp_path}/s.db"
    found = optimize(
        a_network(), X, Y, objective=KilledOnce(tmp_path / "mark"), budget=8, n_workers=2, storage=at, seed=1
    )
    trials = found.study.trials
    lost = [t for t in trials if LOST in t.user_attrs]
    assert [t.state for t in lost] == [TrialState.FAIL]
    assert "was killed by SIGKILL" in lost[0].user_attrs[LOST]
    again = [t for t in trials if t.user_attrs.get(RERUN_OF) == [lost[0].number]]
    assert [t.params for t in again] == [lost[0].params]
    assert sum(map(counts, trials)) == 8
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 8, TrialState.FAIL: 1}


def test_a_trial_that_hangs_is_killed():
    sampler = optuna.samplers.GridSampler({"h0_units": [2]})
    with pytest.raises(MethodError, match=r"took longer than time_limit, 0\.5 s"):
        optimize(a_network(), X, Y, objective=in_trouble, budget=1, time_limit=0.5, sampler=sampler)


def test_an_executor_runs_trials():
    with ThreadPoolExecutor(2) as pool:
        found = optimize(a_network(), X, Y, objective=nearest_to_8, budget=6, n_workers=2, executor=pool)
    assert [t.state for t in found.study.trials] == [TrialState.COMPLETE] * 6


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_trials_without_life_are_run_again_once(tmp_path, kind):
    storage = open_storage(f"{kind}:///{tmp_path}/s.{kind}")
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    with Lives(study, storage, 0.02) as dead:
        trial = dead.ask()
        trial.suggest_int("a", 0, 9)
    alive, other = Lives(study, storage, 0.02), Lives(study, storage, 0.02)
    with alive:
        mine = alive.ask()
        end = time.monotonic() + 5
        while not (lost := other.lost()):
            assert time.monotonic() < end
            time.sleep(0.01)
        assert [t.number for t in lost] == [trial.number]
        assert other.rerun(trial.number, "no life")
        assert not alive.rerun(trial.number, "no life")
        again = other.ask()
        assert again.suggest_int("a", 0, 9) == trial.params["a"]
        alive.done(mine.number)
    assert len(study.trials) == 3
    assert sum(map(counts, study.trials)) == 2


def test_a_trial_that_kills_whoever_runs_it_fails_in_the_end():
    storage = open_storage(None)
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    lives = Lives(study, storage, None)
    for last in (False, False, True):
        number = lives.ask().number
        assert lives.rerun(number, "killed") != last
    assert [counts(t) for t in study.trials] == [False, False, True]


def test_whoever_looks_seldom_finds_what_was_lost(monkeypatch, tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path}/s.db")
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    clock = iter(range(0, 100, 5))
    monkeypatch.setattr("pbnn.search.lives.time.monotonic", lambda: next(clock))
    trial = Lives(study, storage, 1.0).ask()  # of a process that shows no life
    other = Lives(study, storage, 1.0)
    # A look every 5 beats, of which 3 count: not after the second, though more than 6 have passed by its clock.
    assert [[t.number for t in other.lost()] for _ in range(5)] == [[], [], [], [0], [0]]
    trial.set_user_attr(ALIVE, "another")
    assert other.lost() == []


class TakenForLost(optuna.samplers.RandomSampler):
    """Thinks of the first trial for so long that another process takes it for lost."""

    def __init__(self, storage):
        super().__init__(seed=1)
        self.storage = storage

    def sample_independent(self, study, trial, name, distribution):
        if trial.number == 0:
            Lives(study, self.storage, None).rerun(0, "Its process showed no more life.")
        return super().sample_independent(study, trial, name, distribution)


def test_a_trial_that_is_taken_for_lost_before_it_begins():
    storage = open_storage(None)
    found = optimize(
        a_network(), X, Y, objective=nearest_to_8, budget=3, storage=storage, sampler=TakenForLost(storage)
    )
    trials = found.study.trials
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 3, TrialState.FAIL: 1}
    assert [t.number for t in trials if t.user_attrs.get(RERUN_OF) == [0]] == [1]


# ---------------------------------------------------------------- several parents on PostgreSQL

BUDGET = 12


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Start PostgreSQL in a folder of its own; return its address."""
    binaries = sorted(POSTGRES.glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", exc_type=ImportError)  # it may be there without PostgreSQL's own library
    home = Path(tmp_path_factory.mktemp("postgres"))
    user: dict = {}
    if os.getuid() == 0:  # PostgreSQL refuses to be run by root
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL refuses root, and there is no runuser")
        home = Path("/tmp") / f"pbnn-postgres-{os.getpid()}"
        home.mkdir()
        shutil.chown(home, "postgres")
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    # No pipes: the server would inherit them, and who waits for their end waits for the server's.
    run = {
        "check": True,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": home,
        "timeout": 60,
        **user,
    }
    control = [binaries[-1].parent / "pg_ctl", "-D", home / "data", "-w", "-s"]
    try:
        subprocess.run([binaries[-1], "-D", home / "data", "-A", "trust", "-U", "pbnn", "-N"], **run)
        options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
        subprocess.run([*control, "-o", options, "-l", home / "log", "start"], **run)
        yield f"postgresql+psycopg://pbnn@/postgres?host={home}"
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.slow
def test_four_processes_on_postgresql_one_killed_in_a_trial(postgres, tmp_path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    command = [sys.executable, "-m", "tests.search.parents", postgres, str(tmp_path), str(BUDGET)]
    with open(tmp_path / "stderr", "w+") as errors, open(tmp_path / "stdout", "w+") as out:
        parents = subprocess.Popen(command, env=env, stdout=out, stderr=errors, start_new_session=True)
        try:
            parents.wait(100)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not at an end after 100 s.\n{where_they_stand(postgres, parents, errors)}")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(parents.pid, signal.SIGKILL)
        said = [Path(file.name).read_text() for file in (out, errors)]
    assert sorted(map(int, said[0].split())) == [-signal.SIGKILL, 0, 0, 0], said[1]
    storage = optuna.storages.RDBStorage(postgres)
    trials = optuna.load_study(study_name="pbnn", storage=storage).trials
    storage.engine.dispose()  # else its connections complain when they are collected
    assert Counter(t.state for t in trials if counts(t)) == {TrialState.COMPLETE: BUDGET}
    # On a machine that has no time for a process, its trial may be taken for lost too, and is evaluated twice as well.
    lost = {t.number: t for t in trials if LOST in t.user_attrs and t.state == TrialState.FAIL}
    reruns = [t for t in trials if t.user_attrs.get(RERUN_OF) and SURPLUS not in t.user_attrs]
    again = {t.user_attrs[RERUN_OF][-1]: t for t in reruns}
    assert len(lost) >= 1
    assert {n: t.params for n, t in lost.items()} == {n: t.params for n, t in again.items()}
    done = Counter(int(w) for file in tmp_path.glob("*.txt") for w in file.read_text().split())
    assert done == Counter(t.params["h0_units"] for t in trials if counts(t) or t.number in lost)


def where_they_stand(address, parents, errors):
    """Say what the database's sessions wait for, and where in Python each process is."""
    import psycopg

    with psycopg.connect(address.replace("+psycopg", "")) as connection:
        asked = "select pid, state, wait_event, now() - query_start, query from pg_stat_activity"
        sessions = connection.execute(f"{asked} where datname is not null").fetchall()
    os.killpg(parents.pid, signal.SIGUSR1)
    time.sleep(2)
    return "\n".join([*map(str, sessions), Path(errors.name).read_text()])
