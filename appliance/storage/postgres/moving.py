"""Moving a whole installation between SQLite and Postgres, and snapshots of Postgres.

Owns the transactions on both sides: the source is read at one moment, the target gets everything or
nothing. Each runs in an event loop of its own, so that a server's never waits; they block.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from appliance.errors import ApplianceError, ConfigurationError, StorageError
from appliance.storage import migrations
from appliance.storage.engine import SqliteConnection, open_for_copying
from appliance.storage.postgres.connecting import build_connect, mask_url
from appliance.storage.postgres.errors import SETTING, build_start_error, translate
from appliance.storage.postgres.serving import refuse_while_served
from appliance.storage.postgres.transactions import build_engine
from appliance.storage.sqlite_errors import translate as translate_sqlite
from appliance.storage.table_copy import (
    VERSION_TABLE,
    OnRows,
    copy_rows,
    count_rows,
    load_tables,
)
from appliance.storage.tables import metadata

if TYPE_CHECKING:
    import asyncpg

Result = TypeVar("Result")
OnStart = Callable[[int], OnRows]
"""Told how many rows there are; returns who is told of each batch."""

STEP_TIMEOUT_S: Final = 120.0
"""The longest that one statement may take: a batch of rows, or the sums of a large table."""


def move_to_postgres(
    source: Path, url: str, *, on_start: OnStart, replaces: bool = False, setting: str = SETTING
) -> int:
    """Copy an SQLite database into Postgres; return how many rows.

    Args:
        source: A database of this version's schema that nobody writes to meanwhile.
        url: An empty database.
        on_start: Told of the progress.
        replaces: Remove what this program keeps in the database before, in the same transaction.
        setting: Where the address was given, to be named when it is wrong.

    Raises:
        ConfigurationError: The database cannot be used, or is not empty.
        DataFolderUnusable: What shall be replaced is served by somebody.
        StorageError: The copy failed; nothing was changed.
    """
    opened = _open_sqlite(source, is_writable=False)
    try:

        def move(target: Connection) -> int:
            if replaces:
                refuse_while_served(target, url)
            _make_room(target, url, replaces=replaces)
            migrations.run(target)
            tables = load_tables(opened.sql)
            on_rows = on_start(count_rows(opened.sql, tables))
            copy_rows(opened.sql, target, tables, on_rows=on_rows)
            return count_rows(target, tables)

        opened.raw.execute("BEGIN")
        return _run(url, move, isolation_level="READ COMMITTED", setting=setting)
    finally:
        opened.close()


def copy_from_postgres(url: str, target: Path, *, on_start: OnStart, is_last: bool = False) -> int:
    """Copy a Postgres database, as it is at one moment, into a new SQLite file of its revision.

    Args:
        url: The database.
        target: An empty file, or none.
        on_start: Told of the progress.
        is_last: Nobody may write to the database later, since the copy takes its place.

    Raises:
        ConfigurationError: The database cannot be used, or is not this program's.
        DataFolderUnusable: It is served by somebody, and the copy shall be the last.
        StorageError: The copy failed; the file is not to be used.
    """
    opened = _open_sqlite(target, is_writable=True)
    try:

        def copy(source: Connection) -> int:
            if is_last:
                refuse_while_served(source, url)
                source.commit()  # the snapshot to copy is of now, when nobody writes any more
            revision = migrations.read_revision(source)
            if revision is None:
                raise ConfigurationError(
                    f"The database {mask_url(url)} holds nothing of this program.", setting=SETTING
                )
            migrations.check_known(source, revision)
            opened.raw.execute("BEGIN IMMEDIATE")
            migrations.run(opened.sql, revision)
            tables = load_tables(opened.sql)
            copy_rows(source, opened.sql, tables, on_rows=on_start(count_rows(source, tables)))
            opened.raw.execute("COMMIT")
            return count_rows(opened.sql, tables)

        return _run(url, copy, isolation_level="REPEATABLE READ")
    finally:
        opened.close()


def measure_database(url: str) -> int:
    """Return how many bytes a database has on its server's disk.

    Raises:
        ConfigurationError: It cannot be used.
    """
    query = text("SELECT pg_database_size(current_database())")
    return _run(
        url,
        lambda connection: int(connection.execute(query).scalar_one()),
        isolation_level="READ COMMITTED",
    )


def holds_installation(url: str) -> bool:
    """Say whether this program's tables are in a database.

    Raises:
        ConfigurationError: It cannot be used.
    """
    return _run(
        url,
        lambda connection: migrations.read_revision(connection) is not None,
        isolation_level="READ COMMITTED",
    )


def _make_room(target: Connection, url: str, *, replaces: bool) -> None:
    names = inspect(target).get_table_names()
    if not names:
        return
    if not replaces or VERSION_TABLE not in names:
        raise ConfigurationError(
            f"The database {mask_url(url)} is not empty. Give an empty one.",
            setting=SETTING,
            code="database_not_empty",
        )
    migrations.check_known(target, migrations.read_revision(target))
    for name in {VERSION_TABLE, *metadata.tables} & set(names):
        target.execute(text(f'DROP TABLE "{name}" CASCADE'))


def _run(
    url: str,
    work: Callable[[Connection], Result],
    *,
    isolation_level: str,
    setting: str = SETTING,
) -> Result:
    """Run ``work`` in one transaction and commit, in an event loop of its own."""
    move = _Move(url, isolation_level, setting)
    try:
        return asyncio.run(move.run(work))
    except ApplianceError:
        raise
    except sqlite3.Error as error:
        raise translate_sqlite(error) from error
    except Exception as error:
        raise _explain(error, is_undone=not move.is_committing) from error


class _Move:
    """One transaction that ends at once when it fails or is cancelled.

    A polite rollback would wait for a server that hangs, and asyncpg's ``executemany`` does not let
    itself be cancelled; the server rolls back what a lost connection has left.
    """

    def __init__(self, url: str, isolation_level: str, setting: str) -> None:
        self._url = url
        self._setting = setting
        self._connect = build_connect(url, deadline_s=STEP_TIMEOUT_S)
        self._isolation_level = isolation_level
        self._opened: list[asyncpg.Connection] = []
        self.is_committing = False

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        task = asyncio.create_task(self._run(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self.is_committing:  # which is soon over, and then nobody need wonder
                self._hang_up()
                task.cancel()
            await asyncio.wait({task}, timeout=STEP_TIMEOUT_S)
            if self.is_committing and task.done():
                return task.result()
            raise

    async def _run(self, work: Callable[[Connection], Result]) -> Result:
        engine = build_engine(self._open, pool_size=1, is_json_text=True).execution_options(
            isolation_level=self._isolation_level
        )
        try:
            async with engine.connect() as connection:
                try:
                    result = await connection.run_sync(work)
                    self.is_committing = True
                    await connection.commit()
                except BaseException:
                    self._hang_up()
                    await connection.invalidate()  # or leaving it would try to roll back
                    raise
                return result
        finally:
            await engine.dispose()

    async def _open(self) -> asyncpg.Connection:
        try:
            connection = await self._connect()
        except Exception as error:
            raise build_start_error(error, mask_url(self._url), self._setting) from error
        self._opened.append(connection)
        return connection

    def _hang_up(self) -> None:
        for connection in self._opened:
            connection.terminate()


def _explain(error: Exception, *, is_undone: bool) -> Exception:
    if isinstance(error, SQLAlchemyError) and isinstance(
        getattr(error, "orig", None), sqlite3.Error
    ):
        return translate_sqlite(error)
    explained = translate(error)
    if isinstance(explained, StorageError) and is_undone:
        return StorageError(f"{explained.message} Nothing was changed.", code=explained.code)
    return explained


def _open_sqlite(path: Path, *, is_writable: bool) -> SqliteConnection:
    try:
        return open_for_copying(path, is_writable=is_writable)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise translate_sqlite(error) from error
