from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.contract.table_editor_contract import TableEditorContract
from tests.fakes.postgres_database import open_postgres_database
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


class TestSqliteTableEditor(TableEditorContract):
    def open(self) -> AbstractAsyncContextManager[TemporaryDatabase]:
        return open_temporary_database()


class TestPostgresTableEditor(TableEditorContract):
    def open(self) -> AbstractAsyncContextManager[TemporaryDatabase]:
        return open_postgres_database()
