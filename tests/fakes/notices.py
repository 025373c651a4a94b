"""Notices to test with, and a notifier that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from appliance.domain.escalation import Escalation, EscalationId, NoticeKind
from appliance.domain.ids import ConversationId
from appliance.domain.tenant import EscalationSettings
from appliance.ports.notifier import Notice, TranscriptLine
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_tenant

CLOCK = SettableClock()


def build_notice(
    *,
    tenant: dict[str, Any] | None = None,
    escalation: dict[str, Any] | None = None,
    **fields: Any,
) -> Notice:
    """Return a notice of Bob's Pizza Shop, with ``fields`` set."""
    settings = EscalationSettings(email="team@shop.example", webhook_url="https://shop.example/h")
    shop = build_tenant(**({"escalation": settings} | (tenant or {})))
    start: dict[str, Any] = {
        "id": "0190-notice",
        "event": "escalation.requested",
        "tenant": shop,
        "escalation": Escalation(
            **(
                {
                    "id": EscalationId("e1"),
                    "tenant_id": shop.id,
                    "conversation_id": ConversationId("c1"),
                    "cause": "visitor",
                    "status": "open",
                    "reason": "I want a human",
                    "contact": "dana@example.org",
                    "requested_at": CLOCK.now(),
                    "closed_at": None,
                }
                | (escalation or {})
            )
        ),
        "channel": "widget",
        "user_identifier": "dana",
        "page_url": "https://shop.example/pizza",
        "transcript": (
            TranscriptLine(role="user", content="I want a human", created_at=CLOCK.now()),
            TranscriptLine(
                role="assistant",
                content="Passed on.",
                created_at=CLOCK.now() + timedelta(seconds=60),
            ),
        ),
        "conversation_url": "http://127.0.0.1:8081/api/admin/conversations/c1",
    }
    return Notice(**(start | fields))


class RecordingNotifier:
    """Implements ``Notifier``: fails with ``failures`` in turn, then takes everything."""

    def __init__(self, kind: NoticeKind = "email", failures: Sequence[Exception] = ()) -> None:
        self.notices: list[Notice] = []
        self._kind = kind
        self._failures = list(failures)
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def kind(self) -> NoticeKind:
        return self._kind

    async def send(self, notice: Notice) -> None:
        """Take it, unless it is time to fail."""
        self.arrived.set()
        await self.gate.wait()
        self.notices.append(notice)
        if self._failures:
            raise self._failures.pop(0)
