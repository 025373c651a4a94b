"""Bringing a database to the schema of this version.

Owns when and how migrations run, all of them in one transaction; what they do is left to the files
in ``versions``. They are found next to this file, in the packaged program too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.backend import BeforeUpgrade
from appliance.storage.engine import SqliteConnection

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0007"
"""The newest revision; a test compares it with the files."""


def read_revision(connection: Connection) -> str | None:
    """Return the revision the database is at, ``None`` for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(connection: SqliteConnection, *, before_upgrade: BeforeUpgrade | None = None) -> None:
    """Bring an SQLite database to ``HEAD``; it is as it was when this fails.

    Alembic is loaded only when there is something to do, which keeps ordinary starts fast.

    Raises:
        ConfigurationError: The database was made by a newer version of the program, or by another
            program.
        sqlite3.Error: A migration failed.
    """
    current = read_revision(connection.sql)
    if current == HEAD:
        return
    check_known(connection.sql, current)
    if before_upgrade is not None and current is not None:
        before_upgrade(connection.sql, current)
    raw = connection.raw
    # SQLite ignores this within a transaction; a table that is rebuilt would lose its children.
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("BEGIN IMMEDIATE")
    try:
        run(connection.sql)
        if raw.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise StorageError("The upgrade of the database would break references; nothing done.")
        raw.execute("COMMIT")
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raw.execute("PRAGMA foreign_keys = ON")


def check_known(connection: Connection, current: str | None) -> None:
    """Refuse a database that this version cannot upgrade.

    Raises:
        ConfigurationError: It was made by a newer version, or by another program.
    """
    if current is None:
        if inspect(connection).get_table_names():
            raise ConfigurationError(
                "The database holds another program's tables. Give an empty database.",
                code="database_foreign",
            )
        return
    if current not in known_revisions():
        raise ConfigurationError(
            f"The database was made by a newer version of this program (schema {current!r}, this "
            f"version knows {HEAD!r}). Install that version again, or restore an older backup.",
            code="schema_too_new",
        )


def run(connection: Connection, target: str = HEAD) -> None:
    """Run the migrations up to ``target`` in the transaction that ``connection`` is in."""
    from alembic import command

    if not connection.in_transaction():
        connection.begin()  # or Alembic would commit the table of its own first
    config = _build_config()
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def _build_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def known_revisions() -> set[str]:
    """Return every revision that this version has a migration for."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_build_config())
    return {script.revision for script in scripts.walk_revisions()}
