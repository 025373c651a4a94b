from __future__ import annotations

from functools import partial

import pytest

from appliance.domain.ids import ConversationId
from appliance.domain.tenant import EscalationSettings
from appliance.errors import Conflict, NotFound
from appliance.services.escalations import EscalationService
from tests.fakes.live_conversations import build_live
from tests.fakes.shops import build_tenant
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.stored_history import StoredHistory


class Desk:
    """A service over a real database with one conversation, and how often it asked to send."""

    def __init__(self, temporary: TemporaryDatabase, **settings: object) -> None:
        self.history = StoredHistory(temporary)
        self.asked = 0
        self.tenant = build_tenant(
            id=temporary.tenant_id,
            escalation=EscalationSettings(**settings),  # type: ignore[arg-type]
        )
        self.service = EscalationService(
            store=temporary.database.escalations,
            live=build_live(temporary),
            clock=temporary.clock,
            on_notice=self.ask,
        )

    def ask(self) -> None:
        self.asked += 1

    async def escalate(self, **fields: str | None) -> ConversationId:
        given = {"reason": None, "contact": None} | fields
        await self.history.talk("s1")
        return (await self.service.escalate(self.tenant, "s1", **given)).id

    async def kinds(self) -> list[str]:
        page = await self.service.list_page(limit=9, cursor=None, tenant_id=None, status=None)
        return [notice.kind for item in page.items for notice in item.notices]


async def test_the_shop_is_told_in_the_ways_it_wants(temporary: TemporaryDatabase) -> None:
    desk = Desk(temporary, email="team@shop.example", webhook_url="https://shop.example/hook")
    await desk.escalate()
    assert (await desk.kinds(), desk.asked) == (["email", "webhook"], 1)


async def test_without_an_address_an_escalation_is_stored_all_the_same(
    temporary: TemporaryDatabase,
) -> None:
    desk = Desk(temporary, email="team@shop.example", is_enabled=False)
    await desk.escalate(reason="  ", contact=" dana@example.org ")
    page = await desk.service.list_page(limit=9, cursor=None, tenant_id=None, status="open")
    assert [(item.reason, item.contact) for item in page.items] == [(None, "dana@example.org")]
    assert await desk.kinds() == []


async def test_an_unknown_session_cannot_be_escalated(temporary: TemporaryDatabase) -> None:
    desk = Desk(temporary)
    with pytest.raises(NotFound) as raised:
        await desk.service.escalate(desk.tenant, "vs_unknown", reason=None, contact=None)
    assert raised.value.code == "session_not_found"


async def test_an_ended_conversation_cannot_be_taken_over(temporary: TemporaryDatabase) -> None:
    desk = Desk(temporary)
    accepted = await desk.history.ask("s1")
    await desk.history.opened.finish(accepted, ends_conversation=True)
    with pytest.raises(Conflict) as raised:
        await desk.service.take_over(
            temporary.tenant_id, accepted.conversation.id, human_name="Dana"
        )
    assert raised.value.code == "conversation_ended"


async def test_a_foreign_conversation_is_neither_taken_over_nor_handed_back(
    temporary: TemporaryDatabase,
) -> None:
    desk = Desk(temporary)
    conversation_id = await desk.escalate()
    for change in (partial(desk.service.take_over, human_name="Dana"), desk.service.hand_back):
        with pytest.raises(NotFound):
            await change(temporary.other_tenant_id, conversation_id)
    assert (await desk.history.opened.conversation("s1")).status == "waiting_for_human"
