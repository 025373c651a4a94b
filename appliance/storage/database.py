"""The open database: everything the rest of the program needs of it, in one object.

Owns the stores and which kind of database is behind them; bootstrap meets storage through this
module and ``data_folder`` only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Connection

from appliance import failpoints
from appliance.ports.clock import Clock
from appliance.storage.backend import Backend, BeforeUpgrade
from appliance.storage.data_table_editor import StoredTableEditor
from appliance.storage.data_tables import StoredDataTables
from appliance.storage.erasure_store import StoredErasure
from appliance.storage.export_store import StoredExports
from appliance.storage.key_store import FileKeyStore, KeyStore
from appliance.storage.repositories.agent_messages import StoredAgentMessages
from appliance.storage.repositories.audit_log import StoredAuditLog
from appliance.storage.repositories.conversations import StoredConversations
from appliance.storage.repositories.credentials import StoredCredentials
from appliance.storage.repositories.escalations import StoredEscalations, StoredFeedback
from appliance.storage.repositories.executions import StoredExecutions
from appliance.storage.repositories.integrations import StoredIntegrations
from appliance.storage.repositories.outbox import StoredOutbox
from appliance.storage.repositories.settings import StoredSettings
from appliance.storage.repositories.tenants import StoredTenants
from appliance.storage.repositories.tools import StoredTools
from appliance.storage.repositories.traces import StoredTraces
from appliance.storage.repositories.usage import StoredUsage
from appliance.storage.repositories.users import StoredUsers
from appliance.storage.repositories.workflows import StoredWorkflows
from appliance.storage.retention_store import StoredRetention
from appliance.storage.secrets import SecretBox, check_keys, open_secret_box
from appliance.storage.sqlite_backend import SqliteBackend
from appliance.storage.turn_store import StoredTurnStore

logger = structlog.get_logger(__name__)

DatabasePlace = Path | str
"""An SQLite file, or the URL of a Postgres database."""

KeyPlace = Path | KeyStore
"""The file of the master keys, or another store of them."""


class Database:
    """The stores over one database. Make it with ``open``, end it with ``close``."""

    def __init__(
        self,
        *,
        backend: Backend,
        secret_box: SecretBox,
        open_box: Callable[[], Awaitable[SecretBox]],
        clock: Clock,
    ) -> None:
        transactions = backend.transactions
        self._clock = clock
        self._secret_box = secret_box
        self._open_box = open_box
        self.backend = backend
        self.turn_store = StoredTurnStore(backend.scripts)
        self.tenants = StoredTenants(transactions, secret_box)
        self.credentials = StoredCredentials(transactions, secret_box)
        self.integrations = StoredIntegrations(transactions, secret_box)
        self.tools = StoredTools(transactions)
        self.workflows = StoredWorkflows(transactions)
        self.users = StoredUsers(transactions)
        self.audit = StoredAuditLog(transactions)
        self.data_tables = StoredDataTables(transactions, clock)
        self.table_editor = StoredTableEditor(transactions, clock)
        self.settings = StoredSettings(transactions, secret_box)
        self.retention = StoredRetention(backend)
        self.erasure = StoredErasure(backend)
        self.exports = StoredExports(transactions)
        self.usage = StoredUsage(transactions)
        self.escalations = StoredEscalations(transactions, backend.scripts)
        self.agent_messages = StoredAgentMessages(backend.scripts)
        self.feedback = StoredFeedback(transactions)
        self.outbox = StoredOutbox(transactions)
        self.executions = StoredExecutions(transactions)
        self.traces = StoredTraces(transactions)
        self.conversations = StoredConversations(transactions)

    @classmethod
    async def open(
        cls,
        place: DatabasePlace,
        clock: Clock,
        key_place: KeyPlace,
        *,
        before_upgrade: BeforeUpgrade | None = None,
    ) -> Database:
        """Open the database and bring it to this version's schema.

        Args:
            place: The database file, made when absent and readable by its owner only; or a URL
                such as ``postgresql://user:password@host/name``.
            clock: Tells the stores the time.
            key_place: Where the master keys are; the first is made for a database without secrets.
            before_upgrade: Called when there is something to migrate; raising stops it.

        Raises:
            ConfigurationError: The schema is newer, the key or the URL is wrong, the database
                cannot be made or reached.
            StorageError: The database cannot be used.
        """
        store = FileKeyStore(key_place) if isinstance(key_place, Path) else key_place
        keys = await asyncio.to_thread(store.load)

        def check_and_go_on(connection: Connection, revision: str) -> None:
            check_keys(connection, keys, store)
            if before_upgrade is not None:
                before_upgrade(connection, revision)

        backend = await _open_backend(place, check_and_go_on)
        try:
            await backend.transactions.read(lambda found: check_keys(found, keys, store))
            keys = keys or await asyncio.to_thread(store.ensure)
            open_box = partial(open_secret_box, backend.transactions, keys, store, clock)
            return cls(backend=backend, secret_box=await open_box(), open_box=open_box, clock=clock)
        except BaseException:
            await backend.close()
            raise

    async def recover(self) -> None:
        """Mark the turns that dead servers left unfinished as failed; for a server's start."""
        failpoints.passed("server.before_recover")
        async with self.backend.alone() as is_alone:
            # Another machine may have rotated the keys since this one read them.
            self._secret_box.adopt(await self._open_box())
            failed = await self.turn_store.fail_unfinished_turns(
                failed_at=self._clock.now(), is_alone=is_alone
            )
        failpoints.passed("server.recovered")
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


async def _open_backend(place: DatabasePlace, before_upgrade: BeforeUpgrade) -> Backend:
    if isinstance(place, Path):
        return await SqliteBackend.open(place, before_upgrade=before_upgrade)
    from appliance.storage.postgres import PostgresBackend

    return await PostgresBackend.open(place, before_upgrade=before_upgrade)
