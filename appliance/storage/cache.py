"""The cache on disk.

Owns the folder, the one thread that touches it, and what may be read from it: never a pickle, never
a file that a row points to. What is deleted leaves no bytes in its files. What is cached, and under
which keys, is left to the callers; the form of values to ``cache_values``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import diskcache
import structlog

from appliance.domain.json_types import JsonValue
from appliance.errors import StorageError
from appliance.storage.cache_values import decode_value, encode_value, read_count
from appliance.storage.engine import PRIVATE_FOLDER

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")

SIZE_LIMIT_BYTES = 256 * 1024 * 1024
HEALTH_KEY = "appliance:health"
LOCK_TIMEOUT_S = 1.0
LOCKED = "database is locked"
RETRY_AFTER_S = 2.0

_SETTINGS = {
    "size_limit": SIZE_LIMIT_BYTES,
    "sqlite_cache_size": 512,
    "sqlite_mmap_size": 0,
    "sqlite_secure_delete": 1,
    "disk_min_file_size": 2**31,
}

# The end of a range of keys: their bytes and one that no text has.
_DELETE_PREFIX = "DELETE FROM Cache WHERE key >= ? AND key < CAST(? AS TEXT)"


class RowRefused(Exception):
    """A row that this program did not write."""


class InlineDisk(diskcache.Disk):  # type: ignore[misc]
    """Rows of text keys and inline bytes, and nothing else.

    diskcache would unpickle a row that says it holds a pickle, and read or delete the file that a
    row names, wherever it is (CVE-2025-69872); so neither is ever done, in either direction.
    """

    def put(self, key: object) -> tuple[str, bool]:
        """Return the stored form of a key."""
        if not isinstance(key, str):
            raise RowRefused(f"a key of type {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: bool) -> str:
        """Return the key of its stored form."""
        if not raw or not isinstance(key, str):
            raise RowRefused("a key that is no text")
        return key

    def store(
        self, value: object, read: bool, key: object = None
    ) -> tuple[int, int, None, sqlite3.Binary]:
        """Return size, mode, file name and stored form of a value."""
        if read or not isinstance(value, bytes):
            raise RowRefused(f"a value of type {type(value).__name__}")
        return 0, diskcache.core.MODE_RAW, None, sqlite3.Binary(value)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes:
        """Return the value of its stored form."""
        if mode != diskcache.core.MODE_RAW or filename or read or not isinstance(value, bytes):
            raise RowRefused("a value that is no inline bytes")
        return value

    def remove(self, file_path: str) -> None:
        """Leave the file alone: this program wrote none."""


class QuickCache(diskcache.Cache):  # type: ignore[misc]
    """Gives up on a locked database after a second, where diskcache would try for a minute."""

    @property
    def _sql_retry(self) -> Callable[..., sqlite3.Cursor]:
        def execute(*statement: Any) -> sqlite3.Cursor:
            deadline = time.monotonic() + LOCK_TIMEOUT_S
            while True:
                try:
                    return self._sql(*statement)  # type: ignore[no-any-return]
                except sqlite3.OperationalError as error:
                    if str(error) != LOCKED or time.monotonic() > deadline:
                        raise
                    time.sleep(0.001)

        return execute


class DiskCache:
    """Implements ``Cache`` in a folder that may be deleted at any time.

    While another process holds its files everything is a miss: the callers queue for one thread,
    and would otherwise wait for each other's failures.

    One for each process, please: SQLite maps its index into memory, and two connections of one
    process to a folder that is deleted between them cut the map off under each other.

    Args:
        folder: Made when absent, readable by its owner only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: Any = None
        self._inode: int | None = None
        self._has_failed = False
        self._retry_at = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk-cache")

    @property
    def is_shared(self) -> bool:
        """The folder is this installation's own."""
        return False

    async def get(self, key: str) -> JsonValue | bytes:
        """Return the value, ``None`` for a miss."""
        stored = await self._run(lambda cache: cache.get(key), on_failure=None)
        return None if stored is None else decode_value(stored)

    async def set(self, key: str, value: JsonValue | bytes, *, ttl_s: float) -> None:
        """Remember ``value`` for ``ttl_s`` seconds, in place of an earlier one."""
        stored = encode_value(value)
        await self._run(lambda cache: cache.set(key, stored, expire=ttl_s), on_failure=False)

    async def add(self, key: str, value: JsonValue | bytes, *, ttl_s: float) -> bool:
        """Remember ``value`` unless the key is there; say whether it was remembered."""
        stored = encode_value(value)
        return bool(
            await self._run(lambda cache: cache.add(key, stored, expire=ttl_s), on_failure=True)
        )

    async def hold(self, key: str, value: str, *, ttl_s: float) -> bool:
        """Remember ``value`` unless another value is there; say whether it is there now."""
        stored = encode_value(value)

        def hold(cache: Any) -> bool:
            with cache.transact():
                if cache.get(key, stored) != stored:
                    return False
                cache.set(key, stored, expire=ttl_s)
                return True

        return await self._run(hold, on_failure=True)

    async def increment(self, key: str, *, ttl_s: float) -> int:
        """Add one to the count under the key and return it."""

        def increment(cache: Any) -> int:
            with cache.transact():
                stored, ends_at = _read_with_end(cache, key)
                count = read_count(stored) + 1
                left_s = ttl_s if count == 1 or ends_at is None else ends_at - time.time()
                cache.set(key, encode_value(count), expire=left_s)
                return count

        return await self._run(increment, on_failure=0)

    async def delete(self, key: str) -> None:
        """Forget the key, there or not."""
        await self._run(lambda cache: cache.delete(key), on_failure=False)

    async def delete_if(self, key: str, value: str) -> bool:
        """Forget the key if it holds ``value``; say whether it did."""
        stored = encode_value(value)

        def delete(cache: Any) -> bool:
            with cache.transact():
                return cache.get(key) == stored and bool(cache.delete(key))

        return await self._run(delete, on_failure=False)

    async def delete_prefix(self, prefix: str) -> None:
        """Forget every key that begins with ``prefix``, those that have lapsed too.

        Raises:
            StorageError: Bytes may be left in the files.
        """

        def delete(cache: Any) -> bool:
            with cache.transact():
                cache._sql(_DELETE_PREFIX, (prefix, prefix.encode() + b"\xff"))
            is_busy, _, _ = cache._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not is_busy

        self._retry_at = 0.0
        if not await self._run(delete, on_failure=False):
            raise StorageError(f"The cache in {str(self._folder)!r} could not be cleaned.")

    async def health(self) -> None:
        """Check that what is set can be got.

        Raises:
            StorageError: It cannot.
        """
        self._retry_at = 0.0
        await self.set(HEALTH_KEY, True, ttl_s=60)
        if await self.get(HEALTH_KEY) is not True:
            raise StorageError(f"The cache in {str(self._folder)!r} cannot be used.")

    async def close(self) -> None:
        """Close the cache; what it holds stays for the next start."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._forget)
        self._thread.shutdown(wait=True)

    async def _run(self, work: Callable[[Any], Result], *, on_failure: Result) -> Result:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._attempt, work, on_failure
        )

    def _attempt(self, work: Callable[[Any], Result], on_failure: Result) -> Result:
        """Do the work, a second time on a fresh connection, or give up on it."""
        if time.monotonic() < self._retry_at:
            return on_failure
        reason = ""
        for _ in range(2):
            try:
                result = work(self._open())
            except RowRefused as error:
                logger.warning("cache_row_refused", reason=str(error))
                return on_failure
            except diskcache.Timeout:
                reason = LOCKED
                break
            except (sqlite3.Error, OSError) as error:
                reason = str(error)
                self._forget()
                if reason == LOCKED:
                    break
                if type(error) is sqlite3.DatabaseError:
                    self._discard(reason)
            else:
                self._note_success()
                return result
        self._note_failure(reason)
        return on_failure

    def _note_success(self) -> None:
        if self._has_failed:
            self._has_failed = False
            logger.info("cache_restored", folder=str(self._folder))

    def _note_failure(self, reason: str) -> None:
        """Log the first failure of an outage; do not wait for the same lock again and again."""
        if reason == LOCKED:
            self._retry_at = time.monotonic() + RETRY_AFTER_S
        if not self._has_failed:
            self._has_failed = True
            logger.warning("cache_failed", reason=reason, folder=str(self._folder))

    def _open(self) -> Any:
        """Return the open cache, a new one when its folder was deleted or replaced."""
        place = self._folder / diskcache.core.DBNAME
        if self._cache is not None:
            try:
                if place.stat().st_ino == self._inode:
                    return self._cache
            except FileNotFoundError:
                pass
            self._forget()
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._folder.chmod(PRIVATE_FOLDER)
        self._cache = QuickCache(
            str(self._folder), timeout=LOCK_TIMEOUT_S, disk=InlineDisk, **_SETTINGS
        )
        self._inode = place.stat().st_ino
        return self._cache

    def _discard(self, reason: str) -> None:
        """Delete the damaged database; nothing in it is worth a repair."""
        logger.warning("cache_discarded", reason=reason, folder=str(self._folder))
        for file in self._folder.glob(f"{diskcache.core.DBNAME}*"):
            file.unlink(missing_ok=True)

    def _forget(self) -> None:
        """Close the connection; what has become of its files does not matter any more."""
        cache, self._cache = self._cache, None
        if cache is not None:
            with suppress(sqlite3.Error):
                cache.close()


def _read_with_end(cache: Any, key: str) -> tuple[bytes | None, float | None]:
    """Return a row's value and when it lapses; what may not be read is not there."""
    try:
        stored, ends_at = cache.get(key, expire_time=True)
    except RowRefused:
        return None, None
    return stored, ends_at
