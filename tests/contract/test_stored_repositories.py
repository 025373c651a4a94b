from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.storage.database import Database
from tests.contract.repositories_contract import OpenedRepositories, RepositoriesContract
from tests.fakes.clock import SettableClock


class TestStoredRepositories(RepositoriesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedRepositories]:
        clock = SettableClock()
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            database = await Database.open(root / "db" / "csai.sqlite3", clock, root / "key")
            try:
                yield OpenedRepositories(
                    tenants=database.tenants,
                    tools=database.tools,
                    workflows=database.workflows,
                    users=database.users,
                    audit=database.audit,
                    clock=clock,
                )
            finally:
                await database.close()
