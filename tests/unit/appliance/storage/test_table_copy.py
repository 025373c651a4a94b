from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from appliance.errors import StorageError
from appliance.storage import migrations
from appliance.storage.engine import SqliteConnection, open_for_copying, open_writer
from appliance.storage.table_copy import copy_rows, count_rows, load_tables, summarise
from appliance.storage.tables import metadata
from tests.fakes.filled_rows import dump_rows, fill_every_table

ROWS = 3


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SqliteConnection]:
    connection = open_writer(tmp_path / "source.sqlite3")
    migrations.upgrade(connection)
    for number in range(1, ROWS + 1):
        fill_every_table(connection.sql, mark="kept", number=number)
    connection.close()
    connection = open_for_copying(tmp_path / "source.sqlite3", is_writable=False)
    yield connection
    connection.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[SqliteConnection]:
    connection = open_for_copying(tmp_path / "target.sqlite3", is_writable=True)
    migrations.run(connection.sql)
    yield connection
    connection.close()


def test_every_table_is_copied_to_the_byte(source: SqliteConnection, target: SqliteConnection):
    tables = load_tables(source.sql)
    assert {table.name for table in tables} == set(metadata.tables)
    copied: list[int] = []
    copy_rows(source.sql, target.sql, tables, on_rows=copied.append)
    assert sum(copied) == count_rows(target.sql, tables) == ROWS * len(metadata.tables)
    assert dump_rows(target.raw) == dump_rows(source.raw)
    assert "12.3" in " ".join(dump_rows(target.raw))


def test_a_side_that_differs_is_found(source: SqliteConnection, target: SqliteConnection):
    tables = load_tables(source.sql)
    target.raw.execute("CREATE TRIGGER spoil AFTER INSERT ON api_usage BEGIN"
                       " UPDATE api_usage SET input_tokens = input_tokens + 1; END")  # fmt: skip
    with pytest.raises(StorageError, match="api_usage") as refused:
        copy_rows(source.sql, target.sql, tables, on_rows=lambda _: None)
    assert refused.value.code == "copy_differs"


def test_counters_are_summed_exactly(source: SqliteConnection, tmp_path: Path):
    tables = {table.name: table for table in load_tables(source.sql)}
    summary = summarise(source.sql, tables["api_usage"])
    assert summary.rows == ROWS
    assert summary.sums["cost_micro_usd"] == 1 + 2 + 3
    assert "input_tokens" in summary.sums


def test_an_older_revision_is_copied_as_it_is(tmp_path: Path):
    old = open_for_copying(tmp_path / "old.sqlite3", is_writable=True)
    migrations.run(old.sql, "0001")
    old.sql.execute(text("INSERT INTO settings (name, value) VALUES ('a', '[1]')"))
    names = {table.name for table in load_tables(old.sql)}
    assert "settings" in names
    assert "data_keys" not in names
    old.close()
