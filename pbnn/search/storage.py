"""Where a study is kept: in memory, in SQLite, PostgreSQL or another database, or in Optuna's journal file."""

import time
from collections.abc import Callable
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from pbnn.errors import FileError, MissingExtraError, quiet, warn

PATIENCE = 120.0
"""Seconds that a storage may be away: a database that restarts, a network that drops."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
GONE = (StorageInternalError, OSError)


def open_storage(storage: str | BaseStorage | None) -> BaseStorage:
    """Return the storage that an address stands for.

    Parameters
    ----------
    storage
        An address as SQLAlchemy has it, `"sqlite:///study.db"` or `"postgresql://user@host/name"`; a journal file,
        `"journal:///study.log"`; a storage of Optuna; None keeps the study in memory.

    Raises
    ------
    FileError
        If there is nothing at the address, or it is none.
    MissingExtraError
        If the database's driver is not installed.
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, BaseStorage):
        return storage
    if not isinstance(storage, str) or "://" not in storage:
        raise FileError(
            f"optimize: storage must be an address such as 'sqlite:///study.db', 'journal:///study.log' or "
            f"'postgresql://user@host/name', or a storage of Optuna; got {storage!r}."
        )
    kind, _, path = storage.partition("://")
    try:
        if kind == "journal":
            # As with SQLite, three slashes go before a relative path and four before an absolute one.
            return JournalStorage(JournalFileBackend(path.removeprefix("/")))
        with quiet("optuna"):
            return _database(storage, kind)
    except ImportError as error:
        raise MissingExtraError(
            f"optimize: the driver of {kind} is not installed ({error}). For PostgreSQL: pip install psycopg[binary], "
            "and an address that begins with postgresql+psycopg://."
        ) from error
    except Exception as error:
        raise FileError(f"optimize: the storage {kind}://… cannot be opened: {_short(error)}.") from error


def _database(address: str, kind: str) -> RDBStorage:
    # Machines that begin a search at once may all find no tables and make them: all but one fail, and find them then.
    for pause in (0.2, 0.5, 1.0):
        try:
            return RDBStorage(address, engine_kwargs=_engine(kind))
        except ImportError:
            raise
        except Exception:
            time.sleep(pause)
    return RDBStorage(address, engine_kwargs=_engine(kind))


def _engine(kind: str) -> dict[str, Any]:
    if kind.startswith("sqlite"):
        # One process writes at a time, and the others wait.
        return {"connect_args": {"timeout": 60}}
    return {"pool_pre_ping": True}


def patiently[T](call: Callable[[], T], told: Callable[[], str], *, patience: float = PATIENCE) -> T:
    """Return what a call of the storage returns; if the storage is away, call again, ever less often.

    Raises
    ------
    FileError
        If it is still away after `patience` seconds. `told` says what is not in it yet.
    """
    start, pause, warned = time.monotonic(), FIRST_WAIT, False
    while True:
        try:
            return call()
        except GONE as error:
            if time.monotonic() - start + pause > patience:
                raise FileError(
                    f"optimize: the storage has been away for {time.monotonic() - start:.0f} s ({_short(error)}). All "
                    f"that was told is kept in it; call optimize again to go on.{told()}"
                ) from error
            if not warned:
                warn(f"optimize: the storage is away ({_short(error)}); trying again for {patience:.0f} s.")
                warned = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_WAIT)


def _short(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else 'no more is known'}"
