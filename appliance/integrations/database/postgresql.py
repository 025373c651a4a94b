"""PostgreSQL.

Owns connecting to it, its read-only transaction, its types, and what its errors mean.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Final

import asyncpg

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import UpstreamError
from appliance.integrations.database import failures
from appliance.integrations.database.connection import DatabaseConnection
from appliance.integrations.database.postgresql_values import (
    find_decoders,
    read_parameter,
    read_range,
)
from appliance.integrations.database.rows import RowCollector, write_duration
from appliance.integrations.database.statement import Statement
from appliance.ports.outbound_connections import OutboundConnections

OPENING: Final = "BEGIN READ ONLY"
MAX_RECEIVED_BYTES: Final = 4_000_000
"""How much a server may send over a connection, whatever it sends: rows are counted later."""
ROWS_AT_ONCE: Final = 50
SERVER_SHARE: Final = 0.9
"""How much of a call's time the server may take for the query, so that it is the one to say no."""
CLOSE_TIMEOUT_S: Final = 1.0

DANGEROUS_ROLES: Final = (
    "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('pg_execute_server_program', "
    "'pg_write_server_files', 'pg_read_server_files') AND pg_catalog.pg_has_role(oid, 'MEMBER')"
)
WRITABLE: Final = (
    "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname !~ '^(pg_|information_schema$)' "
    "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND "
    "pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1 LIMIT 4"
)
CALLABLE: Final = (
    "SELECT p.proname FROM pg_catalog.pg_proc p WHERE p.proname = ANY($1) AND p.provolatile = 'v' "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a "
    "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE a.attname = p.proname AND a.attnum > 0 AND n.nspname !~ '^(pg_|information_schema$)') "
    "LIMIT 1"
)
"""Which of the names behind dots calls a function that does something: t.f is f(t) here."""


class PostgreSql:
    """Implements ``Engine`` for PostgreSQL."""

    def __init__(self, connections: OutboundConnections) -> None:
        self._connections = connections

    async def test(self, tenant_id: TenantId, connection: DatabaseConnection) -> str:
        """Return what works, and which tables the user may change."""
        async with self._open(connection) as opened:
            writable = [str(row[0]) for row in await opened.fetch(WRITABLE)]
            is_encrypted = opened.is_encrypted
        return failures.describe_test(connection, writable, is_encrypted=is_encrypted)

    async def try_query(
        self, tenant_id: TenantId, connection: DatabaseConnection, statement: Statement
    ) -> None:
        """Let the server prepare the query."""
        async with self._open(connection, is_trial=True) as opened:
            await _check_calls(opened, statement)
            prepared = await opened.prepare(_write(statement), name="")
            RowCollector([column.name for column in prepared.get_attributes()], 0)

    async def fetch(
        self,
        tenant_id: TenantId,
        connection: DatabaseConnection,
        statement: Statement,
        values: JsonObject,
    ) -> list[JsonValue]:
        """Return the rows."""
        async with self._open(connection) as opened:
            await _check_calls(opened, statement)
            query = _write(statement)
            prepared = await opened.prepare(query, name="")
            attributes = prepared.get_attributes()
            if any(column.type.name in ("interval", "interval[]") for column in attributes):
                # The driver would count a month as thirty days.
                await opened.set_type_codec(
                    "interval",
                    schema="pg_catalog",
                    encoder=_refuse_interval,
                    decoder=_write_interval,
                    format="tuple",
                )
                prepared = await opened.prepare(query, name="")
            collector = RowCollector(
                [column.name for column in attributes],
                connection.max_rows,
                find_decoders(attributes),
            )
            arguments = [
                read_parameter(name, values[name], kind)
                for name, kind in zip(
                    statement.distinct_names, prepared.get_parameters(), strict=True
                )
            ]
            async for record in prepared.cursor(*arguments, prefetch=ROWS_AT_ONCE):
                collector.add([read_range(value) for value in record.values()])
        return collector.rows

    @asynccontextmanager
    async def _open(
        self, connection: DatabaseConnection, *, is_trial: bool = False
    ) -> AsyncIterator[_Connection]:
        """Yield a connection within a read-only transaction, which is rolled back."""
        guard: _BoundedProtocol | None = None
        with _translate(connection, is_trial=is_trial):
            opened = await self._connect(connection)
            try:
                guard = opened.bound()
                await opened.execute(_write_opening(connection.timeout_s))
                await _check_user(opened, connection.username or "")
                yield opened
                await opened.close(timeout=CLOSE_TIMEOUT_S)
            except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as exc:
                raise failures.too_many_bytes() if guard and guard.is_over else exc from exc
            finally:
                opened.terminate()

    async def _connect(self, connection: DatabaseConnection) -> _Connection:
        host, port = connection.server
        addresses = await self._connections.judge(
            host, port, credential_hosts=connection.find_hosts()
        )
        tls = connection.build_tls()
        if tls is not None:
            _name_server(tls, host)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await _connect_to(address, connection, tls)
            except ssl.SSLError:
                raise
            except OSError as exc:
                failure = exc
        raise failures.no_connection() from failure


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A driver's connection, of which is known whether it is encrypted."""

    __slots__ = ()

    @property
    def is_encrypted(self) -> bool:
        return self._transport.get_extra_info("ssl_object") is not None

    def bound(self) -> _BoundedProtocol:
        """Read no more than ``MAX_RECEIVED_BYTES`` from now on."""
        guard = _BoundedProtocol(self._protocol, self._transport)
        self._transport.set_protocol(guard)
        return guard


class _BoundedProtocol(asyncio.Protocol):
    """Stands between the network and the driver, which would take rows of any size."""

    def __init__(self, driver: Any, transport: Any) -> None:
        self._driver = driver
        self._transport = transport
        self._left = MAX_RECEIVED_BYTES
        self.is_over = False

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.is_over = True
            self._transport.abort()
        else:
            self._driver.data_received(data)

    def eof_received(self) -> None:
        self._driver.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._driver.connection_lost(exc)

    def pause_writing(self) -> None:
        self._driver.pause_writing()

    def resume_writing(self) -> None:
        self._driver.resume_writing()


async def _connect_to(
    address: str, connection: DatabaseConnection, tls: ssl.SSLContext | None
) -> _Connection:
    async def connect(encryption: ssl.SSLContext | bool) -> Any:
        return await asyncpg.connect(
            host=address,
            port=connection.server[1],
            user=connection.username,
            # An empty one is given too, or the driver would look for one in the machine's files.
            password=connection.password or "",
            database=connection.database,
            ssl=encryption,
            statement_cache_size=0,
            target_session_attrs="any",
            server_settings={"application_name": "csai-appliance"},
            connection_class=_Connection,
        )

    if tls is None:
        return await connect(False)  # type: ignore[no-any-return]
    try:
        return await connect(tls)  # type: ignore[no-any-return]
    except ConnectionError as exc:
        if "rejected SSL upgrade" not in str(exc):
            raise
        if connection.tls != "auto":
            raise failures.no_tls(is_required_by_server=False) from exc
    return await connect(False)  # type: ignore[no-any-return]


async def _check_user(opened: _Connection, username: str) -> None:
    """Refuse a user whom no read-only transaction binds.

    Raises:
        Rejected: It may do everything, or reach the server's files or programs.
    """
    if opened.get_settings().is_superuser == "on":
        raise failures.too_mighty(username, "is a superuser")
    role = await opened.fetchval(DANGEROUS_ROLES)
    if role is not None:
        why = f"is a member of {role} and may reach the server's files or programs"
        raise failures.too_mighty(username, why)


async def _check_calls(opened: _Connection, statement: Statement) -> None:
    """Refuse a column's name by which the server would call a function.

    Raises:
        Rejected: There is one.
    """
    if statement.qualified:
        called = await opened.fetchval(CALLABLE, list(statement.qualified))
        if called is not None:
            raise failures.would_write()


def _name_server(tls: ssl.SSLContext, name: str) -> None:
    """Let the certificate be checked against ``name``: the driver only knows the address."""
    wrap = tls.wrap_bio

    def wrap_by_name(
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return wrap(incoming, outgoing, server_side, name, session)

    tls.wrap_bio = wrap_by_name  # type: ignore[method-assign]


def _write(statement: Statement) -> str:
    places = {name: f"${number}" for number, name in enumerate(statement.distinct_names, 1)}
    return statement.write(places.__getitem__)


def _write_opening(timeout_s: float) -> str:
    """Return what begins the transaction; settings hold within it, as poolers want it."""
    timeout_ms = max(1, round(timeout_s * SERVER_SHARE * 1000))
    return (
        f"{OPENING}; SET LOCAL statement_timeout = {timeout_ms}; "
        f"SET LOCAL lock_timeout = {timeout_ms}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {timeout_ms}; "
        "SET LOCAL standard_conforming_strings = on"
    )


def _write_interval(parts: tuple[int, int, int]) -> str:
    months, days, microseconds = parts
    return write_duration(timedelta(days=days, microseconds=microseconds), months=months)


def _refuse_interval(value: Any) -> tuple[int, int, int]:
    raise failures.misfit()


@contextmanager
def _translate(connection: DatabaseConnection, *, is_trial: bool) -> Iterator[None]:
    """Turn the driver's errors into sentences."""
    try:
        yield
    except asyncpg.PostgresError as exc:
        error = _read_code(str(exc.sqlstate or ""), connection)
        if is_trial and error.code in ("query_refused", "not_permitted"):
            error = failures.refused_query(str(exc.args[0] if exc.args else ""))
        raise error from exc
    except (asyncpg.DataError, asyncpg.UnsupportedClientFeatureError) as exc:
        raise failures.misfit() from exc
    except ssl.SSLCertVerificationError as exc:
        raise failures.wrong_certificate() from exc
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
        raise failures.connection_lost() from exc
    except (ValueError, OverflowError) as exc:
        raise failures.unreadable_value() from exc


def _read_code(code: str, connection: DatabaseConnection) -> UpstreamError:
    """Return what an SQLSTATE means (PostgreSQL's documentation, appendix A)."""
    match code:
        case "28000" if connection.tls == "off":
            return failures.no_tls(is_required_by_server=True)
        case "28000" | "28P01":
            return failures.wrong_password(connection)
        case "3D000":
            return failures.no_such_database(connection.database or "")
        case "53300":
            return failures.too_busy()
        case "57P03":
            return failures.no_connection()
        case "57014" | "55P03" | "25P03":
            return failures.timed_out()
        case "25006":
            return failures.would_write()
        case "42501":
            return failures.may_not_read()
    if code[:2] in ("08", "57"):
        return failures.connection_lost()
    if code[:2] == "22":
        return failures.misfit()
    if code[:2] in ("40", "53", "55", "58", "F0", "HV", "XX"):
        return failures.server_failed()
    return failures.broken_query()
