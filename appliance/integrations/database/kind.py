"""The integration type ``database``: named queries that only read.

Owns what is the same for all databases: endpoints as queries, deadlines, how many are asked at
once, and what comes of a call. docs/adr/0030 says what keeps a query from writing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar
from weakref import WeakValueDictionary

import msgspec

from appliance.domain.ids import IntegrationId, TenantId
from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointDefinition,
    StoredIntegration,
)
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import ToolOutcome
from appliance.domain.tool_failures import FailureKind
from appliance.errors import InvalidInput, Rejected, UpstreamError
from appliance.integrations.connection_fields import refuse_field
from appliance.integrations.database.connection import (
    SECRET_FIELDS,
    DatabaseConnection,
    DatabaseName,
    read_connection,
)
from appliance.integrations.database.failures import find_failure, timed_out, too_busy
from appliance.integrations.database.parameters import check_parameters, choose_values
from appliance.integrations.database.statement import Statement, read_statement
from appliance.integrations.response_mapping import find_mapping_problem, map_answer
from appliance.ports.clock import Clock
from appliance.ports.integrations import Integration, WebhookAccess

Result = TypeVar("Result")

MAX_AT_ONCE: Final = 4
"""How many connections a database gets from here at once."""


class Engine(Protocol):
    """Asks databases of one kind, each time over a new connection that may only read.

    All methods raise ``UpstreamError`` with a sentence that says who should act, and end soon when
    they are cancelled; how long they may take is up to the caller.
    """

    async def test(self, tenant_id: TenantId, connection: DatabaseConnection) -> str:
        """Return in a sentence what works, and what should be mended all the same."""
        ...

    async def try_query(
        self, tenant_id: TenantId, connection: DatabaseConnection, statement: Statement
    ) -> None:
        """Let the database prepare the query without carrying it out.

        Its ``Rejected`` has the code ``query_refused`` when the query is what is wrong.
        """
        ...

    async def fetch(
        self,
        tenant_id: TenantId,
        connection: DatabaseConnection,
        statement: Statement,
        values: JsonObject,
    ) -> list[JsonValue]:
        """Return the rows, each an object, for these values of the parameters."""
        ...


class DatabaseKind:
    """Implements ``IntegrationKind`` for databases.

    Args:
        engines: What loads each of them.
        clock: Measures.
    """

    def __init__(self, engines: Mapping[DatabaseName, Callable[[], Engine]], clock: Clock) -> None:
        self._engines = engines
        self._clock = clock
        self._slots: WeakValueDictionary[IntegrationId, asyncio.Semaphore] = WeakValueDictionary()

    @property
    def name(self) -> str:
        """The integration type."""
        return "database"

    @property
    def secret_fields(self) -> frozenset[str]:
        """The fields of a connection that are never shown."""
        return SECRET_FIELDS

    @property
    def ready_endpoints(self) -> tuple[EndpointDefinition, ...]:
        """Nothing: every database has its own tables."""
        return ()

    def check_connection(self, config: JsonObject) -> JsonObject:
        """Return ``config`` with its defaults filled in."""
        checked: JsonObject = msgspec.to_builtins(read_connection(config))
        return checked

    def check_endpoint(self, endpoint: Endpoint, config: JsonObject) -> None:
        """Look whether ``endpoint`` is a query that only reads, and declares its parameters."""
        connection = read_connection(config)
        if endpoint.url_template:
            raise refuse_field("url_template", "A database takes a query alone.")
        if endpoint.method != "GET" or endpoint.risk != "read":
            raise refuse_field(
                "method" if endpoint.method != "GET" else "risk", "A database is only read."
            )
        if endpoint.query is None:
            raise refuse_field("query", "Give the query that is asked.")
        statement = read_statement(endpoint.query, connection.engine)
        check_parameters(endpoint, statement)
        for number, parameter in enumerate(endpoint.parameters):
            if parameter.type == "array" and connection.engine != "postgresql":
                raise refuse_field(
                    f"parameters.{number}.type", f"{connection.engine!r} takes no lists."
                )
        if endpoint.response_mapping is not None:
            problem = find_mapping_problem(endpoint.response_mapping)
            if problem is not None:
                raise refuse_field("response_mapping", problem)

    def find_hosts(self, config: JsonObject) -> tuple[str, ...]:
        """Return where the password of ``config`` is sent."""
        return read_connection(config).find_hosts()

    def open(self, integration: StoredIntegration) -> Integration:
        """Return the database; nobody connects before it is asked."""
        connection = read_connection(integration.connection_config)
        slots = self._slots.setdefault(integration.id, asyncio.Semaphore(MAX_AT_ONCE))
        return Database(
            integration, connection, self._engines[connection.engine](), slots, self._clock
        )


class Database:
    """Implements ``Integration`` and ``TriesEndpoints`` for one connected database."""

    def __init__(
        self,
        integration: StoredIntegration,
        connection: DatabaseConnection,
        engine: Engine,
        slots: asyncio.Semaphore,
        clock: Clock,
    ) -> None:
        self._tenant_id = integration.tenant_id
        self._connection = connection
        self._engine = engine
        self._slots = slots
        self._clock = clock

    async def test(self) -> ConnectionTest:
        """Connect, and look at what the user may do."""
        started = self._clock.monotonic()
        try:
            message = await self._wait(lambda: self._engine.test(self._tenant_id, self._connection))
            is_success = True
        except UpstreamError as exc:
            message, is_success = exc.message, False
        return ConnectionTest(
            is_success=is_success, message=message, duration_ms=self._ms_since(started)
        )

    async def try_endpoint(self, endpoint: Endpoint) -> None:
        """Let the database prepare the query; one that cannot be asked now is not asked.

        Raises:
            InvalidInput: The database refuses the query.
        """
        statement = read_statement(endpoint.query or "", self._connection.engine)
        try:
            await self._wait(
                lambda: self._engine.try_query(self._tenant_id, self._connection, statement)
            )
        except UpstreamError as exc:
            if exc.code in ("query_refused", "query_writes", "not_permitted"):
                raise refuse_field("query", exc.message) from exc

    async def call(self, endpoint: Endpoint, arguments: JsonObject) -> ToolOutcome:
        """Carry out the endpoint's query and return the mapped rows."""
        started = self._clock.monotonic()
        output: JsonValue = None
        error: str | None = None
        failure: FailureKind | None = None
        attempts = 0
        try:
            statement = self._read(endpoint)
            values = choose_values(endpoint, arguments)
            attempts = 1
            rows = await self._wait(
                lambda: self._engine.fetch(self._tenant_id, self._connection, statement, values)
            )
            output = await map_answer(endpoint.response_mapping, rows, arguments)
        except UpstreamError as exc:
            error, failure = exc.message, find_failure(exc)
        return ToolOutcome(
            is_success=error is None,
            output=output,
            error=error,
            failure=failure,
            duration_ms=self._ms_since(started),
            attempts=attempts,
            sent=arguments,
        )

    async def describe(self, endpoint: Endpoint | None) -> WebhookAccess:
        """Refuse: a database speaks no HTTP, and its password stays here."""
        raise InvalidInput("A database cannot be asked by a webhook.")

    def _read(self, endpoint: Endpoint) -> Statement:
        """Look at a stored query as if it were new: it may come from a restored backup.

        Raises:
            Rejected: It does not fit (any more).
        """
        try:
            statement = read_statement(endpoint.query or "", self._connection.engine)
            check_parameters(endpoint, statement)
        except InvalidInput as exc:
            why = exc.errors[0].message
            raise Rejected(
                f"The stored query does not fit. The operator should correct it. {why}",
                code="query_refused",
            ) from exc
        return statement

    async def _wait(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Return what ``work`` returns, once it is its turn.

        Raises:
            UpstreamError: It does not in ``timeout_s``.
        """
        has_begun = False

        try:
            async with asyncio.timeout(self._connection.timeout_s), self._slots:
                has_begun = True
                return await work()
        except TimeoutError as exc:
            raise (timed_out() if has_begun else too_busy()) from exc

    def _ms_since(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)
