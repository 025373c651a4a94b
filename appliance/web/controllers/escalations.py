"""Conversations that need a person, for operators.

Owns the routes and who may use them; what they do is decided by ``appliance.services.escalations``
and ``appliance.services.human_replies``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from appliance.domain.conversation import Conversation, ConversationStatus
from appliance.domain.escalation import Escalation, EscalationStatus
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.live_events import AgentMessage
from appliance.services.audit import Auditor
from appliance.services.erasure import ErasureService
from appliance.services.escalations import EscalationService
from appliance.services.human_replies import HumanReplies
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.web.controllers.personal_data import find_own
from appliance.web.guards import require_role, require_tenant
from appliance.web.query import Cursor, Limit, OfTenant
from appliance.web.schemas.chat import NO_NUL, check_text

OfStatus = Annotated[
    EscalationStatus | None, QueryParameter(description="Only open or only closed ones.")
]


class EscalationPage(Struct, frozen=True, kw_only=True):
    """A part of the list of escalations, newest first."""

    items: list[Escalation]
    next_cursor: str | None


class ConversationStateView(Struct, frozen=True, kw_only=True):
    """Who has a conversation: `human` means a person, so that the assistant is silent."""

    conversation_id: ConversationId
    tenant_id: TenantId
    status: ConversationStatus


class AgentMessageBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says to a visitor; 1 to 4000 characters after trimming."""

    content: Annotated[str, Meta(pattern=NO_NUL)]
    message_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class TypingBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a person writes just now."""

    typing: bool


class EscalationController(Controller):
    """Routes under ``/api/admin/escalations``."""

    path = "/api/admin/escalations"
    tags = ["conversations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List escalations")
    async def list_escalations(
        self,
        operator: NamedDependency[Operator],
        escalations: NamedDependency[EscalationService],
        tenant_id: OfTenant = None,
        status: OfStatus = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> EscalationPage:
        """Return who asked for a person, and whether the shop could be told of it."""
        require_role(operator, "viewer")
        wanted = tenant_id or operator.tenant_id
        page = await escalations.list_page(
            limit=limit,
            cursor=cursor,
            tenant_id=None if wanted is None else require_tenant(operator, wanted, "viewer"),
            status=status,
        )
        return EscalationPage(items=page.items, next_cursor=page.next_cursor)


class TakeOverController(Controller):
    """Routes that change who has a conversation."""

    path = "/api/admin/conversations/{conversation_id:str}"
    tags = ["conversations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @post("/take-over", status_code=200, summary="Take a conversation over")
    async def take_over(
        self,
        operator: NamedDependency[Operator],
        conversation_id: FromPath[str],
        escalations: NamedDependency[EscalationService],
        tenants: NamedDependency[TenantService],
        erasure: NamedDependency[ErasureService],
        auditor: NamedDependency[Auditor],
    ) -> ConversationStateView:
        """Let a person have the conversation: the assistant is silent until it is handed back."""
        found = ConversationId(conversation_id)
        tenant_id = await find_own(operator, found, erasure, role="operator")
        conversation = await escalations.take_over(
            tenant_id, found, human_name=await _name_for_visitors(operator, tenant_id, tenants)
        )
        await auditor.record(
            operator.username, "conversation.take_over", found, tenant_id=tenant_id
        )
        return _view(conversation)

    @post("/hand-back", status_code=200, summary="Hand a conversation back")
    async def hand_back(
        self,
        operator: NamedDependency[Operator],
        conversation_id: FromPath[str],
        escalations: NamedDependency[EscalationService],
        erasure: NamedDependency[ErasureService],
        auditor: NamedDependency[Auditor],
    ) -> ConversationStateView:
        """Let the assistant answer again, and close the conversation's escalation."""
        found = ConversationId(conversation_id)
        tenant_id = await find_own(operator, found, erasure, role="operator")
        conversation = await escalations.hand_back(tenant_id, found)
        await auditor.record(
            operator.username, "conversation.hand_back", found, tenant_id=tenant_id
        )
        return _view(conversation)

    @post("/messages", status_code=201, summary="Write to the visitor")
    async def write(
        self,
        operator: NamedDependency[Operator],
        conversation_id: FromPath[str],
        data: JSONBody[AgentMessageBody],
        human_replies: NamedDependency[HumanReplies],
        tenants: NamedDependency[TenantService],
        erasure: NamedDependency[ErasureService],
        auditor: NamedDependency[Auditor],
    ) -> AgentMessage:
        """Write to the visitor of a conversation that was taken over; the visitor sees it at once.

        The same `message_id` again is the same message, and answered alike.
        """
        found = ConversationId(conversation_id)
        tenant_id = await find_own(operator, found, erasure, role="operator")
        message = await human_replies.say(
            tenant_id,
            found,
            check_text(data.content, field="content"),
            author_name=await _name_for_visitors(operator, tenant_id, tenants),
            client_message_id=data.message_id,
        )
        await auditor.record(operator.username, "conversation.message", found, tenant_id=tenant_id)
        return message

    @post("/typing", status_code=204, summary="Show that somebody writes")
    async def show_typing(
        self,
        operator: NamedDependency[Operator],
        conversation_id: FromPath[str],
        data: JSONBody[TypingBody],
        human_replies: NamedDependency[HumanReplies],
        tenants: NamedDependency[TenantService],
        erasure: NamedDependency[ErasureService],
    ) -> None:
        """Show the visitor for ten seconds that somebody writes, or no longer."""
        found = ConversationId(conversation_id)
        tenant_id = await find_own(operator, found, erasure, role="operator")
        name = await _name_for_visitors(operator, tenant_id, tenants)
        await human_replies.type(tenant_id, found, name, is_typing=data.typing)


async def _name_for_visitors(
    operator: Operator, tenant_id: TenantId, tenants: TenantService
) -> str:
    """Return the operator's own name if there is one, never the username, else the shop's."""
    return operator.display_name or (await tenants.get(tenant_id)).name


def _view(conversation: Conversation) -> ConversationStateView:
    return ConversationStateView(
        conversation_id=conversation.id,
        tenant_id=conversation.tenant_id,
        status=conversation.status,
    )
