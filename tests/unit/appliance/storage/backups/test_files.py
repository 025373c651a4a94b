from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.backups import files
from appliance.storage.backups.files import (
    MARGIN_BYTES,
    WORK_PATTERN,
    check_space,
    explained,
    make_private_folder,
    sweep,
    work_folder,
)


def test_a_new_folder_is_its_owners_only(tmp_path: Path):
    make_private_folder(tmp_path / "a" / "b", setting="CSAI_BACKUP_DIR")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_names_its_setting(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", Path("/proc/csai-backups")):
        with pytest.raises(ConfigurationError, match="name another with CSAI_BACKUP_DIR"):
            make_private_folder(place, setting="CSAI_BACKUP_DIR")


def test_a_work_folder_goes_whatever_happens(tmp_path: Path):
    def work() -> None:
        with work_folder(tmp_path / "work") as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "file").write_text("x")
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGKILL, None])
def test_what_a_killed_process_left_is_swept_and_what_is_used_is_not(
    tmp_path: Path, ending: signal.Signals | None
):
    root = tmp_path / "work"
    code = (
        "import sys, time; from pathlib import Path\n"
        "from appliance.storage.backups.files import work_folder\n"
        "with work_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'copy').write_text('in clear')\n"
        "    print(flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            if ending is not None:
                other.send_signal(ending)
                other.wait()
            sweep(root, WORK_PATTERN)
            with work_folder(root):
                found = len(list(root.iterdir()))
        finally:
            other.kill()
    assert found == (2 if ending is None else 1)


def test_where_a_folder_cannot_be_locked_age_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "_open_folder", lambda folder: None)
    old, young = tmp_path / "backup-old", tmp_path / "backup-young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    sweep(tmp_path, WORK_PATTERN)
    assert list(tmp_path.iterdir()) == [young]


def test_folders_on_one_disk_share_its_room(tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    free = shutil.disk_usage(tmp_path).free
    half = (free - MARGIN_BYTES) // 2
    check_space({tmp_path: half - 500_000_000, other: half - 500_000_000})
    with pytest.raises(StorageError, match="nothing was done") as caught:
        check_space({tmp_path: half + 500_000_000, other: half + 500_000_000})
    assert caught.value.code == "storage_full"
    assert "CSAI_BACKUP_DIR" not in caught.value.message
    with pytest.raises(StorageError, match="on another disk with CSAI_BACKUP_DIR"):
        check_space({tmp_path: free, other: 0}, movable=other)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_called_so(tmp_path: Path, code: int):
    with pytest.raises(StorageError, match="is full") as caught, explained(tmp_path):
        raise OSError(code, os.strerror(code))
    assert caught.value.code == "storage_full"


def test_another_failure_names_the_file(tmp_path: Path):
    with (
        pytest.raises(StorageError, match=r"absent' cannot be used: No such file"),
        explained(tmp_path),
    ):
        (tmp_path / "absent").read_bytes()
