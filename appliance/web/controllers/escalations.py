"""Conversations that need a person, for operators.

Owns the routes and who may use them; what they do is decided by ``appliance.services.escalations``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from appliance.domain.conversation import Conversation, ConversationStatus
from appliance.domain.escalation import Escalation, EscalationStatus
from appliance.domain.ids import ConversationId, TenantId
from appliance.services.audit import Auditor
from appliance.services.erasure import ErasureService
from appliance.services.escalations import EscalationService
from appliance.services.login import Operator
from appliance.web.controllers.personal_data import find_own
from appliance.web.guards import require_role, require_tenant
from appliance.web.query import Cursor, Limit, OfTenant

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
        erasure: NamedDependency[ErasureService],
        auditor: NamedDependency[Auditor],
    ) -> ConversationStateView:
        """Let a person have the conversation: the assistant is silent until it is handed back."""
        found = ConversationId(conversation_id)
        tenant_id = await find_own(operator, found, erasure, role="operator")
        conversation = await escalations.take_over(tenant_id, found)
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


def _view(conversation: Conversation) -> ConversationStateView:
    return ConversationStateView(
        conversation_id=conversation.id,
        tenant_id=conversation.tenant_id,
        status=conversation.status,
    )
