"""Everything but the hot path on Postgres: SQL built by SQLAlchemy.

Owns its engine and pool, and how strictly transactions are kept apart; what they do is left to the
repositories.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from appliance.storage.engine import decode_json, encode_json, keep_json_text
from appliance.storage.postgres.errors import is_lost_connection, is_retried, translate

Result = TypeVar("Result")

MAX_TRIES = 12
FIRST_PAUSE_S = 0.005
POOL_TIMEOUT_S = 5.0


def build_engine(
    connect: Callable[[], Awaitable[Any]], *, pool_size: int, is_json_text: bool = False
) -> AsyncEngine:
    """Return an engine whose connections ``connect`` makes.

    ``is_json_text`` gives and takes JSON as text, for carrying rows elsewhere.
    """
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        hide_parameters=True,  # an error's words reach the log, what people wrote must not
        json_serializer=keep_json_text if is_json_text else encode_json,
        json_deserializer=keep_json_text if is_json_text else decode_json,
    )


class PostgresTransactions:
    """Implements ``Transactions``; writes behave as if one came after the other.

    Postgres ends a transaction that read what another has changed meanwhile; it is run again, as
    the port allows. So a rule such as "this table is not booked twice" needs no locks here either.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._readers = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writers = engine.execution_options(isolation_level="SERIALIZABLE")
        self._writes: set[asyncio.Task[Any]] = set()

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` on one snapshot of the committed data."""
        return await self._try(self._readers, work)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` and commit; shielded from cancellation."""
        task = asyncio.ensure_future(self._try(self._writers, work))
        self._writes.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Let running writes end."""
        if self._writes:
            await asyncio.wait(set(self._writes))

    async def _try(self, engine: AsyncEngine, work: Callable[[Connection], Result]) -> Result:
        pause_s = FIRST_PAUSE_S
        for is_last in (*(False,) * (MAX_TRIES - 1), True):
            is_committing = False
            try:
                async with engine.connect() as connection:
                    result = await connection.run_sync(work)
                    is_committing = True
                    await connection.commit()
                    return result
            except Exception as error:
                is_safe = is_retried(error) or (is_lost_connection(error) and not is_committing)
                if is_last or not is_safe:
                    raise translate(error) from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.5)
        raise AssertionError("unreachable")

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()  # a caller that left does not ask for it
