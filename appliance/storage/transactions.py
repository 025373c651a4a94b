"""What repositories need of a database: to read, and to write.

Owns the port between repositories, which build SQL with SQLAlchemy, and the threads or the pool
that run it; ``SqliteTransactions`` is its SQLite side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from appliance.storage.readers import Readers
from appliance.storage.writer import Writer

Result = TypeVar("Result")


class Transactions(Protocol):
    """Runs functions over a database connection, away from the event loop.

    A function gets the connection within a transaction that it must not end, and may be run again
    from the start; so it changes nothing but the database.
    """

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` on one snapshot of the committed data."""
        ...

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` and commit; shielded from cancellation."""
        ...


class SqliteTransactions:
    """Implements ``Transactions`` with the one writer thread and the reader threads."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` on one snapshot of the committed data."""
        return await self._readers.submit(lambda connection: work(connection.sql))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` and commit; shielded from cancellation."""
        return await self._writer.submit(lambda connection: work(connection.sql))
