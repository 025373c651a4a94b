"""An open SQLite database: its writer thread, its readers, its schema.

Owns opening, closing and health of the file; the stores over it are in ``database``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from appliance.errors import ConfigurationError, StorageError
from appliance.storage import migrations
from appliance.storage.backend import BeforeUpgrade
from appliance.storage.data_folder import holding
from appliance.storage.engine import SqliteConnection, open_writer
from appliance.storage.readers import Readers
from appliance.storage.scrubbing import scrub
from appliance.storage.sqlite_damage import check_file
from appliance.storage.sqlite_errors import translate
from appliance.storage.transactions import SqliteTransactions
from appliance.storage.turn_store import SqliteScripts
from appliance.storage.writer import Writer


class SqliteBackend:
    """Implements ``Backend`` on one file. Make it with ``open``."""

    def __init__(self, path: Path, writer: Writer, readers: Readers) -> None:
        self._path = path
        self._writer = writer
        self._readers = readers
        self.transactions = SqliteTransactions(writer, readers)
        self.scripts = SqliteScripts(writer, readers)

    @classmethod
    async def open(
        cls, path: Path, *, before_upgrade: BeforeUpgrade | None = None
    ) -> SqliteBackend:
        """Open the file, made when absent, and bring it to this version's schema.

        Raises:
            ConfigurationError: The schema is newer, or the file cannot be made.
            StorageError: The database cannot be used.
        """
        connection = await asyncio.to_thread(_open_migrated, path, before_upgrade)
        return cls(path, Writer(connection), Readers(path))

    def count_writes(self) -> int:
        """Return how many writes this process has asked for, which all wait for each other."""
        return self._writer.asked

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """Start at once: the data folder's lock keeps other servers away."""
        yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """Say yes: the data folder's lock keeps other servers away."""
        yield True

    @asynccontextmanager
    async def exclusively(self, name: str) -> AsyncIterator[bool]:
        """Hold the work of this name, which ends with the process; false when another holds it."""
        with holding(self._path.with_name(f"{name}.lock")) as is_held:
            yield is_held

    async def health(self) -> None:
        """Check that the database can be read and the writer lives; waits for no lock."""
        if not self._writer.is_alive:
            raise StorageError("The database takes no more writes; restart the program.")
        await self._readers.submit(
            lambda connection: connection.raw.execute("SELECT 1 FROM tenants LIMIT 1").fetchone()
        )

    async def scrub(self) -> None:
        """Fold the log into the file, empty it, and zero what is left of deleted rows."""
        await scrub(self._path, self._writer)

    async def close(self) -> None:
        """Finish what is queued, fold the log into the database file and close."""
        await asyncio.to_thread(self._readers.close)
        await asyncio.to_thread(self._writer.close)


def _open_migrated(path: Path, before_upgrade: BeforeUpgrade | None) -> SqliteConnection:
    if path.exists():
        check_file(path)
    try:
        connection = open_writer(path)
    except OSError as error:
        raise ConfigurationError(
            f"The database {str(path)!r} cannot be made: {error.strerror}.",
            setting="CSAI_DATA_DIR",
        ) from error
    except sqlite3.Error as error:
        raise translate(error) from error
    try:
        migrations.upgrade(connection, before_upgrade=before_upgrade)
    except (sqlite3.Error, SQLAlchemyError) as error:
        connection.close()
        translated = translate(error)
        if translated is error:
            raise StorageError("The database could not be brought up to date.") from error
        raise translated from error
    except BaseException:
        connection.close()
        raise
    return connection
