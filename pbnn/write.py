"""Files written whole or not at all."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from pbnn.errors import FileError


def write_whole(path: str | os.PathLike[str], content: bytes | memoryview, where: str) -> None:
    """Write beside `path`, make sure it is on the disk, then put it in place; links and permissions are kept.

    Raises
    ------
    FileError
        If it cannot be written; an earlier file of that name is as it was.
    """
    path = Path(os.path.realpath(Path(path).expanduser()))
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        survives = " The earlier file is as it was." if path.is_file() else ""
        raise FileError(
            f"{where}: {path} could not be written: {reason}.{survives} {_remedy(error)}"
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def _remedy(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "Make the folder first."
        case IsADirectoryError():
            return "Add the name of a file."
        case PermissionError():
            return "Choose a folder that you may write to."
    return "Free some space, or choose another place."


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
