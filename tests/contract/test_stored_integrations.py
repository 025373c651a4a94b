from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.contract.integrations_contract import IntegrationsContract
from tests.fakes.stored_history import StoredHistory, open_history


class TestSqliteIntegrations(IntegrationsContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("sqlite")


class TestPostgresIntegrations(IntegrationsContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("postgres")
