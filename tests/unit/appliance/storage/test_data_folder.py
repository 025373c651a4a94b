from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.errors import DataFolderUnusable, StorageError
from appliance.storage.data_folder import DataFolder, holding, read_holder

HOLD = (
    "import sys, pathlib\n"
    "from appliance.storage.data_folder import DataFolder\n"
    "folder = DataFolder.open(pathlib.Path(sys.argv[1]))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def test_the_folder_is_made_privately(tmp_path: Path):
    root = tmp_path / "new" / "data"
    with DataFolder.open(root):
        assert root.stat().st_mode & 0o777 == 0o700
        assert [file.name for file in root.iterdir()] == ["server.lock"]
        assert read_holder(root) == os.getpid()
    assert read_holder(root) is None


def test_a_second_server_is_told_who_holds_the_folder(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        started = time.monotonic()
        with pytest.raises(DataFolderUnusable, match=f"in use by the process {holder.pid}"):
            DataFolder.open(tmp_path)
        assert time.monotonic() - started < 2
        holder.kill()
        holder.wait()
        DataFolder.open(tmp_path).close()


def test_closing_twice_gives_the_folder_back_once(tmp_path: Path):
    first = DataFolder.open(tmp_path)
    first.close()
    with DataFolder.open(tmp_path):
        first.close()
        with pytest.raises(DataFolderUnusable):
            DataFolder.open(tmp_path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataFolderUnusable, match=r"file.*--data-dir") as refused:
        DataFolder.open(tmp_path / "file")
    assert refused.value.setting == "CSAI_DATA_DIR"


def test_an_unreadable_holder_is_no_holder(tmp_path: Path):
    assert read_holder(tmp_path) is None
    (tmp_path / "server.lock").write_bytes(b"\xff")
    assert read_holder(tmp_path) is None
    (tmp_path / "server.lock").write_text("soon\n")
    assert read_holder(tmp_path) is None


def test_a_lock_file_that_cannot_be_made_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = tmp_path / "retention.lock"
    place.mkdir()
    with pytest.raises(StorageError, match=r"lock' cannot be used: .* Move it"), holding(place):
        pass

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Free some space"), holding(tmp_path / "other.lock"):
        pass
