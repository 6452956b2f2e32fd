"""A keeper that writes to a Zarr store, piece by piece, so that a killed run can go on.

A store is data: a group with JSON in its attributes, from which the model can be made again (`data` has its training
data), and for each chain a group `chains/<number>`, whose attributes hold the state of the chain, and whose arrays hold
its draws. Draws are written first, then the state, in a file that is put in place by renaming: whenever the process
ends, the state on the disk is whole, and the draws it counts are there. Draws beyond those are written anew.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout

from pbnn.errors import FileError, MissingExtraError
from pbnn.infer import states
from pbnn.infer.programs import Draws, Kept, State

FORMAT = 1
"""Raised when a change makes older versions misread new stores."""
ROOM = 1000
"""Arrays are made long enough for so many draws, and twice as long when they are full."""
PATIENCE = 10.0
"""Seconds to wait for a chain that another process writes: one that was given up may yet have to notice."""
LOCKS = "locks"


class Store:
    """What a store holds, open for one process; a `Keeper`.

    Parameters
    ----------
    path
        Of an existing store.
    whole
        Whether to claim all of it, or each chain as it is written.
    where
        The function on whose behalf, for messages.

    Raises
    ------
    FileError
        If it is missing, damaged or none of ours, or another process has claimed it.
    MissingExtraError
        If Zarr is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], *, whole: bool = True, where: str = "resume") -> None:
        self.path, self._where = as_path(path), where
        self._claims: dict[str, FileLock] = {}
        self._nodes: dict[str, Any] = {}
        self.attributes = self._read_attributes()
        if whole:
            self._claim("store", 0.0)
        try:
            with self._reading():
                self._root = _zarr().open_group(self.path, mode="r+")
                chains = self._within("chains").values()
                self.seconds_before = max((g.attrs.get("seconds", 0.0) for g in chains), default=0.0)
        except BaseException:
            self.close()
            raise
        self._opened = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others claim it."""
        for claim in self._claims.values():
            claim.release()
        self._claims.clear()

    def data(self) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
        """Return the training data; None for a general model."""
        with self._reading():
            if "data" not in self._root:
                return None, None
            return _whole(self._root["data/X"]), _whole(self._root["data/y"])

    # ------------------------------------------------------------ keeper

    def state(self, index: int) -> State | None:
        """Return the state in which a chain was left; None if it has not begun."""
        path = self._chain(index)
        with self._reading(path):
            # What Zarr holds in memory is current only for the process that writes: another one may run the chain.
            writing = f"chain{index}" in self._claims
            group = self._node(path) if writing else self._root.get(path)
            # A kill may have come between the first draws and the first state.
            if group is None or "state" not in group.attrs:
                return None
            return states.from_json(dict(group.attrs["state"]))

    def keep(self, index: int, state: State, kept: Kept | None) -> None:
        """Write the draws of a chain, then its state."""
        self._claim(f"chain{index}", PATIENCE)
        seconds = self.seconds_before + perf_counter() - self._opened
        try:
            if kept is not None:
                for name, values in kept.draws.items():
                    self._write(f"{self._chain(index)}/{kept.group}", name, kept.first, values)
            attributes = {"state": states.as_json(state), "seconds": seconds}
            group = self._node(self._chain(index))
            if group is None:
                self._nodes[self._chain(index)] = self._root.create_group(
                    self._chain(index), attributes=attributes
                )
            else:
                group.attrs.put(attributes)  # one file, which Zarr puts in place by renaming
        except OSError as error:
            if isinstance(error, FileError):
                raise
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise FileError(
                f"fit: {self.path} could not be written: {reason}. What was written before is whole: free some "
                f"space, or make it writable, and go on with pbnn.resume({str(self.path)!r})."
            ) from error

    def draws(self, index: int, group: str) -> Draws:
        """Return the draws of a chain, as many as its state says it has."""
        n = (self.state(index) or {}).get(f"drawn_{group}", 0)
        if not n:
            return {}
        place = f"{self._chain(index)}/{group}"
        with self._reading(self._chain(index)):
            found = {name: _whole(array, n) for name, array in self._within(place).items()}
            if not found or any(len(values) < n for values in found.values()):
                raise ValueError(f"its state counts {n} draws in {group!r}, and there are fewer")
        return found

    # ------------------------------------------------------------ inside

    @staticmethod
    def _chain(index: int) -> str:
        return f"chains/{index}"

    def _within(self, place: str) -> dict[str, Any]:
        """Return the groups and arrays of a group; Zarr's own listing stumbles over what a kill left half made."""
        whole = sorted(file.parent.name for file in (self.path / place).glob("*/zarr.json"))
        return {name: self._root[f"{place}/{name}"] for name in whole}

    def _node(self, path: str) -> Any:
        """Return a group or an array, as this process left it; None if there is none."""
        if path not in self._nodes:
            if path not in self._root:
                return None
            self._nodes[path] = self._root[path]
        return self._nodes[path]

    def _write(self, place: str, name: str, first: int, values: np.ndarray) -> None:
        from zarr.codecs import Crc32cCodec

        end, path = first + len(values), f"{place}/{name}"
        array = self._node(path)
        if array is None:
            array = self._nodes[path] = self._root.create_array(
                path,
                shape=(max(end, ROOM), *values.shape[1:]),
                chunks=(len(values), *(max(n, 1) for n in values.shape[1:])),
                dtype=values.dtype,
                compressors=[Crc32cCodec()],  # noise does not compress; a checksum finds damage
                fill_value=np.nan if values.dtype.kind == "f" else 0,
                overwrite=True,  # of what a kill may have left half made
            )
        if end > array.shape[0]:
            array.resize((2 * end, *array.shape[1:]))
        array[first:end] = values

    def _claim(self, what: str, patience: float) -> None:
        """Lock part of the store for this process; the lock ends with it, however it ends."""
        if what in self._claims:
            return
        # In the folder of an array, where no reader of Zarr looks for further groups.
        lock = FileLock(self.path / LOCKS / what, thread_local=False)
        try:
            lock.acquire(timeout=patience)
        except Timeout:
            raise FileError(
                f"{self._where}: {self.path} is being written by another process (lock {lock.lock_file}). Wait for "
                "its end, or stop it, and then go on with pbnn.resume."
            ) from None
        except OSError as error:
            raise FileError(
                f"{self._where}: {lock.lock_file} cannot be locked: {error.strerror or error}. Make the store writable."
            ) from error
        self._claims[what] = lock

    def _read_attributes(self) -> dict[str, Any]:
        here = f"{self._where}: {self.path}"
        if not self.path.exists():
            raise FileError(
                f'{here} does not exist. A run that can go on begins with fit(..., store="run.zarr"); one that was '
                "killed while it was being compiled has nothing to go on from: begin it again."
            )
        foreign = f"{here} is no store of pbnn.fit; a file of pbnn.save opens with pbnn.load."
        if not self.path.is_dir() or not (self.path / "zarr.json").is_file():
            raise FileError(foreign)
        with self._reading():
            attributes = json.loads((self.path / "zarr.json").read_text())["attributes"]
        if "pbnn_store" not in attributes:
            raise FileError(foreign)
        if attributes["pbnn_store"] != FORMAT:
            raise FileError(
                f"{here} has format {attributes['pbnn_store']}, and this version of pbnn reads {FORMAT}; install "
                "the pbnn that wrote it."
            )
        return attributes

    @contextmanager
    def _reading(self, chain: str = "") -> Iterator[None]:
        """Turn whatever reading may raise into words on where, and what to do."""
        try:
            yield
        except (FileError, MissingExtraError):
            raise
        except Exception as error:
            cause = (str(error) or type(error).__name__).splitlines()[0].rstrip(" .")
            remedy = "Take a copy from elsewhere, or fit again."
            if chain:
                remedy = f"Delete the folder {self.path / chain} and resume: the chain is run again, to the same draws."
            raise FileError(
                f"{self._where}: {self.path} is damaged{f', in {chain}' if chain else ''}: {cause}. {remedy}"
            ) from error


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a store, absolute: workers may run in other folders."""
    return Path(os.path.abspath(Path(path).expanduser()))


def check_free(path: str | os.PathLike[str]) -> None:
    """Check that a new store may be made at `path`.

    Raises
    ------
    FileError
        If something is there already, or there is no such folder.
    MissingExtraError
        If Zarr is not installed.
    """
    place = as_path(path)
    _zarr()
    if (place / "zarr.json").is_file():
        raise FileError(
            f"fit: the store {place} exists already. Go on with it, pbnn.resume({str(path)!r}), or choose another name."
        )
    if place.exists():
        raise FileError(f"fit: {place} exists already, and is no store; choose another name.")
    if not place.parent.is_dir():
        raise FileError(f"fit: the folder {place.parent} does not exist. Make the folder first.")


def create(
    path: str | os.PathLike[str], attributes: Mapping[str, Any], data: Mapping[str, np.ndarray]
) -> Store:
    """Make a store, whole or not at all, and claim it.

    Raises
    ------
    FileError
        If something is there already, or it cannot be written.
    """
    check_free(path)
    place, zarr = as_path(path), _zarr()
    from zarr.codecs import Crc32cCodec

    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        root = zarr.create_group(beside, attributes={"pbnn_store": FORMAT, **attributes})
        root.create_group("chains")
        root.create_array(LOCKS, shape=(), dtype="bool")
        for name, values in data.items():
            root.create_array(f"data/{name}", data=values, compressors=[Crc32cCodec()])
        beside.rename(place)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise FileError(
            f"fit: {place} could not be written: {reason}. Choose a new name, in a folder that you may write to and "
            "that has space."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Store(place, where="fit")


def _whole(array: Any, n: int | None = None) -> np.ndarray:
    """Read an array, of which no part may be missing."""
    return np.asarray(array.with_config({"read_missing_chunks": False})[: n if array.ndim else ...])


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            'fit: a store needs Zarr, which is not installed: pip install "pbnn[zarr]".'
        ) from error
    return zarr
