"""Escalations: what a conversation needs a person for, and who is told of it.

Owns the shapes; when there is one is decided by ``appliance.services``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NewType

from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId

EscalationId = NewType("EscalationId", str)

EscalationCause = Literal["visitor", "assistant"]
EscalationStatus = Literal["open", "closed"]
NoticeKind = Literal["email", "webhook"]
NoticeStatus = Literal["pending", "sent", "failed"]
NoticeEvent = Literal["escalation.requested", "escalation.contact_given"]


class NewEscalation(Struct, frozen=True, kw_only=True):
    """A wish for a person. ``cause`` is who had it: the visitor, or the assistant for being stuck.

    ``notices`` are the ways by which the shop is told.
    """

    cause: EscalationCause
    reason: str | None = None
    contact: str | None = None
    notices: tuple[NoticeKind, ...] = ()


class NoticeState(Struct, frozen=True, kw_only=True):
    """What became of one notice; ``error`` is the last failure, of a pending one too."""

    id: str
    kind: NoticeKind
    event: NoticeEvent
    status: NoticeStatus
    attempts: int
    error: str | None
    created_at: datetime


class Escalation(Struct, frozen=True, kw_only=True):
    """An escalation as it is kept; a conversation has one open one at most."""

    id: EscalationId
    tenant_id: TenantId
    conversation_id: ConversationId
    cause: EscalationCause
    status: EscalationStatus
    reason: str | None
    contact: str | None
    requested_at: datetime
    closed_at: datetime | None
    notices: tuple[NoticeState, ...] = ()
