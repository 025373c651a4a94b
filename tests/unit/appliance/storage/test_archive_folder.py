from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from appliance.errors import Unavailable
from appliance.storage.archive_folder import FolderArchive

NAME = "tenant-1/2026/03/0195.jsonl.gz"


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_object_is_a_private_file_and_replaced(tmp_path: Path):
    folder = tmp_path / "deep" / "archive"
    archive = FolderArchive(folder)
    await archive.put(NAME, b"first")
    await archive.put(NAME, b"second")
    await archive.close()
    place = folder / NAME
    assert place.read_bytes() == b"second"
    assert list_files(folder) == [place]
    if os.name != "nt":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


async def test_what_cannot_be_written_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = FolderArchive(tmp_path)
    await archive.put(NAME, b"first")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable, match=r"No space left.*CSAI_ARCHIVE_URL"):
        await archive.put(NAME, b"second")
    assert [path.read_bytes() for path in list_files(tmp_path)] == [b"first"]


async def test_a_folder_that_is_a_file_is_named(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match=str(tmp_path / "file")):
        await FolderArchive(tmp_path / "file").put(NAME, b"content")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/.hidden", "a b"])
async def test_a_name_that_leaves_the_folder_is_a_defect(tmp_path: Path, name: str):
    with pytest.raises(ValueError):
        await FolderArchive(tmp_path).put(name, b"content")
