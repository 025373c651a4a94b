from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.storage.backups.streams import ContentReader, ContentWriter, FileWriter

HEAD = b"the head"
KEY = bytes(range(32))
CONTENT = b"some words that repeat, " * 40_000 + os.urandom(300_000)

EITHER = pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])


class DamagedError(Exception):
    pass


def write(path: Path, key: bytes | None, *contents: bytes) -> None:
    with path.open("wb") as file:
        writer = FileWriter(file)
        writer.write(HEAD)
        content_writer = ContentWriter(writer, HEAD, key)
        for content in contents:
            content_writer.write(content)
        content_writer.finish()


def read(path: Path, key: bytes | None, *sizes: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(len(HEAD))
        reader = ContentReader(file, HEAD, key, DamagedError)
        found = [reader.read(size) for size in sizes]
        reader.finish()
        return found


@EITHER
def test_a_content_comes_back_in_any_pieces(tmp_path: Path, key: bytes | None):
    path = tmp_path / "file"
    write(path, key, CONTENT[:10], b"", CONTENT[10:])
    assert path.stat().st_size < len(CONTENT)
    sizes = [0, 1, 511, 512, 700_000]
    sizes.append(len(CONTENT) - sum(sizes))
    assert b"".join(read(path, key, *sizes)) == CONTENT
    assert read(path, key, len(CONTENT)) == [CONTENT]


@EITHER
def test_reading_less_or_more_than_there_is_fails(tmp_path: Path, key: bytes | None):
    path = tmp_path / "file"
    write(path, key, b"content")
    for size in (6, 8):
        with pytest.raises(DamagedError):
            read(path, key, size)


@EITHER
@pytest.mark.parametrize("change", ["cut", "longer", "flip head", "flip end", "empty"])
def test_damage_is_found(tmp_path: Path, key: bytes | None, change: str):
    path = tmp_path / "file"
    write(path, key, CONTENT)
    content = bytearray(path.read_bytes())
    if change == "cut":
        del content[-1]
    elif change == "longer":
        content.append(0)
    elif change == "flip head":
        content[len(HEAD) + 1] ^= 1
    elif change == "flip end":
        content[-1] ^= 1
    else:
        del content[len(HEAD) :]
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        read(path, key, len(CONTENT))


def test_a_file_is_synced_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with (tmp_path / "file").open("wb") as file:
        writer = FileWriter(file)
        for _ in range(40):
            writer.write(bytes(1024 * 1024))
        assert len(synced) == 2
        writer.sync()
        assert len(synced) == 3
