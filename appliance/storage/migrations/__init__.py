"""Bringing a database to the schema of this version.

Owns when and how migrations run, all of them in one transaction; what they do is left to the files
in ``versions``. They are found next to this file, in the packaged program too.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.engine import SqliteConnection

HEAD = "0001"
"""The newest revision; a test compares it with the files."""


def read_revision(connection: Connection) -> str | None:
    """Return the revision the database is at, ``None`` for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(connection: SqliteConnection) -> None:
    """Bring the database to ``HEAD``; it is as it was when this fails.

    Alembic is loaded only when there is something to do, which keeps ordinary starts fast.

    Raises:
        ConfigurationError: The database was made by a newer version of the program.
        sqlite3.Error: A migration failed.
    """
    if read_revision(connection.sql) == HEAD:
        return
    raw = connection.raw
    # SQLite ignores this within a transaction; a table that is rebuilt would lose its children.
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("BEGIN IMMEDIATE")
    try:
        _run(connection.sql)
        if raw.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise StorageError("The upgrade of the database would break references; nothing done.")
        raw.execute("COMMIT")
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raw.execute("PRAGMA foreign_keys = ON")


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = read_revision(connection)
    if current is not None and current not in known:
        raise ConfigurationError(
            f"The database was made by a newer version of this program (schema {current!r}, this "
            f"version knows {HEAD!r}). Install that version again, or restore an older backup.",
            code="schema_too_new",
        )
    command.upgrade(config, "head")
