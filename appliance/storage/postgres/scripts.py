"""The hot path on Postgres: scripts over asyncpg, without SQLAlchemy between them.

Owns the pool of the hot path, its transactions, their deadlines and what is tried again; the
statements are those of ``turn_begin`` and ``turn_end``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from appliance import failpoints
from appliance.storage.postgres.errors import is_lost_connection, is_retried, translate
from appliance.storage.statements import Row, Script

if TYPE_CHECKING:
    from asyncpg import Connection, Pool

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")

MAX_TRIES = 5
ACQUIRE_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 2.0


class PostgresScripts:
    """Implements ``Scripts`` over a pool of connections.

    Args:
        pool: Of asyncpg; belongs to this object from now on.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._writes: set[asyncio.Task[Any]] = set()

    async def read(self, build: Callable[[], Script[Result]]) -> Result:
        """Run a script of one reading statement on what is committed."""
        try:
            return await self._try(build, is_write=False)
        except Exception as error:
            raise translate(error) from error

    async def write(self, build: Callable[[], Script[Result]]) -> Result:
        """Run a script in a transaction of its own and commit; shielded from cancellation."""
        task = asyncio.ensure_future(self._try(build, is_write=True))
        self._writes.add(task)
        task.add_done_callback(self._forget)
        try:
            return await asyncio.shield(task)
        except Exception as error:
            raise translate(error) from error

    async def close(self) -> None:
        """Let running writes end and close the pool."""
        if self._writes:
            await asyncio.wait(set(self._writes))
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()  # the server does not answer

    async def _try(self, build: Callable[[], Script[Result]], *, is_write: bool) -> Result:
        """Run a script; again from the start when that is safe and has a chance.

        A connection that broke before the commit has changed nothing, and a pool may hold several
        broken ones after the server was restarted. Whether a commit that broke was done is not
        known; it is not tried again.
        """
        for is_last in (*(False,) * (MAX_TRIES - 1), True):
            is_committing = False

            def committing() -> None:
                nonlocal is_committing
                is_committing = True

            try:
                async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                    if is_write:
                        return await _run_transaction(connection, build(), committing)
                    return await _run(connection, build())
            except Exception as error:
                is_safe = is_retried(error) or (is_lost_connection(error) and not is_committing)
                if is_last or not is_safe:
                    raise
        raise AssertionError("unreachable")

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()  # a caller that left does not ask for it


async def _run_transaction(
    connection: Connection, script: Script[Result], committing: Callable[[], None]
) -> Result:
    failpoints.passed("storage.before_begin")
    transaction = connection.transaction()
    await transaction.start()
    try:
        result = await _run(connection, script)
    except BaseException:
        if not connection.is_closed():
            await transaction.rollback()
        raise
    failpoints.passed("storage.uncommitted")
    committing()
    failpoints.passed("storage.before_commit")
    await transaction.commit()
    failpoints.passed("storage.after_commit")
    return result


async def _run(connection: Connection, script: Script[Result]) -> Result:
    try:
        statement, values = next(script)
        while True:
            rows: Sequence[Row] = await connection.fetch(
                statement.postgres, *map(_storable, values)
            )
            statement, values = script.send(rows)
    except StopIteration as end:
        result: Result = end.value
        return result


def _storable(value: Any) -> Any:
    """Return the value as Postgres takes it: its texts hold no NUL character."""
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "")
    return value
