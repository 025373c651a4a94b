"""SQLite: files in a folder of the tenant's, below the one that the operator set.

Owns finding the file, opening it so that it cannot be written, and what its errors mean.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected, UpstreamError
from appliance.integrations.database import failures
from appliance.integrations.database.connection import DatabaseConnection
from appliance.integrations.database.functions import FUNCTIONS
from appliance.integrations.database.rows import RowCollector
from appliance.integrations.database.statement import Statement
from appliance.integrations.database.threads import QueryThreads

Result = TypeVar("Result")

SETTING: Final = "CSAI_SQLITE_DIR"
MODE: Final = "ro"
GUARDS: Final = ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")
BUSY_TIMEOUT_S: Final = 2.0
STEPS_BETWEEN_LOOKS: Final = 1_000
OPERATORS: Final = frozenset(("->", "->>", "like", "glob", "match", "regexp"))
"""Functions that operators call; the authorizer sees them by these names."""
HIDDEN: Final = ("pragma_", "sqlite_dbpage", "dbstat", "sqlite_stmt", "bytecode", "tables_used")
"""Tables that tell of the file and its surroundings."""


class Sqlite:
    """Implements ``Engine`` for files of SQLite."""

    def __init__(self, folder: Path | None, threads: QueryThreads) -> None:
        self._folder = folder
        self._threads = threads

    async def test(self, tenant_id: TenantId, connection: DatabaseConnection) -> str:
        """Return that the file can be read."""

        def work(opened: sqlite3.Connection) -> str:
            with closing(opened.execute("SELECT count(*) FROM sqlite_schema")) as cursor:
                [count] = cursor.fetchone()
            return f"The file can be read, and holds {count} tables, views and indexes."

        return await self._run(tenant_id, connection, work)

    async def try_query(
        self, tenant_id: TenantId, connection: DatabaseConnection, statement: Statement
    ) -> None:
        """Let SQLite prepare the query."""

        def work(opened: sqlite3.Connection) -> None:
            query = f"EXPLAIN {_write(statement)}"
            opened.execute(query, dict.fromkeys(statement.names)).close()

        await self._run(tenant_id, connection, work, is_trial=True)

    async def fetch(
        self,
        tenant_id: TenantId,
        connection: DatabaseConnection,
        statement: Statement,
        values: JsonObject,
    ) -> list[JsonValue]:
        """Return the rows."""

        def work(opened: sqlite3.Connection) -> list[JsonValue]:
            bound: dict[str, Any] = {name: values[name] for name in statement.names}
            with closing(opened.execute(_write(statement), bound)) as cursor:
                columns = [str(column[0]) for column in cursor.description or ()]
                collector = RowCollector(columns, connection.max_rows)
                for row in cursor:
                    collector.add(row)
            return collector.rows

        return await self._run(tenant_id, connection, work)

    async def _run(
        self,
        tenant_id: TenantId,
        connection: DatabaseConnection,
        work: Callable[[sqlite3.Connection], Result],
        *,
        is_trial: bool = False,
    ) -> Result:
        is_over = threading.Event()

        def run() -> Result:
            path = self._find_file(tenant_id, connection.file or "")
            with _translate(is_trial=is_trial), closing(_open(path, is_over)) as opened:
                return work(opened)

        return await self._threads.run(run, stop=is_over.set)

    def _find_file(self, tenant_id: TenantId, name: str) -> Path:
        """Return the file, which lies in the tenant's folder and nowhere else.

        Raises:
            Rejected: There is none, or it is a way out of the folder.
        """
        if self._folder is None:
            raise Rejected(
                f"No folder for SQLite files is set. The machine's owner should set {SETTING}.",
                code="not_available",
            )
        place = self._folder / tenant_id
        path = place / name
        # A link may lead anywhere, wherever in the path it is.
        is_here = (
            path.parent == place
            and place.parent == self._folder
            and path.resolve() == self._folder.resolve() / tenant_id / name
        )
        if not is_here or not path.is_file():
            raise Rejected(
                f"There is no file {name!r} for this tenant. The machine's owner should put it in "
                f"the folder {tenant_id!r} below {SETTING}; links are not followed.",
                code="no_such_database",
            )
        return path


def _open(path: Path, is_over: threading.Event) -> sqlite3.Connection:
    """Return the database, guarded; a query on it ends once ``is_over`` is set."""
    opened = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={MODE}{'&immutable=1' if _is_at_rest(path) else ''}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        cached_statements=0,
    )
    try:
        for guard in GUARDS:
            opened.execute(guard).close()
        opened.set_progress_handler(is_over.is_set, STEPS_BETWEEN_LOOKS)
        opened.set_authorizer(authorize)
    except BaseException:
        opened.close()
        raise
    return opened


def _is_at_rest(path: Path) -> bool:
    """Say whether the file is in write-ahead mode and in nobody's use.

    SQLite would lay two files beside such a one to read it, and leave them there.

    Source: SQLite's documentation, "Database File Format", 1.3.3, and "Write-Ahead Logging", 5.
    """
    with path.open("rb") as file:
        header = file.read(20)
    return header[18:20] == b"\x02\x02" and not path.with_name(f"{path.name}-wal").exists()


def authorize(
    action: int, first: str | None, second: str | None, database: str | None, inner: str | None
) -> int:
    """Let SQLite do what reading takes, and no more. It asks for each part of a statement.

    Source: SQLite's documentation, "Authorizer Action Codes".
    """
    match action:
        case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
            is_allowed = True
        case sqlite3.SQLITE_READ:
            is_allowed = not (first or "").lower().startswith(HIDDEN)
        case sqlite3.SQLITE_FUNCTION:
            name = (second or "").lower()
            is_allowed = name in FUNCTIONS["sqlite"] or name in OPERATORS
        case _:
            is_allowed = False
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _write(statement: Statement) -> str:
    return statement.write(lambda name: f":{name}")


@contextmanager
def _translate(*, is_trial: bool) -> Iterator[None]:
    """Turn SQLite's errors into sentences."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as exc:
        error = _read_code(exc)
        if is_trial and error.code == "query_refused":
            error = failures.refused_query(str(exc))
        raise error from exc
    except (OverflowError, UnicodeEncodeError) as exc:
        raise failures.misfit() from exc
    except OSError as exc:
        raise _broken_file() from exc


def _read_code(error: Exception) -> UpstreamError:
    """Return what a result code means (SQLite's documentation, "Result and Error Codes")."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    match code:
        case sqlite3.SQLITE_INTERRUPT | sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return failures.timed_out()
        case sqlite3.SQLITE_AUTH | sqlite3.SQLITE_READONLY:
            return failures.would_write()
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_CANTOPEN:
            return _broken_file()
        case sqlite3.SQLITE_TOOBIG | sqlite3.SQLITE_NOMEM:
            return failures.too_many_bytes()
    return failures.broken_query()


def _broken_file() -> UpstreamError:
    return Rejected(
        "The file is no database of SQLite that can be read. The machine's owner should replace "
        "it, or let this program read it.",
        code="broken_file",
    )
