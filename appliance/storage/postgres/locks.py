"""Advisory locks: who serves a Postgres database, and who does what only one may do at a time.

Owns their numbers, and that they are held by connections of their own: a lock ends with its
connection, so one that broke is noticed and, where it stands for a living server, taken again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog

from appliance.storage.postgres.errors import is_database_error, translate

logger = structlog.get_logger(__name__)

Connect = Callable[[], Awaitable[Any]]

# "csai" and a number, so that no other program means the same.
SERVING_LOCK: Final = 0x6373616900000001
MIGRATING_LOCK: Final = 0x6373616900000002
STARTING_LOCK: Final = 0x6373616900000003
_NAMED_LOCKS: Final = 0x6373616A00000000

LOCK_PAUSE_S = 0.1
ALONE_TRIES = 10
LOOK_EVERY_S = 5.0
RETRY_EVERY_S = 1.0
CLOSE_TIMEOUT_S = 2.0


def named_lock(name: str) -> int:
    """Return the number of the lock for the work of this name."""
    return _NAMED_LOCKS | zlib.crc32(name.encode())


@asynccontextmanager
async def held(connect: Connect, lock: int, *, tries: int = 1) -> AsyncIterator[bool]:
    """Hold a lock; false when another connection has held it at each of the tries.

    Raises:
        StorageError: The database cannot be used.
    """
    try:
        connection = await connect()
    except Exception as error:
        raise translate(error) from error
    try:
        yield await _take(connection, lock, tries=tries)
    finally:
        await _close(connection)


class Presence:
    """Tells other servers that this one serves the database, as long as it does.

    Args:
        connect: Makes a connection.
        connection: A first one; belongs to this object from now on.
    """

    def __init__(self, connect: Connect, connection: Any) -> None:
        self._connect = connect
        self._connection = connection
        self._is_broken = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """Say whether no other server serves this database; none can start meanwhile.

        From now on this one counts as serving. One that was killed just now may still be seen for a
        moment, so it is looked for some times.
        """
        is_alone = await _take(self._connection, SERVING_LOCK, tries=ALONE_TRIES)
        try:
            yield is_alone
        finally:
            await self._run("SELECT pg_advisory_lock_shared($1)", SERVING_LOCK)
            if is_alone:
                await self._run("SELECT pg_advisory_unlock($1)", SERVING_LOCK)
            self._watch()

    async def close(self) -> None:
        """Serve no more."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await _close(self._connection)

    def _watch(self) -> None:
        if self._watching is None:
            self._connection.add_termination_listener(self._note_end)
            self._watching = asyncio.create_task(self._keep(), name="postgres-presence")

    def _note_end(self, _: Any) -> None:
        self._is_broken.set()

    async def _keep(self) -> None:
        """Look after the connection, and take its place when it broke."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_broken.wait(), LOOK_EVERY_S)
            try:
                await self._connection.execute("SELECT 1")
            except Exception as error:
                if not is_database_error(error):
                    raise
                logger.info("postgres_presence_lost", error=type(error).__name__)
                await self._return()

    async def _return(self) -> None:
        while True:
            connection = None
            try:
                connection = await self._connect()
                if await connection.fetchval(
                    "SELECT pg_try_advisory_lock_shared($1)", SERVING_LOCK
                ):
                    break
            except Exception as error:
                if not is_database_error(error):
                    raise
            if connection is not None:
                await _close(connection)
            await asyncio.sleep(RETRY_EVERY_S)
        await _close(self._connection)
        self._is_broken.clear()
        self._connection = connection
        connection.add_termination_listener(self._note_end)
        logger.info("postgres_presence_restored")

    async def _run(self, statement: str, lock: int) -> None:
        try:
            await self._connection.execute(statement, lock)
        except Exception as error:
            raise translate(error) from error


async def _take(connection: Any, lock: int, *, tries: int) -> bool:
    try:
        for number in range(tries):
            if number:
                await asyncio.sleep(LOCK_PAUSE_S)
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
                return True
    except Exception as error:
        raise translate(error) from error
    return False


async def _close(connection: Any) -> None:
    """Close without waiting long for a server that does not answer."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except Exception as error:
        if not is_database_error(error):
            raise
        connection.terminate()
