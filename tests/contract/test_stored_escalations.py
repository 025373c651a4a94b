from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.contract.escalations_contract import EscalationsContract
from tests.fakes.stored_history import StoredHistory, open_history


class TestSqliteEscalations(EscalationsContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("sqlite")


class TestPostgresEscalations(EscalationsContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("postgres")
