"""MCP servers as a type of integration.

Owns what is peculiar to it: what can be asked is what the server offers, and of that only what an
operator approved as it is now.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec

from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointDefinition,
    StoredIntegration,
    ToolOffer,
    UnfitOffer,
)
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.mcp_server import McpProgram
from appliance.domain.tool import ToolOutcome
from appliance.domain.tool_failures import FailureKind
from appliance.errors import FieldError, InvalidInput, Rejected, UpstreamError
from appliance.integrations.connection_fields import refuse_field
from appliance.integrations.http_system import MAX_ANSWER_BYTES
from appliance.integrations.mcp.connection import SECRET_FIELDS, McpConnection, read_connection
from appliance.integrations.mcp.failures import describe
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.openings import open_http, open_program
from appliance.integrations.mcp.results import read_result
from appliance.integrations.mcp.sessions import KeptSessions, McpSession, agree
from appliance.integrations.response_mapping import find_mapping_problem, map_answer
from appliance.ports.clock import Clock
from appliance.ports.integrations import Integration, TellOffers, WebhookAccess
from appliance.ports.outbound_http import OutboundStreams

Got = TypeVar("Got")

NOT_APPROVED: Final = (
    "The server no longer offers this tool, or says something else of it than what was approved. "
    "The operator should look at it, and approve it again."
)


class McpFailure(Exception):
    """A request that failed, with what is known of whether something was done."""

    def __init__(self, error: UpstreamError, failure: FailureKind) -> None:
        super().__init__(error.message)
        self.error = error
        self.failure = failure


class McpKind:
    """Implements ``IntegrationKind`` for MCP servers.

    Args:
        streams: Sends under the egress rules.
        programs: What the machine's owner registered, by name.
        tell_offers: Told when a server offers something else than before.
        clock: Measures.
    """

    def __init__(
        self,
        streams: OutboundStreams,
        programs: Mapping[str, McpProgram],
        tell_offers: TellOffers,
        clock: Clock,
    ) -> None:
        self.streams = streams
        self.programs = programs
        self.tell_offers = tell_offers
        self.clock = clock
        self.sessions = KeptSessions()

    @property
    def name(self) -> str:
        """The integration type."""
        return "mcp"

    @property
    def secret_fields(self) -> frozenset[str]:
        """The fields of a connection that are never shown."""
        return SECRET_FIELDS

    @property
    def ready_endpoints(self) -> tuple[EndpointDefinition, ...]:
        """None: the server says what can be asked of it."""
        return ()

    def check_connection(self, config: JsonObject) -> JsonObject:
        """Return ``config`` with its defaults filled in."""
        connection = read_connection(config, programs=self.programs)
        checked: JsonObject = msgspec.to_builtins(connection)
        return checked

    def check_endpoint(self, endpoint: Endpoint, config: JsonObject) -> None:
        """Look whether ``endpoint`` is one that the server offered."""
        if endpoint.offer is None:
            raise refuse_field(
                "endpoint_name", "What an MCP server can do comes from the server: refresh it."
            )
        for name, value in (
            ("url_template", endpoint.url_template),
            ("parameters", endpoint.parameters),
            ("query", endpoint.query),
        ):
            if value:
                raise refuse_field(name, "A tool of an MCP server takes none.")
        if endpoint.response_mapping is not None:
            problem = find_mapping_problem(endpoint.response_mapping)
            if problem is not None:
                raise refuse_field("response_mapping", problem)

    def find_hosts(self, config: JsonObject) -> tuple[str, ...]:
        """Return where the secrets of ``config`` are sent."""
        return read_connection(config, programs=self.programs).find_hosts()

    def open(self, integration: StoredIntegration) -> Integration:
        """Return the server; nothing is sent or started before it is asked."""
        connection = read_connection(integration.connection_config, programs=self.programs)
        program = self.programs.get(connection.program) if connection.program else None
        if program is not None and not program.serves(integration.tenant_id):
            raise InvalidInput(
                "The connection_config does not fit.",
                errors=[
                    FieldError(
                        "connection_config.program",
                        "The machine's owner has not given this program to the tenant.",
                    )
                ],
            )
        return McpIntegration(self, integration, connection, program)

    async def aclose(self) -> None:
        """End all sessions, and the programs behind them."""
        await self.sessions.aclose()


class McpIntegration:
    """Implements ``Integration`` and ``OffersTools`` for one MCP server."""

    def __init__(
        self,
        kind: McpKind,
        integration: StoredIntegration,
        connection: McpConnection,
        program: McpProgram | None,
    ) -> None:
        self._kind = kind
        self._integration = integration
        self._connection = connection
        self._program = program
        self._last_notes = Notes()

    async def test(self) -> ConnectionTest:
        """Agree on a version anew and ask what there is."""
        started = self._kind.clock.monotonic()
        self._kind.sessions.drop(self._integration.id)

        async def look(session: McpSession) -> str:
            offers = (await session.list_offers(anew=True)).values()
            unfit = sum(isinstance(offer, UnfitOffer) for offer in offers)
            told = f"and offers {len(offers) - unfit} tools"
            more = f"; {unfit} more cannot be used" if unfit else ""
            return f"The server speaks MCP {session.protocol_version} {told}{more}."

        try:
            message, is_success = await self._use(look), True
        except McpFailure as exc:
            message, is_success = exc.error.message, False
        return ConnectionTest(
            is_success=is_success, message=message, duration_ms=self._ms_since(started)
        )

    async def list_offers(self) -> list[ToolOffer]:
        """Ask the server anew what it offers."""

        async def look(session: McpSession) -> list[ToolOffer]:
            return list((await session.list_offers(anew=True)).values())

        try:
            return await self._use(look)
        except McpFailure as exc:
            raise exc.error from exc

    async def call(self, endpoint: Endpoint, arguments: JsonObject) -> ToolOutcome:
        """Run the tool, if it still is what was approved, and return the mapped result."""
        started = self._kind.clock.monotonic()
        output: JsonValue = None
        error: str | None = None
        failure: FailureKind | None = None
        try:
            output = await self._use(lambda session: self._run(session, endpoint, arguments))
            failure = "unknown"
            output = await map_answer(endpoint.response_mapping, output)
        except McpFailure as exc:
            error, failure = exc.error.message, exc.failure
        except UpstreamError as exc:
            error = exc.message
        return ToolOutcome(
            is_success=error is None,
            output=output if error is None else None,
            error=error,
            failure=failure if error is not None else None,
            duration_ms=self._ms_since(started),
            sent=arguments,
        )

    async def describe(self, endpoint: Endpoint | None) -> WebhookAccess:
        """Refuse: no webhook speaks this protocol by address and key alone."""
        raise InvalidInput("An MCP server is not handed to webhooks.")

    async def _run(
        self, session: McpSession, endpoint: Endpoint, arguments: JsonObject
    ) -> JsonValue:
        assert endpoint.offer is not None
        offers = await session.list_offers()
        offer = offers.get(endpoint.offer.name)
        if offer is None or offer.fingerprint != endpoint.approved:
            await self._kind.tell_offers(self._integration, list(offers.values()))
            raise McpFailure(Rejected(NOT_APPROVED), "not_available")
        result = await session.call(offer.name, arguments)
        if result.is_error:
            # Servers report so whatever went wrong, also in the middle of the work.
            raise McpFailure(
                Rejected("The server says that the tool failed; its own log may say why."),
                "refused" if endpoint.risk == "read" else "unknown",
            )
        output = read_result(result)
        if len(msgspec.json.encode(output)) > MAX_ANSWER_BYTES:
            raise McpFailure(
                Rejected(f"The result is larger than {MAX_ANSWER_BYTES} bytes."), "unknown"
            )
        return output

    async def _use(self, work: Callable[[McpSession], Awaitable[Got]]) -> Got:
        """Return what ``work`` makes of the session; anew where the server forgot it.

        Raises:
            McpFailure: There is no session, or the work in it failed.
        """
        sessions, key = self._kind.sessions, self._integration.id
        is_kept, may_repeat = False, True
        while True:
            session: McpSession | None = None
            try:
                async with (
                    asyncio.timeout(self._connection.timeout_s),
                    sessions.use(key, self._version, self._open, self._tell) as (session, is_kept),
                ):
                    session.notes.forget()
                    return await work(session)
            except McpFailure:
                raise
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
                error: BaseException = TimeoutError()  # the session ended while it was opened
            except Exception as exc:  # noqa: BLE001 - the SDK raises what its libraries raise
                error = exc
            notes = self._last_notes if session is None else session.notes
            sessions.drop(key)
            if may_repeat and is_kept and session is not None and notes.status == 404:
                may_repeat = False
                continue
            told, failure = describe(error, notes)
            if session is None and failure == "unknown":
                failure = "unreachable"  # the tool itself was not asked
            raise McpFailure(told, failure) from error

    @property
    def _version(self) -> str:
        return self._integration.updated_at.isoformat()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[McpSession]:
        notes = self._last_notes = Notes()
        streams = (
            open_http(self._connection, self._kind.streams, notes)
            if self._program is None
            else open_program(self._connection.program or "", self._program)
        )
        async with agree(streams, notes, timeout_s=self._connection.timeout_s) as session:
            yield session

    async def _tell(self, offers: dict[str, ToolOffer]) -> None:
        await self._kind.tell_offers(self._integration, list(offers.values()))

    def _ms_since(self, started: float) -> int:
        return round((self._kind.clock.monotonic() - started) * 1000)
