from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from appliance.storage import migrations
from appliance.storage.engine import SqliteConnection, open_writer
from appliance.storage.tables import metadata


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SqliteConnection]:
    connection = open_writer(tmp_path / "csai.sqlite3")
    yield connection
    connection.close()


def names(connection: SqliteConnection) -> set[str]:
    return {row[0] for row in connection.raw.execute("SELECT name FROM sqlite_schema")}


def test_the_migrated_schema_is_the_tables(connection: SqliteConnection):
    migrations.upgrade(connection)
    context = MigrationContext.configure(connection.sql, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []
    assert set(metadata.tables) <= names(connection)
    assert not connection.raw.in_transaction


def test_checks_and_partial_indexes_are_migrated_as_declared(connection: SqliteConnection):
    """Alembic compares neither, so they are looked for by name."""
    migrations.upgrade(connection)
    statement = "SELECT name, sql FROM sqlite_schema WHERE sql LIKE '%WHERE%' OR sql LIKE '%CHECK%'"
    migrated = {name: " ".join(sql.split()) for name, sql in connection.raw.execute(statement)}
    assert set(migrated) == {
        "api_keys",
        "conversations",
        "ix_conversations_tenant_id_user_identifier",
        "ix_escalations_open",
        "ix_messages_conversation_id_client_message_id",
        "ix_messages_unfinished",
        "ix_outbox_due",
        "ix_tool_executions_tenant_id_conversation_id_ledger_key",
    }


def test_the_head_is_the_newest_file():
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [migrations.HEAD]


def test_an_upgraded_database_is_left_alone_and_alembic_unloaded(tmp_path: Path):
    connection = open_writer(tmp_path / "csai.sqlite3")
    migrations.upgrade(connection)
    connection.close()
    script = (
        "from appliance.storage.sqlite_library import install; install()\n"
        "import pathlib, sys\n"
        "from appliance.storage import engine, migrations\n"
        "connection = engine.open_writer(pathlib.Path(sys.argv[1]))\n"
        "migrations.upgrade(connection)\n"
        "assert migrations.read_revision(connection.sql) == migrations.HEAD\n"
        "assert 'alembic' not in sys.modules\n"
        "connection.close()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "csai.sqlite3")], check=True)


def test_a_migration_that_fails_anywhere_changes_nothing(connection: SqliteConnection):
    migrations.upgrade(connection)
    statements = len(names(connection))
    connection.raw.execute("PRAGMA foreign_keys = OFF")
    for name in metadata.tables:
        connection.raw.execute(f"DROP TABLE {name}")
    connection.raw.execute("DROP TABLE alembic_version")
    assert names(connection) == set()
    failures = 0
    for budget in range(1, statements + 1, 7):
        seen = 0

        def deny_late(action: int, *_: object, budget: int = budget) -> int:
            nonlocal seen
            if action not in (sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX):
                return sqlite3.SQLITE_OK
            seen += 1
            return sqlite3.SQLITE_DENY if seen >= budget else sqlite3.SQLITE_OK

        connection.raw.set_authorizer(deny_late)
        with pytest.raises(Exception, match="not authorized"):
            migrations.upgrade(connection)
        connection.raw.set_authorizer(None)
        failures += 1
        assert names(connection) == set()
        assert not connection.raw.in_transaction
    assert failures > 4
    migrations.upgrade(connection)
    assert len(names(connection)) == statements
    assert connection.raw.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_migrating_stays_within_the_callers_transaction(tmp_path: Path):
    connection = open_writer(tmp_path / "new.sqlite3")
    connection.raw.execute("BEGIN IMMEDIATE")
    migrations.run(connection.sql)
    assert connection.raw.in_transaction
    connection.raw.execute("ROLLBACK")
    assert connection.raw.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    connection.close()
