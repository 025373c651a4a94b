"""What a kind of database must offer to the stores over it.

Owns the port that ``database`` stands on; SQLite is behind it in ``sqlite_backend``, Postgres in
``appliance.storage.postgres``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy import Connection

from appliance.storage.transactions import Transactions
from appliance.storage.turn_store import Scripts

BeforeUpgrade = Callable[[Connection, str], None]
"""Called with the open database and its revision before a migration; raising stops it."""


class Backend(Protocol):
    """An open database."""

    @property
    def transactions(self) -> Transactions:
        """For what is built with SQLAlchemy."""
        ...

    @property
    def scripts(self) -> Scripts:
        """For the hot path."""
        ...

    def starting(self) -> AbstractAsyncContextManager[None]:
        """Let one server start at a time, so that each finds what the one before has made.

        Raises:
            StorageError: Another one has been starting for too long.
        """
        ...

    def count_writes(self) -> int:
        """Return how many writes this process has asked for, where they wait for each other."""
        ...

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Say whether no other server serves this database; none can start meanwhile."""
        ...

    def exclusively(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the work of this name, which ends with the process; false when another holds it."""
        ...

    async def health(self) -> None:
        """Check that the database can be read and written; waits for no lock.

        Raises:
            StorageError: It cannot.
        """
        ...

    async def scrub(self) -> None:
        """Let nothing of deleted rows stay in the database's files, as far as it is up to us."""
        ...

    async def close(self) -> None:
        """Finish what is queued and close."""
        ...
