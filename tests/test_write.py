import errno
import os

import pytest

from pbnn.errors import FileError
from pbnn.write import write_whole


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.txt"
    for content in (b"one", b"two"):
        write_whole(path, content, "report")
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        FileError, match=r"report: .*a\.txt could not be written: No space left on device\. The earl"
    ):
        write_whole(path, b"new", "report")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(FileError, match="Not a directory"):
        write_whole(tmp_path / "a" / "b.txt", b"", "save")
