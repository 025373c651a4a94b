from __future__ import annotations

import asyncio
import pickle
import shutil
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from appliance.errors import StorageError
from appliance.storage.cache import LOCK_TIMEOUT_S, DiskCache, InlineDisk, RowRefused
from tests.contract.cache_contract import until

RAW, BINARY, TEXT, PICKLE = 1, 2, 3, 4

BESIDE = """
import asyncio, sys, threading
from pathlib import Path
from appliance.storage.sqlite_library import install
install()
from appliance.storage.cache import DiskCache

async def main():
    cache, ended = DiskCache(Path(sys.argv[1])), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set())).start()
    print("ready", flush=True)
    while not ended.is_set():
        await cache.set("beside", 1, ttl_s=60)
        assert await cache.get("beside") in (1, None)
        await asyncio.sleep(0.005)
    await cache.close()

asyncio.run(main())
"""
"""A process that uses the folder until its input ends."""


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


def read_all(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def damage(folder: Path) -> None:
    """Put something else in the place of the cache's database."""
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"no database at all" * 100)


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


async def test_what_is_deleted_leaves_no_bytes_in_the_files(cache: DiskCache, folder: Path):
    """Also what lapsed before, what was replaced, and the keys themselves."""
    secret = "c4n4ry"
    for number in range(300):
        await cache.set(f"{secret}:{number}", f"{secret} {number} " * (number + 1), ttl_s=60)
        await cache.set(f"{secret}:{number}", f"{secret} again " * (300 - number), ttl_s=60)
        await cache.set(f"other:{number}", "stays " * number, ttl_s=60)
    await cache.set(f"{secret}:lapsed", secret, ttl_s=-1)
    for number in range(0, 300, 7):
        await cache.delete(f"{secret}:{number}")
    assert secret.encode() in read_all(folder)
    await cache.delete_prefix(f"{secret}:")
    left = read_all(folder)
    assert secret.encode() not in left
    assert b"stays" in left
    assert await cache.get("other:299") == "stays " * 299


async def test_who_deletes_is_told_when_another_holds_the_files(cache: DiskCache, folder: Path):
    await cache.set("key", "c4n4ry", ttl_s=60)
    holder = sqlite3.connect(folder / "cache.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError):
        await cache.delete_prefix("k")
    holder.execute("ROLLBACK")
    holder.execute("BEGIN")
    holder.execute("SELECT * FROM Cache").fetchone()
    with pytest.raises(StorageError):
        await cache.delete_prefix("k")
    holder.execute("ROLLBACK")
    holder.close()
    await cache.delete_prefix("k")
    assert b"c4n4ry" not in read_all(folder)


async def test_files_that_another_holds_delay_a_second_and_are_told_of_once(
    cache: DiskCache, folder: Path
):
    """Whether or not they are open already, and however many calls are waiting."""
    await cache.set("key", "value", ttl_s=60)
    holder = sqlite3.connect(folder / "cache.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    unopened = DiskCache(folder)
    for one in (cache, unopened):
        started = time.monotonic()
        with structlog.testing.capture_logs() as logs:
            added = await asyncio.gather(*(one.add(f"{n}", n, ttl_s=60) for n in range(50)))
        assert added == [True] * 50
        assert time.monotonic() - started < 3 * LOCK_TIMEOUT_S
        assert [entry["event"] for entry in logs] == ["cache_failed"]
    holder.execute("ROLLBACK")
    holder.close()
    for one in (cache, unopened):
        await one.health()
    await unopened.close()


async def test_two_processes_count_together(cache: DiskCache, folder: Path):
    beside = DiskCache(folder)
    counts = await asyncio.gather(
        *(one.increment("key", ttl_s=60) for one in (cache, beside) for _ in range(50))
    )
    assert sorted(counts) == list(range(1, 101))
    await beside.close()


async def test_deleted_again_and_again_under_load_it_only_misses(cache: DiskCache, folder: Path):
    """While a command beside the server uses it too."""
    beside = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BESIDE, str(folder)), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert beside.stdout is not None
    assert await beside.stdout.readline() == b"ready\n"
    stop, seen, hits = asyncio.Event(), set(), 0

    async def load(number: int) -> None:
        nonlocal hits
        key = f"key-{number}"
        while not stop.is_set():
            await cache.set(key, number, ttl_s=60)
            got = await cache.get(key)
            seen.add((number, got))
            hits += got is not None
            assert await cache.increment(f"count-{number}", ttl_s=60) >= 0
            assert await cache.hold(f"held-{number}", "me", ttl_s=60)
            await cache.delete_if(f"held-{number}", "me")

    async def has_hits(wanted: int) -> bool:
        return hits >= wanted

    loads = [asyncio.create_task(load(number)) for number in range(8)]
    for _ in range(40):
        wanted = hits + 5
        await until(lambda wanted=wanted: has_hits(wanted))
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    stop.set()
    await asyncio.gather(*loads)
    assert seen <= {(number, got) for number in range(8) for got in (number, None)}
    _, errors = await beside.communicate(b"")
    assert (beside.returncode, b"Traceback" in errors) == (0, False), errors
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
    assert await cache.hold("key", "me", ttl_s=60)
    assert await cache.increment("key", ttl_s=60) == 0
    assert not await cache.delete_if("key", "me")
    with pytest.raises(StorageError):
        await cache.delete_prefix("k")
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
