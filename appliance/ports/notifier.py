"""Telling the shop that a visitor needs a person.

Owns the port of the ways to tell it, and of the outbox where notices wait until they are sent; when
and how often is decided by ``appliance.services.notices``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from appliance.domain.escalation import Escalation, EscalationId, NoticeEvent, NoticeKind
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.message import Role
from appliance.domain.tenant import Tenant


class TranscriptLine(Struct, frozen=True, kw_only=True):
    """Something that was said, with secrets masked."""

    role: Role
    content: str
    created_at: datetime


class Notice(Struct, frozen=True, kw_only=True):
    """What the shop is told. ``id`` is the same however often it is sent."""

    id: str
    event: NoticeEvent
    tenant: Tenant
    escalation: Escalation
    channel: str
    user_identifier: str | None
    page_url: str | None
    transcript: tuple[TranscriptLine, ...]
    conversation_url: str
    """The conversation on the admin side."""


class Notifier(Protocol):
    """One way to tell the shop."""

    @property
    def kind(self) -> NoticeKind:
        """The kind of notices that it sends."""
        ...

    async def send(self, notice: Notice) -> None:
        """Send it once, to the address that the tenant has set.

        Raises:
            UpstreamError: It was not taken; it may be later.
            ConfigurationError: A setting of this installation or of the tenant is missing.
        """
        ...


class DueNotice(Struct, frozen=True, kw_only=True):
    """A notice whose time has come, with this attempt counted."""

    id: str
    tenant_id: TenantId
    conversation_id: ConversationId
    kind: NoticeKind
    event: NoticeEvent
    escalation_id: EscalationId
    created_at: datetime
    attempts: int


class NoticeContent(Struct, frozen=True, kw_only=True):
    """What is stored of the conversation that a notice is about; ``lines`` are oldest first."""

    escalation: Escalation
    channel: str
    user_identifier: str | None
    page_url: str | None
    lines: tuple[TranscriptLine, ...]


class Outbox(Protocol):
    """The notices that wait. All methods raise ``StorageError``."""

    async def claim_due(self, *, now: datetime, until: datetime, limit: int) -> list[DueNotice]:
        """Take some due notices for this process, the longest waiting first.

        They are due again at ``until``, in case this process dies before it says what became of
        them. No other process gets them before.
        """
        ...

    async def load(self, notice: DueNotice, *, lines: int) -> NoticeContent | None:
        """Return what to tell, with the newest ``lines``; ``None`` when it was erased."""
        ...

    async def mark_sent(self, notice_id: str, *, at: datetime) -> None:
        """Note that it was taken."""
        ...

    async def mark_failed(
        self, notice_id: str, *, error: str, at: datetime, retry_at: datetime | None
    ) -> None:
        """Note a failure; without ``retry_at`` it is given up."""
        ...
