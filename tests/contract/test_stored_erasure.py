from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.contract.erasure_contract import ErasureContract
from tests.fakes.stored_history import StoredHistory, open_history


class TestSqliteErasure(ErasureContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("sqlite")


class TestPostgresErasure(ErasureContract):
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        return open_history("postgres")
