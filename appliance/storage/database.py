"""The open database: everything the rest of the program needs of it, in one object.

Owns the stores and which kind of database is behind them; bootstrap meets storage through this
module and ``data_folder`` only.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from appliance.ports.clock import Clock
from appliance.storage.backend import Backend, BeforeUpgrade
from appliance.storage.data_tables import StoredDataTables
from appliance.storage.repositories.audit_log import StoredAuditLog
from appliance.storage.repositories.settings import StoredSettings
from appliance.storage.repositories.tenants import StoredTenants
from appliance.storage.repositories.tools import StoredTools
from appliance.storage.repositories.users import StoredUsers
from appliance.storage.repositories.workflows import StoredWorkflows
from appliance.storage.secrets import SecretBox, open_secret_box
from appliance.storage.sqlite_backend import SqliteBackend
from appliance.storage.turn_store import StoredTurnStore

logger = structlog.get_logger(__name__)

DatabasePlace = Path | str
"""An SQLite file, or the URL of a Postgres database."""


class Database:
    """The stores over one database. Make it with ``open``, end it with ``close``."""

    def __init__(self, *, backend: Backend, secret_box: SecretBox, clock: Clock) -> None:
        transactions = backend.transactions
        self._clock = clock
        self.backend = backend
        self.turn_store = StoredTurnStore(backend.scripts)
        self.tenants = StoredTenants(transactions, secret_box)
        self.tools = StoredTools(transactions)
        self.workflows = StoredWorkflows(transactions)
        self.users = StoredUsers(transactions)
        self.audit = StoredAuditLog(transactions)
        self.data_tables = StoredDataTables(transactions, clock)
        self.settings = StoredSettings(transactions, secret_box)

    @classmethod
    async def open(
        cls,
        place: DatabasePlace,
        clock: Clock,
        key_path: Path,
        *,
        before_upgrade: BeforeUpgrade | None = None,
    ) -> Database:
        """Open the database and bring it to this version's schema.

        Args:
            place: The database file, made when absent and readable by its owner only; or a URL
                such as ``postgresql://user:password@host/name``.
            clock: Tells the stores the time.
            key_path: The file of the key that encrypts stored secrets; made when absent.
            before_upgrade: Called when there is something to migrate; raising stops it.

        Raises:
            ConfigurationError: The schema is newer, the key or the URL is wrong, the database
                cannot be made or reached.
            StorageError: The database cannot be used.
        """
        secret_box = await asyncio.to_thread(open_secret_box, key_path)
        backend = await _open_backend(place, before_upgrade)
        return cls(backend=backend, secret_box=secret_box, clock=clock)

    async def recover(self) -> None:
        """Mark the turns that dead servers left unfinished as failed; for a server's start."""
        async with self.backend.alone() as is_alone:
            failed = await self.turn_store.fail_unfinished_turns(
                failed_at=self._clock.now(), is_alone=is_alone
            )
        if failed:
            logger.warning("turns_recovered", count=failed)

    async def health(self) -> None:
        """Check that the database can be read and written; waits for no lock.

        Raises:
            StorageError: It cannot.
        """
        await self.backend.health()

    async def close(self) -> None:
        """Finish what is queued and close."""
        await self.backend.close()


async def _open_backend(place: DatabasePlace, before_upgrade: BeforeUpgrade | None) -> Backend:
    if isinstance(place, Path):
        return await SqliteBackend.open(place, before_upgrade=before_upgrade)
    from appliance.storage.postgres import PostgresBackend

    return await PostgresBackend.open(place, before_upgrade=before_upgrade)
