"""MySQL and MariaDB.

Owns connecting to them, their read-only transaction, parameters that the server binds, and what
their errors mean.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, TypeVar

import msgspec
import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE
from pymysql.cursors import SSCursor

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import UpstreamError
from appliance.integrations.database import failures
from appliance.integrations.database.connection import DatabaseConnection
from appliance.integrations.database.rows import (
    RowCollector,
    read_json_text,
)
from appliance.integrations.database.statement import Statement
from appliance.integrations.database.threads import QueryThreads
from appliance.ports.outbound_connections import OutboundConnections

Result = TypeVar("Result")

OPENING: Final = ("SET SESSION TRANSACTION READ ONLY", "START TRANSACTION READ ONLY")
MAX_RECEIVED_BYTES: Final = 4_000_000
"""How much a server may send over a connection, whatever it sends: rows are counted later."""
SERVER_SHARE: Final = 0.9
"""How much of a call's time the server may take for the query, so that it is the one to say no."""

ALL_POWERS: Final = ("ALL PRIVILEGES", "FILE", "SUPER", "GRANT OPTION", "CREATE USER", "SHUTDOWN")
WRITING_RIGHTS: Final = frozenset(
    ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "TRIGGER", "EXECUTE",
     "CREATE ROUTINE", "ALTER ROUTINE", "CREATE VIEW", "EVENT", "DELETE HISTORY",
     "CREATE TEMPORARY TABLES", "LOCK TABLES", "REFERENCES")
)  # fmt: skip

MARIADB_TIMEOUT: Final = 1969
MYSQL_TIMEOUT: Final = 3024
TRANSPORT_REQUIRED: Final = (3159,)
READ_ONLY: Final = 1792
NO_DATABASE: Final = (ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR)
NO_RIGHT: Final = (
    ER.TABLEACCESS_DENIED_ERROR,
    ER.COLUMNACCESS_DENIED_ERROR,
    ER.SPECIFIC_ACCESS_DENIED_ERROR,
    ER.PROCACCESS_DENIED_ERROR,
    ER.VIEW_NO_EXPLAIN,
)
TOO_LONG: Final = (
    MARIADB_TIMEOUT,
    MYSQL_TIMEOUT,
    ER.LOCK_WAIT_TIMEOUT,
    ER.QUERY_INTERRUPTED,
)
TOO_MANY: Final = (
    ER.CON_COUNT_ERROR,
    ER.TOO_MANY_USER_CONNECTIONS,
    ER.USER_LIMIT_REACHED,
)
LOST: Final = (CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_CONN_HOST_ERROR)
MISFIT: Final = (
    ER.TRUNCATED_WRONG_VALUE,
    ER.DATA_TOO_LONG,
    ER.WRONG_ARGUMENTS,
    1264,
    1366,
    1690,
)


class MySql:
    """Implements ``Engine`` for MySQL and MariaDB."""

    def __init__(self, connections: OutboundConnections, threads: QueryThreads) -> None:
        self._connections = connections
        self._threads = threads

    async def test(self, tenant_id: TenantId, connection: DatabaseConnection) -> str:
        """Return what works, and what the user may change."""

        def work(opened: _Connection) -> str:
            return failures.describe_test(
                connection, opened.writable, is_encrypted=opened.is_encrypted
            )

        return await self._run(connection, work)

    async def try_query(
        self, tenant_id: TenantId, connection: DatabaseConnection, statement: Statement
    ) -> None:
        """Let the server prepare the query."""

        def work(opened: _Connection) -> None:
            _prepare(opened, statement)

        await self._run(connection, work, is_trial=True)

    async def fetch(
        self,
        tenant_id: TenantId,
        connection: DatabaseConnection,
        statement: Statement,
        values: JsonObject,
    ) -> list[JsonValue]:
        """Return the rows."""

        def work(opened: _Connection) -> list[JsonValue]:
            _prepare(opened, statement)
            return _execute(opened, statement, values, connection.max_rows)

        return await self._run(connection, work)

    async def _run(
        self,
        connection: DatabaseConnection,
        work: Callable[[_Connection], Result],
        *,
        is_trial: bool = False,
    ) -> Result:
        """Return what ``work`` does with a connection in a read-only transaction."""
        host, port = connection.server
        opened = await self._connections.connect(
            host,
            port,
            timeout_s=connection.timeout_s,
            credential_hosts=connection.find_hosts(),
        )

        def run() -> Result:
            with _translate(connection, is_trial=is_trial):
                driver = _Connection(connection, opened)
                with closing(driver):
                    driver.begin(connection)
                    return work(driver)

        # Encryption takes the socket over; this one still ends what goes on there.
        with closing(opened), closing(opened.dup()) as handle:
            return await self._threads.run(run, stop=lambda: handle.shutdown(socket.SHUT_RDWR))


class _Connection(pymysql.connections.Connection):  # type: ignore[misc]
    """A driver's connection that reads no more than it should and tells no password in clear."""

    def __init__(self, connection: DatabaseConnection, opened: socket.socket) -> None:
        tls = connection.build_tls()
        super().__init__(
            host=connection.server[0],
            user=connection.username,
            # The driver would write it in Latin-1.
            password=(connection.password or "").encode(),
            database=connection.database,
            charset="utf8mb4",
            read_timeout=connection.timeout_s,
            write_timeout=connection.timeout_s,
            ssl=tls,
            ssl_disabled=tls is None,
            autocommit=None,
            local_infile=False,
            program_name="csai-appliance",
            defer_connect=True,
        )
        self._ssl_required = connection.tls in ("require", "verify")
        if not self._ssl_required:
            self.client_flag &= ~pymysql.constants.CLIENT.SSL
        self._left = MAX_RECEIVED_BYTES
        self.writable: list[str] = []
        self.connect(opened)

    def begin(self, connection: DatabaseConnection) -> None:
        """Begin a read-only transaction, as a user who cannot do more than change data."""
        seconds = connection.timeout_s * SERVER_SHARE
        is_mariadb = "mariadb" in self.server_version.lower()
        limit = (
            f"max_statement_time = {seconds:f}"
            if is_mariadb
            else f"max_execution_time = {max(1, round(seconds * 1000))}"
        )
        _ask(self, f"SET SESSION {limit}, lock_wait_timeout = {max(1, round(seconds))}")
        grants = [str(row[0]) for row in _ask(self, "SHOW GRANTS")]
        self.writable = _read_grants(grants, connection.username or "")
        for statement in OPENING:
            _ask(self, statement)

    @property
    def is_encrypted(self) -> bool:
        return bool(self._secure)

    def abandon(self) -> None:
        """Close it with rows still on their way."""
        self._force_close()
        self._result.unbuffered_active = False

    def _read_bytes(self, num_bytes: int) -> bytes:
        self._left -= num_bytes
        if self._left < 0:
            self._force_close()
            raise failures.too_many_bytes()
        return super()._read_bytes(num_bytes)  # type: ignore[no-any-return]

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        if plugin_name in (b"mysql_clear_password", b"dialog") and not self._secure:
            raise failures.no_tls(is_required_by_server=True)
        return super()._process_auth(plugin_name, auth_packet, handler)


def _ask(opened: _Connection, statement: str) -> tuple[tuple[Any, ...], ...]:
    with closing(opened.cursor()) as cursor:
        cursor.execute(statement)
        return tuple(cursor.fetchall())


def _prepare(opened: _Connection, statement: Statement) -> None:
    """Let the server itself take the query apart; it takes one statement, and binds values."""
    _ask(opened, f"SET @csai_query = {_write_literal(statement.write(lambda _: '?'))}")
    _ask(opened, "PREPARE csai FROM @csai_query")


def _execute(
    opened: _Connection, statement: Statement, values: JsonObject, max_rows: int
) -> list[JsonValue]:
    names = statement.names
    variables = [f"@csai_{number}" for number in range(len(names))]
    if names:
        given = zip(variables, names, strict=True)
        _ask(
            opened,
            f"SET {', '.join(f'{it} = {_write_literal(values[name])}' for it, name in given)}",
        )
    using = f" USING {', '.join(variables)}" if names else ""
    with closing(opened.cursor(SSCursor)) as cursor:
        cursor.execute(f"EXECUTE csai{using}")
        columns = cursor.description or ()
        decoders = {
            place: read_json_text
            for place, column in enumerate(columns)
            if column[1] == FIELD_TYPE.JSON
        }
        try:
            collector = RowCollector([str(column[0]) for column in columns], max_rows, decoders)
            while (row := cursor.fetchone()) is not None:
                collector.add(row)
        except UpstreamError:
            # The rest of the rows is not waited for.
            opened.abandon()
            raise
    return collector.rows


def _write_literal(value: JsonValue) -> str:
    """Return ``value`` in signs that cannot end a literal: hexadecimal digits, or a number's."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "1" if value else "0"
        case int() | float():
            return msgspec.json.encode(value).decode()
        case str():
            return f"_utf8mb4 X'{value.encode(errors='replace').hex()}'"
        case _:
            raise failures.misfit()


def _read_grants(grants: list[str], username: str) -> list[str]:
    """Return what the user may change, by the lines of SHOW GRANTS.

    Raises:
        Rejected: It is everything, or the server's files.
    """
    writable: list[str] = []
    for grant in grants:
        rights_text, separator, rest = grant.removeprefix("GRANT ").partition(" ON ")
        if not separator:
            continue  # a role that is granted; its rights have lines of their own
        place = rest.partition(" TO ")[0].replace("`", "")
        rights = {right.strip() for right in rights_text.split(",")}
        mighty = next((power for power in ALL_POWERS if power in rights), None)
        if "WITH GRANT OPTION" in rest:
            mighty = "GRANT OPTION"
        if place == "*.*" and mighty is not None:
            raise failures.too_mighty(username, f"has the right {mighty} on the whole server")
        if mighty is not None or rights & WRITING_RIGHTS:
            writable.append(place)
    return sorted(writable)[:4]


@contextmanager
def _translate(connection: DatabaseConnection, *, is_trial: bool) -> Iterator[None]:
    """Turn the driver's errors into sentences."""
    try:
        yield
    except pymysql.MySQLError as exc:
        cause = getattr(exc, "original_exception", None)
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise failures.wrong_certificate() from exc
        number = exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0
        error = _read_number(number, connection)
        if is_trial and error.code in ("query_refused", "not_permitted"):
            error = failures.refused_query(str(exc.args[-1]))
        raise error from exc
    except (OSError, EOFError, RuntimeError, IndexError, struct.error) as exc:
        raise failures.connection_lost() from exc
    except (ValueError, OverflowError) as exc:
        raise failures.unreadable_value() from exc


def _read_number(number: int, connection: DatabaseConnection) -> UpstreamError:
    """Return what an error's number means (MariaDB's and MySQL's error references)."""
    meanings: tuple[tuple[tuple[int, ...], Callable[[], UpstreamError]], ...] = (
        ((ER.ACCESS_DENIED_ERROR, ER.HOST_NOT_PRIVILEGED),
         lambda: failures.wrong_password(connection)),
        (NO_DATABASE, lambda: failures.no_such_database(connection.database or "")),
        (TRANSPORT_REQUIRED, lambda: failures.no_tls(is_required_by_server=True)),
        ((CR.CR_SSL_CONNECTION_ERROR,), lambda: failures.no_tls(is_required_by_server=False)),
        ((READ_ONLY,), failures.would_write),
        (NO_RIGHT, failures.may_not_read),
        (TOO_LONG, failures.timed_out),
        (TOO_MANY, failures.too_busy),
        (LOST, failures.connection_lost),
        (MISFIT, failures.misfit),
    )  # fmt: skip
    for numbers, build in meanings:
        if number in numbers:
            return build()
    return failures.broken_query()
