from __future__ import annotations

import asyncio
import pickle
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.errors import StorageError
from appliance.storage.cache import DiskCache, InlineDisk, RowRefused

RAW, BINARY, TEXT, PICKLE = 1, 2, 3, 4


class Bomb:
    """Tells when it is unpickled."""

    exploded = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (_explode, ())


def _explode() -> str:
    Bomb.exploded = True
    return "boom"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest_asyncio.fixture
async def cache(folder: Path) -> AsyncIterator[DiskCache]:
    cache = DiskCache(folder)
    yield cache
    await cache.close()


def plant(folder: Path, statement: str, *values: Any) -> None:
    """Change the cache's database behind its back."""
    connection = sqlite3.connect(folder / "cache.db")
    with connection:
        changed = connection.execute(statement, values).rowcount
    connection.close()
    assert changed == 1


def mode_of(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def damage(folder: Path) -> None:
    """Put something else in the place of the cache's database."""
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"no database at all" * 100)


@pytest.mark.parametrize(
    "value", [b"", b"\x00j", b"x" * 100_000, "text", "", 0, 1.5, False, [], {"a": [None, "é"]}]
)
async def test_what_is_set_is_got(cache: DiskCache, value: Any):
    await cache.set("key", value, ttl_s=60)
    got = await cache.get("key")
    assert got == value
    assert type(got) is type(value)


async def test_what_is_absent_deleted_or_over_is_a_miss(cache: DiskCache):
    assert await cache.get("key") is None
    await cache.set("key", 1, ttl_s=60)
    await cache.delete("key")
    await cache.delete("key")
    assert await cache.get("key") is None
    await cache.set("key", 1, ttl_s=-1)
    assert await cache.get("key") is None


async def test_one_of_many_adds_wins(cache: DiskCache):
    added = await asyncio.gather(*(cache.add("key", n, ttl_s=60) for n in range(20)))
    assert added.count(True) == 1
    assert await cache.get("key") == added.index(True)
    await cache.set("key", 1, ttl_s=-1)
    assert await cache.add("key", "after", ttl_s=60)


async def test_the_folder_is_private_and_outlives_the_process(cache: DiskCache, folder: Path):
    await cache.set("key", "value", ttl_s=60)
    assert mode_of(folder) == 0o700
    again = DiskCache(folder)
    assert await again.get("key") == "value"
    await again.close()


@pytest.mark.parametrize(("mode", "raw"), [(PICKLE, 1), (PICKLE, 0), (RAW, 0), (TEXT, 1)])
async def test_a_planted_pickle_is_refused_unread(
    cache: DiskCache, folder: Path, mode: int, raw: int
):
    await cache.set("key", "value", ttl_s=60)
    await cache.set("other", "value", ttl_s=60)
    bomb = pickle.dumps(Bomb())
    plant(
        folder, "UPDATE Cache SET mode = ?, raw = ?, value = ? WHERE key = 'key'", mode, raw, bomb
    )
    assert await cache.get("key") is None
    assert not Bomb.exploded
    plant(folder, "UPDATE Cache SET value = ? WHERE key = 'key'", b'j"planted"')
    assert await cache.get("key") is None
    assert await cache.get("other") == "value"
    await cache.set("key", "new", ttl_s=60)
    assert not Bomb.exploded


@pytest.mark.parametrize("mode", [BINARY, TEXT, PICKLE, RAW])
async def test_a_planted_file_name_is_neither_read_nor_deleted(
    cache: DiskCache, folder: Path, tmp_path: Path, mode: int
):
    outside = tmp_path / "private.txt"
    outside.write_text("private")
    await cache.set("key", "value", ttl_s=60)
    plant(
        folder,
        "UPDATE Cache SET mode = ?, filename = ?, value = NULL WHERE key = 'key'",
        mode,
        "../private.txt",
    )
    assert await cache.get("key") is None
    await cache.delete("key")
    assert outside.read_text() == "private"


async def test_what_is_not_our_form_is_a_miss(cache: DiskCache, folder: Path):
    for body in (b"", b"j{", b"?1"):
        await cache.set("key", "value", ttl_s=60)
        plant(folder, "UPDATE Cache SET value = ? WHERE key = 'key'", body)
        assert await cache.get("key") is None


async def test_a_deleted_folder_is_a_miss_and_made_again(cache: DiskCache, folder: Path):
    await cache.set("key", "value", ttl_s=60)
    shutil.rmtree(folder)
    assert await cache.get("key") is None
    await cache.set("key", "again", ttl_s=60)
    assert await cache.get("key") == "again"
    assert mode_of(folder) == 0o700
    await cache.health()


async def test_a_damaged_file_is_replaced(cache: DiskCache, folder: Path):
    await cache.set("key", "value", ttl_s=60)
    damage(folder)
    assert await cache.get("key") is None
    await cache.health()


async def test_a_place_without_a_folder_is_no_error_but_unhealthy(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    cache = DiskCache(tmp_path / "file" / "cache")
    await cache.set("key", 1, ttl_s=60)
    assert await cache.get("key") is None
    assert await cache.add("key", 1, ttl_s=60)
    with pytest.raises(StorageError):
        await cache.health()
    await cache.close()


def test_nothing_but_text_keys_and_bytes_goes_in_or_out(folder: Path):
    disk = InlineDisk(str(folder))
    refused = pytest.raises(RowRefused)
    for key in (("a", 1), 7, b"key"):
        with refused:
            disk.put(key)
    for key, raw in ((pickle.dumps("key"), False), ("key", False), (b"key", True)):
        with refused:
            disk.get(key, raw)
    for value in ("text", 7, Bomb(), None):
        with refused:
            disk.store(value, read=False)
    assert disk.get(*disk.put("key")) == "key"
    assert not Bomb.exploded
