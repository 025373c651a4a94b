from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.storage import migrations
from appliance.storage.backups.manifest import (
    TableSums,
    measure_tables,
    open_unchanging,
    read_facts,
    read_revision,
)
from appliance.storage.tables import metadata
from tests.fakes.backups import INSTALLATION, Installation


def test_rows_and_sums_are_counted(installation: Installation):
    revision, installation_id, tables = read_facts(installation.paths.database)
    assert (revision, installation_id) == (migrations.HEAD, INSTALLATION)
    assert set(tables) == {*metadata.tables, "alembic_version"}
    assert tables["messages"] == TableSums(2, {"input_tokens": 1050, "output_tokens": 105})
    assert tables["api_usage"].sums == {
        "conversations": 1,
        "messages": 2,
        "input_tokens": 700,
        "output_tokens": 70,
        "cached_input_tokens": 0,
        "tool_calls": 0,
        "cost_micro_usd": 1234,
        "unpriced_tokens": 0,
    }
    assert tables["users"] == TableSums(0, {})


def test_without_an_id_of_the_installation_there_is_none(installation: Installation):
    installation.execute("DELETE FROM settings")
    assert read_facts(installation.paths.database)[1] is None


def test_no_revision_is_none(installation: Installation):
    installation.execute("DELETE FROM alembic_version")
    with closing(open_unchanging(installation.paths.database)) as connection:
        assert read_revision(connection) is None


def test_an_unchanging_database_is_read_without_a_trace(installation: Installation):
    installation.execute("PRAGMA journal_mode = DELETE")
    before = set(installation.paths.database.parent.iterdir())
    with closing(open_unchanging(installation.paths.database)) as connection:
        with pytest.raises(sqlite3.Error):
            connection.execute("DELETE FROM messages")
        assert measure_tables(connection)["messages"].rows == 2
        assert set(installation.paths.database.parent.iterdir()) == before


def test_names_are_quoted(tmp_path: Path):
    path = tmp_path / "odd.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE "odd ""name" ("a ""b" BIGINT)')
        connection.execute('INSERT INTO "odd ""name" VALUES (5)')
        connection.commit()
        assert measure_tables(connection) == {'odd "name': TableSums(1, {'a "b': 5})}
