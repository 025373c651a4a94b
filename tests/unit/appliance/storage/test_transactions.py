from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from appliance.errors import StorageError
from appliance.storage.engine import open_writer
from appliance.storage.readers import Readers
from appliance.storage.transactions import SqliteTransactions
from appliance.storage.writer import Writer


@pytest.fixture
def transactions(tmp_path: Path) -> Iterator[SqliteTransactions]:
    path = tmp_path / "database" / "csai.sqlite3"
    writer, readers = Writer(open_writer(path)), Readers(path)
    yield SqliteTransactions(writer, readers)
    readers.close()
    writer.close()


async def test_what_is_written_is_read(transactions: SqliteTransactions):
    await transactions.write(lambda connection: connection.execute(text("CREATE TABLE t (x)")))
    inserted = await transactions.write(
        lambda connection: connection.execute(text("INSERT INTO t VALUES (1), (2)")).rowcount
    )
    assert inserted == 2
    found = await transactions.read(
        lambda connection: connection.execute(text("SELECT x FROM t")).scalars().all()
    )
    assert found == [1, 2]


async def test_work_that_fails_leaves_nothing(transactions: SqliteTransactions):
    await transactions.write(lambda connection: connection.execute(text("CREATE TABLE t (x)")))

    def fail(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        connection.execute(text("INSERT INTO absent VALUES (1)"))

    with pytest.raises(StorageError):
        await transactions.write(fail)
    with pytest.raises(StorageError):
        await transactions.read(lambda connection: connection.execute(text("DELETE FROM t")))
    count = await transactions.read(lambda c: c.execute(text("SELECT count(*) FROM t")).scalar())
    assert count == 0
