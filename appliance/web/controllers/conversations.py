"""Conversations for operators: the list, one whole with its turns' traces, export and erasure.

Owns the routes; what is shown, exported and erased is decided by the services.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from appliance.domain.conversation import ConversationStatus
from appliance.domain.ids import ConversationId
from appliance.ports.conversation_reader import (
    ConversationRow,
    ConversationSearch,
)
from appliance.ports.exports import ConversationFilter
from appliance.services.audit import Auditor
from appliance.services.conversation_log import ConversationDetail, ConversationLog
from appliance.services.erasure import ErasureService
from appliance.services.exports import ExportService
from appliance.services.login import Operator
from appliance.services.periods import bound_days
from appliance.tasks import TaskGroup
from appliance.web.controllers.personal_data import (
    ErasureView,
    Form,
    build_erasure_view,
    download,
    find_own,
    run_to_the_end,
)
from appliance.web.guards import require_role, require_tenant
from appliance.web.query import Cursor, Limit, OfTenant, Since, Until

Text = Annotated[
    str | None,
    QueryParameter(
        name="q", max_length=200, description="Words of a message, or a visitor's identifier."
    ),
]
Status = Annotated[ConversationStatus | None, QueryParameter(description="Only in this state.")]
Channel = Annotated[str | None, QueryParameter(description="Only from there, such as `widget`.")]


class ConversationPage(Struct, frozen=True, kw_only=True):
    """A part of the list of conversations."""

    items: list[ConversationRow]
    next_cursor: str | None


class ConversationController(Controller):
    """Routes under ``/api/admin/conversations``."""

    path = "/api/admin/conversations"
    tags = ["conversations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List conversations")
    async def list_conversations(
        self,
        operator: NamedDependency[Operator],
        conversation_log: NamedDependency[ConversationLog],
        tenant_id: OfTenant = None,
        status: Status = None,
        channel: Channel = None,
        text: Text = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ConversationPage:
        """Return conversations that began on the days ``from`` to ``to``, in UTC, newest first."""
        require_role(operator, "viewer")
        begin, end = bound_days(since, until)
        wanted_tenant = tenant_id or operator.tenant_id
        wanted = ConversationSearch(
            tenant_id=require_tenant(operator, wanted_tenant, "viewer") if wanted_tenant else None,
            status=status,
            channel=channel,
            text=text or None,
            since=begin,
            until=end,
        )
        page = await conversation_log.list_page(wanted, limit=limit, cursor=cursor)
        return ConversationPage(items=page.items, next_cursor=page.next_cursor)

    @get("/export", summary="Export conversations")
    async def export_conversations(
        self,
        operator: NamedDependency[Operator],
        exports: NamedDependency[ExportService],
        auditor: NamedDependency[Auditor],
        form: Form = "json",
        tenant_id: OfTenant = None,
        since: Since = None,
        until: Until = None,
    ) -> Stream:
        """Send conversations that began on the days ``from`` to ``to``, in UTC, with messages."""
        require_role(operator, "viewer")
        begin, end = bound_days(since, until)
        wanted_tenant = tenant_id or operator.tenant_id
        allowed = None
        if wanted_tenant is not None:
            allowed = require_tenant(operator, wanted_tenant, "viewer")
            await exports.check_tenant(allowed)
        wanted = ConversationFilter(tenant_id=allowed, since=begin, until=end)
        await auditor.record(
            operator.username, "conversation.export", allowed or "all", tenant_id=allowed
        )
        media_type = "text/csv" if form == "csv" else "application/json"
        pieces = exports.export_conversations(wanted, form)
        return await download(pieces, f"conversations.{form}", media_type)

    @delete("/{conversation_id:str}", status_code=200, summary="Erase a conversation")
    async def erase_conversation(
        self,
        operator: NamedDependency[Operator],
        conversation_id: FromPath[str],
        erasure: NamedDependency[ErasureService],
        tasks: NamedDependency[TaskGroup],
    ) -> ErasureView:
        """Erase one conversation with its messages and executed tools; sums of usage stay."""
        found = ConversationId(conversation_id)
        tenant_id = await find_own(operator, found, erasure, role="operator")
        work = erasure.erase_conversation(operator.username, tenant_id, found)
        return build_erasure_view(await run_to_the_end(tasks, work))

    @get("/{conversation_id:str}", summary="Read a conversation and how its answers came about")
    async def read_conversation(
        self,
        operator: NamedDependency[Operator],
        conversation_id: FromPath[str],
        conversation_log: NamedDependency[ConversationLog],
    ) -> ConversationDetail:
        """Return a conversation with its messages, executed tools and turns step by step."""
        require_role(operator, "viewer")
        return await conversation_log.read(ConversationId(conversation_id), only=operator.tenant_id)
