"""Executed tool calls for operators: the list over all conversations, and its export.

Owns the routes and who may use them; what is shown is decided by
``appliance.services.execution_log``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from appliance.domain.ids import ConversationId
from appliance.ports.execution_log import ExecutionSearch, LoggedExecution
from appliance.services.audit import Auditor
from appliance.services.execution_log import ExecutionLog
from appliance.services.exports import ExportFormat, ExportService
from appliance.services.login import Operator
from appliance.services.periods import bound_days
from appliance.web.controllers.personal_data import download
from appliance.web.guards import require_role, require_tenant
from appliance.web.query import Cursor, Limit, OfTenant, Since, Until

OfTool = Annotated[
    str | None,
    QueryParameter(name="tool", max_length=200, description="Only calls of the tool of this name."),
]
OfConversation = Annotated[
    str | None, QueryParameter(description="Only calls of the conversation of this id.")
]
Success = Annotated[
    bool | None, QueryParameter(description="Only calls that succeeded, or only others.")
]
Form = Annotated[
    ExportFormat,
    QueryParameter(name="format", description="`json`: an array; `csv`: a line for each call."),
]


class ExecutionPage(Struct, frozen=True, kw_only=True):
    """A part of the list of executed tool calls."""

    items: list[LoggedExecution]
    next_cursor: str | None


async def provide_search(
    operator: NamedDependency[Operator],
    tenant_id: OfTenant = None,
    tool: OfTool = None,
    conversation_id: OfConversation = None,
    success: Success = None,
    since: Since = None,
    until: Until = None,
) -> ExecutionSearch:
    """Return which calls are asked for, of those that the operator may see.

    Raises:
        NotFound: The tenant is not the operator's.
        InvalidInput: The days make no period.
    """
    require_role(operator, "viewer")
    begin, end = bound_days(since, until)
    wanted_tenant = tenant_id or operator.tenant_id
    return ExecutionSearch(
        tenant_id=require_tenant(operator, wanted_tenant, "viewer") if wanted_tenant else None,
        tool_name=tool,
        conversation_id=ConversationId(conversation_id) if conversation_id else None,
        is_success=success,
        since=begin,
        until=end,
    )


class ExecutionController(Controller):
    """Routes under ``/api/admin/tool-executions``."""

    path = "/api/admin/tool-executions"
    tags = ["tools"]  # noqa: RUF012 -- Litestar reads this class attribute
    dependencies = {"wanted": Provide(provide_search)}  # noqa: RUF012 -- as above

    @get("/", summary="List executed tool calls")
    async def list_executions(
        self,
        wanted: NamedDependency[ExecutionSearch],
        execution_log: NamedDependency[ExecutionLog],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ExecutionPage:
        """Return calls executed on the days ``from`` to ``to``, in UTC, newest first.

        Trials by operators are not among them. Secrets are masked.
        """
        page = await execution_log.list_page(wanted, limit=limit, cursor=cursor)
        return ExecutionPage(items=page.items, next_cursor=page.next_cursor)

    @get("/export", summary="Export executed tool calls")
    async def export_executions(
        self,
        operator: NamedDependency[Operator],
        wanted: NamedDependency[ExecutionSearch],
        execution_log: NamedDependency[ExecutionLog],
        exports: NamedDependency[ExportService],
        auditor: NamedDependency[Auditor],
        form: Form = "json",
    ) -> Stream:
        """Send calls executed on the days ``from`` to ``to``, in UTC, tenant by tenant."""
        if wanted.tenant_id is not None:
            await exports.check_tenant(wanted.tenant_id)
        await auditor.record(
            operator.username,
            "tool_execution.export",
            wanted.tenant_id or "all",
            tenant_id=wanted.tenant_id,
        )
        media_type = "text/csv" if form == "csv" else "application/json"
        pieces = execution_log.export(wanted, form)
        return await download(pieces, f"tool-executions.{form}", media_type)
