"""The open database: everything the rest of the program needs of it, in one object.

Owns opening, closing and health; bootstrap meets storage through this module and
``data_folder`` only.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from appliance.errors import ConfigurationError, StorageError
from appliance.ports.clock import Clock
from appliance.storage import migrations
from appliance.storage.data_tables import StoredDataTables
from appliance.storage.engine import SqliteConnection, open_writer
from appliance.storage.readers import Readers
from appliance.storage.repositories.audit_log import StoredAuditLog
from appliance.storage.repositories.settings import StoredSettings
from appliance.storage.repositories.tenants import StoredTenants
from appliance.storage.repositories.tools import StoredTools
from appliance.storage.repositories.users import StoredUsers
from appliance.storage.repositories.workflows import StoredWorkflows
from appliance.storage.secrets import SecretBox, open_secret_box
from appliance.storage.sqlite_errors import translate
from appliance.storage.transactions import SqliteTransactions
from appliance.storage.turn_store import SqliteTurnStore
from appliance.storage.writer import Writer

logger = structlog.get_logger(__name__)


class Database:
    """The stores over one database. Make it with ``open``, end it with ``close``."""

    def __init__(
        self, *, writer: Writer, readers: Readers, secret_box: SecretBox, clock: Clock
    ) -> None:
        transactions = SqliteTransactions(writer, readers)
        self._writer = writer
        self._readers = readers
        self.turn_store = SqliteTurnStore(writer, readers)
        self.tenants = StoredTenants(transactions, secret_box)
        self.tools = StoredTools(transactions)
        self.workflows = StoredWorkflows(transactions)
        self.users = StoredUsers(transactions)
        self.audit = StoredAuditLog(transactions)
        self.data_tables = StoredDataTables(transactions, clock)
        self.settings = StoredSettings(transactions, secret_box)

    @classmethod
    async def open(cls, path: Path, clock: Clock, key_path: Path) -> Database:
        """Open the database, bring it to this version's schema and recover unfinished turns.

        Args:
            path: The database file; made when absent, readable by its owner only.
            clock: Tells the stores the time.
            key_path: The file of the key that encrypts stored secrets; made when absent.

        Raises:
            ConfigurationError: The schema is newer, the key is wrong, or the file cannot be made.
            StorageError: The database cannot be used.
        """
        secret_box = await asyncio.to_thread(open_secret_box, key_path)
        connection = await asyncio.to_thread(_open_migrated, path)
        database = cls(
            writer=Writer(connection), readers=Readers(path), secret_box=secret_box, clock=clock
        )
        try:
            failed = await database.turn_store.fail_unfinished_turns(failed_at=clock.now())
        except BaseException:
            await database.close()
            raise
        if failed:
            logger.warning("turns_recovered", count=failed)
        return database

    async def health(self) -> None:
        """Check that the database can be read and the writer lives; waits for no lock.

        Raises:
            StorageError: It cannot.
        """
        if not self._writer.is_alive:
            raise StorageError("The database takes no more writes; restart the program.")
        await self._readers.submit(
            lambda connection: connection.raw.execute("SELECT 1 FROM tenants LIMIT 1").fetchone()
        )

    async def close(self) -> None:
        """Finish what is queued, fold the log into the database file and close."""
        await asyncio.to_thread(self._readers.close)
        await asyncio.to_thread(self._writer.close)


def _open_migrated(path: Path) -> SqliteConnection:
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
        migrations.upgrade(connection)
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
