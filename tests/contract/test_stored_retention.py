from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.contract.retention_contract import RetentionContract
from tests.fakes.stored_history import StoredHistory, open_history


class TestSqliteRetention(RetentionContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("sqlite")


class TestPostgresRetention(RetentionContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("postgres")
