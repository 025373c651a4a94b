"""The running server, for operators: its status and its log.

Owns the routes; entries are kept by ``appliance.logs``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from appliance.logs import LEVELS, LogBuffer, LogEntry
from appliance.services.login import Operator
from appliance.web.guards import require_role
from appliance.web.query import OfTenant
from appliance.web.schemas.admin import StatusView
from appliance.web.sse import ServerEvent, Shutdown, build_stream

Matches = Callable[[LogEntry], bool]
Words = Annotated[str | None, QueryParameter(description="A text that the entry holds.")]
LogLimit = Annotated[int, QueryParameter(ge=1, le=2000, description="How many at most.")]
Level = Annotated[str | None, QueryParameter(description="The least level: " + ", ".join(LEVELS))]


class LogPage(Struct, frozen=True, kw_only=True):
    """The newest entries, oldest first."""

    items: list[LogEntry]
    next_cursor: str | None = None


class OperationsController(Controller):
    """Routes of the server itself."""

    path = "/api/admin"
    tags = ["operations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/status", summary="The running server")
    async def get_status(
        self, operator: NamedDependency[Operator], server_status: NamedDependency[StatusView]
    ) -> StatusView:
        """Return version, addresses and folder of this server."""
        require_role(operator, "viewer")
        return server_status

    @get("/logs", summary="The newest log entries")
    async def list_logs(
        self,
        operator: NamedDependency[Operator],
        log_buffer: NamedDependency[LogBuffer],
        level: Level = None,
        q: Words = None,
        tenant_id: OfTenant = None,
        limit: LogLimit = 200,
    ) -> LogPage:
        """Return matching entries that are still in memory, oldest first."""
        matches = _build_filter(operator, level=level, q=q, tenant_id=tenant_id)
        return LogPage(items=log_buffer.newest(limit=limit, matches=matches))

    @get("/logs/stream", summary="Follow the log", media_type="text/event-stream")
    async def follow_logs(
        self,
        request: Request[Any, Any, Any],
        operator: NamedDependency[Operator],
        log_buffer: NamedDependency[LogBuffer],
        shutdown: NamedDependency[Shutdown],
        level: Level = None,
        q: Words = None,
        tenant_id: OfTenant = None,
    ) -> Response[Any]:
        """Send each new entry as it comes, and what was missed since ``Last-Event-ID``."""
        matches = _build_filter(operator, level=level, q=q, tenant_id=tenant_id)
        last = request.headers.get("last-event-id", "")
        after_id = int(last) if re.fullmatch(r"[0-9]{1,18}", last) else log_buffer.last_id
        return build_stream(_encoded(log_buffer, after_id, matches), shutdown)


async def _encoded(
    buffer: LogBuffer, after_id: int, matches: Matches
) -> AsyncGenerator[list[ServerEvent], None]:
    async with aclosing(buffer.follow(after_id=after_id, matches=matches)) as batches:
        async for batch in batches:
            yield [ServerEvent("log", msgspec.json.encode(entry), entry.id) for entry in batch]


def _build_filter(
    operator: Operator, *, level: str | None, q: str | None, tenant_id: str | None
) -> Matches:
    """Return the test of an entry; an operator of one tenant sees that tenant's entries only."""
    require_role(operator, "viewer")
    least = LEVELS.index(level) if level in LEVELS else 0
    wanted = (q or "").casefold()
    tenant = operator.tenant_id or tenant_id

    def matches(entry: LogEntry) -> bool:
        if entry.level in LEVELS and LEVELS.index(entry.level) < least:
            return False
        if tenant is not None and entry.fields.get("tenant_id") != tenant:
            return False
        return not wanted or wanted in f"{entry.event} {entry.logger} {entry.fields}".casefold()

    return matches
