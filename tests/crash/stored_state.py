"""What the database holds after a crash, whichever kind of database it is.

Owns reading it, without writing; what must be true of it is left to ``promises``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

Result = TypeVar("Result")


class StoredState:
    """Reads one database.

    Args:
        place: An SQLite file or a ``postgresql://`` URL, as ``CSAI_DATABASE_URL`` takes it.
    """

    def __init__(self, place: Path | str) -> None:
        self.place = place

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` on a connection; blocks, and must not be called from an event loop."""
        if isinstance(self.place, Path):
            return _read_sqlite(self.place, work)
        return asyncio.run(_read_postgres(self.place, work))


def _read_sqlite(path: Path, work: Callable[[Connection], Result]) -> Result:
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True),
        module=sqlite3,
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        return work(connection)


async def _read_postgres(url: str, work: Callable[[Connection], Result]) -> Result:
    import asyncpg
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=NullPool
    ).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    async with engine.connect() as connection:
        found = await connection.run_sync(work)
    await engine.dispose()
    return found
