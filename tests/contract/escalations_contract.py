"""What every store of escalations, feedback and notices must do.

Owns the suite; opening a database is left to the subclasses.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest_asyncio

from appliance.domain.conversation import Conversation
from appliance.domain.escalation import Escalation, NewEscalation
from appliance.domain.ids import ConversationId, MessageId, SessionHash, TenantId, hash_token
from appliance.domain.message import ChatMessage
from appliance.ports.repositories import Page
from appliance.ports.turn_store import TurnReplayed
from appliance.storage.tables import conversations, escalations, feedback, messages, outbox
from tests.contract.turn_store_contract import build_pending
from tests.fakes.stored_history import StoredHistory

WISH = NewEscalation(cause="visitor", notices=("email", "webhook"))


class EscalationsContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        """Open an empty database with two tenants."""

    @pytest_asyncio.fixture
    async def history(self) -> AsyncIterator[StoredHistory]:
        async with self.open() as history:
            yield history

    async def test_an_escalation_is_stored_with_its_notices_and_the_state(
        self, history: StoredHistory
    ):
        await history.talk("s1")
        wish = NewEscalation(cause="visitor", reason="Broken", notices=("email", "webhook"))
        conversation = await escalate(history, "s1", wish)
        assert conversation is not None
        assert conversation.status == "waiting_for_human"
        [found] = (await list_all(history)).items
        assert (found.cause, found.status, found.reason) == ("visitor", "open", "Broken")
        assert found.requested_at == history.clock.now()
        assert [(notice.kind, notice.status, notice.event) for notice in found.notices] == [
            ("email", "pending", "escalation.requested"),
            ("webhook", "pending", "escalation.requested"),
        ]

    async def test_a_second_wish_adds_to_the_open_one(self, history: StoredHistory):
        await history.talk("s1")
        await escalate(history, "s1", WISH)
        for reason, contact in [
            ("Broken oven", "dana@example.org"),
            ("Still broken", "050-1234567"),
            ("Broken oven", "dana@example.org"),
            (None, None),
        ]:
            wish = NewEscalation(
                cause="visitor", reason=reason, contact=contact, notices=("email",)
            )
            await escalate(history, "s1", wish)
        [found] = (await list_all(history)).items
        assert found.reason == "Broken oven\nStill broken"
        assert found.contact == "dana@example.org, 050-1234567"
        events = [notice.event for notice in found.notices]
        assert events == ["escalation.requested"] * 2 + ["escalation.contact_given"]

    async def test_what_is_added_without_end_is_cut_behind_the_first(self, history: StoredHistory):
        await history.talk("s1")
        for number in range(30):
            text = f"{number} ".ljust(400, "x")
            await escalate(history, "s1", NewEscalation(cause="visitor", reason=text, contact=text))
        [found] = (await list_all(history)).items
        assert found.reason is not None
        assert found.contact is not None
        assert (len(found.reason), len(found.contact)) == (4_000, 1_000)
        assert found.reason.startswith("0 ")
        assert "\n1 x" in found.reason

    async def test_wishes_at_once_open_one_escalation(self, history: StoredHistory):
        await history.talk("s1")
        await asyncio.gather(*(escalate(history, "s1", WISH) for _ in range(8)))
        assert await history.count(escalations) == 1
        assert await history.count(outbox) == 2

    async def test_a_foreign_session_is_not_escalated(self, history: StoredHistory):
        await history.talk("s1", tenant_id=history.other_tenant_id)
        assert await escalate(history, "s1", WISH) is None
        assert await history.count(escalations) == 0

    async def test_a_turn_may_end_with_an_escalation(self, history: StoredHistory):
        accepted = await history.ask("s1", "Let me talk to a person")
        await history.opened.finish(accepted, escalation=WISH, failed_rounds=2)
        conversation = await history.opened.conversation("s1")
        assert (conversation.status, conversation.failed_rounds) == ("waiting_for_human", 2)
        assert await history.count(outbox) == 2

    async def test_a_turn_may_end_the_conversation(self, history: StoredHistory):
        accepted = await history.ask("s1", "Bye")
        pending = build_pending(history.clock)
        await history.opened.finish(accepted, ends_conversation=True, pending_action=pending)
        conversation = await history.opened.conversation("s1")
        assert (conversation.status, conversation.pending_action) == ("ended", None)
        assert conversation.ended_at == history.clock.now()

    async def test_what_the_assistant_ends_or_escalates_stays_with_a_person(
        self, history: StoredHistory
    ):
        await history.talk("s1")
        accepted = await history.ask("s1", "A person, please")
        taken = await take_over(history, "s1")
        assert taken is not None
        assert taken.status == "human"
        await history.opened.finish(accepted, escalation=WISH)
        assert (await history.opened.conversation("s1")).status == "human"

    async def test_a_turn_without_an_answer_counts_nothing_and_is_replayed(
        self, history: StoredHistory
    ):
        await history.talk("s1")
        await take_over(history, "s1")
        before = await history.list_usage()
        accepted = await history.ask("s1", "Are you there?", message_id="m1")
        reply = await history.opened.finish(accepted, "", new_messages=(), usage=())
        assert await history.list_usage() == before
        [row] = await history.rows(conversations)
        assert (row.message_count, row.model, row.lease_message_id) == (3, "builtin", None)
        stored = {(message.role, message.content) for message in await history.rows(messages)}

        assert stored == {("user", "Hello"), ("assistant", "Soon."), ("user", "Are you there?")}
        again = history.opened.build_turn("Are you there?", session="s1", message_id="m1")
        replayed = await history.opened.store.begin_turn(again)
        assert isinstance(replayed, TurnReplayed)
        assert replayed.reply == reply
        assert reply.message is None

    async def test_a_conversation_is_taken_over_and_handed_back(self, history: StoredHistory):
        accepted = await history.ask("s1")
        pending = build_pending(history.clock)
        await history.opened.finish(accepted, pending_action=pending, escalation=WISH)
        taken = await take_over(history, "s1")
        assert taken is not None
        assert (taken.status, taken.human_name, taken.pending_action) == ("human", "Dana", None)
        assert await history.opened.conversation("s1") == taken
        for _ in range(2):
            back = await hand_back(history, "s1")
            assert back is not None
            assert (back.status, back.human_name) == ("open", "Dana")
        [found] = (await list_all(history)).items
        assert (found.status, found.closed_at) == ("closed", history.clock.now())
        await escalate(history, "s1", WISH)
        assert [item.status for item in (await list_all(history)).items] == ["open", "closed"]

    async def test_an_ended_conversation_stays_ended(self, history: StoredHistory):
        accepted = await history.ask("s1")
        await history.opened.finish(accepted, escalation=WISH, ends_conversation=True)
        for change in (take_over, hand_back):
            conversation = await change(history, "s1")
            assert conversation is not None
            assert conversation.status == "ended"
        [found] = (await list_all(history)).items
        assert found.status == "closed"

    async def test_escalations_are_listed_by_tenant_and_status(self, history: StoredHistory):
        for number, tenant_id in enumerate([history.tenant_id, history.other_tenant_id] * 2):
            await history.talk(f"s{number}", tenant_id=tenant_id)
            await escalate(history, f"s{number}", WISH, tenant_id)
        await hand_back(history, "s0")
        mine = await list_all(history, tenant_id=history.tenant_id)
        assert [item.status for item in mine.items] == ["open", "closed"]
        assert len((await list_all(history, status="open")).items) == 3
        first = await list_all(history, limit=3)
        rest = await list_all(history, limit=3, cursor=first.next_cursor)
        assert len({item.id for item in (*first.items, *rest.items)}) == 4
        assert rest.next_cursor is None

    async def test_a_rating_replaces_the_one_before(self, history: StoredHistory):
        reply = await history.talk("s1")
        for rating, comment in ((5, "Great"), (1, None)):
            assert await rate(history, "s1", rating, comment, message_id=reply.message.id)
            assert await rate(history, "s1", rating, comment)
        rows = [(row.message_id, row.rating, row.comment) for row in await history.rows(feedback)]
        assert sorted(rows) == [("", 1, None), (reply.message.id, 1, None)]
        [conversation] = await history.rows(conversations)
        assert conversation.rating == 1

    async def test_ratings_at_once_are_one(self, history: StoredHistory):
        await history.talk("s1")
        await asyncio.gather(*(rate(history, "s1", 1 + number % 5) for number in range(8)))
        assert await history.count(feedback) == 1

    async def test_only_an_answer_of_the_conversation_can_be_rated(self, history: StoredHistory):
        accepted = await history.ask("s1")
        said = ChatMessage(role="assistant", content="Soon.")
        await history.opened.finish(accepted, new_messages=(said,))
        other = await history.talk("s2")
        for message_id in (accepted.user_message_id, other.message.id, MessageId("nothing")):
            assert not await rate(history, "s1", 5, message_id=message_id)
        assert await history.count(feedback) == 0


async def escalate(
    history: StoredHistory, session: str, wish: NewEscalation, tenant_id: TenantId | None = None
) -> Conversation | None:
    history.clock.advance(1)
    return await history.temporary.database.escalations.escalate(
        tenant_id or history.tenant_id,
        SessionHash(hash_token(session)),
        wish,
        at=history.clock.now(),
    )


async def list_all(history: StoredHistory, **wanted: Any) -> Page[Escalation]:
    query = {"limit": 10, "cursor": None, "tenant_id": None, "status": None} | wanted
    return await history.temporary.database.escalations.list_page(**query)


async def take_over(history: StoredHistory, session: str) -> Conversation | None:
    store = history.temporary.database.escalations
    return await store.take_over(
        history.tenant_id, await history.conversation_id(session), human_name="Dana"
    )


async def hand_back(history: StoredHistory, session: str) -> Conversation | None:
    conversation_id: ConversationId = await history.conversation_id(session)
    return await history.temporary.database.escalations.hand_back(
        history.tenant_id, conversation_id, at=history.clock.now()
    )


async def rate(
    history: StoredHistory,
    session: str,
    rating: int,
    comment: str | None = None,
    *,
    message_id: MessageId | None = None,
) -> bool:
    return await history.temporary.database.feedback.put(
        history.tenant_id,
        await history.conversation_id(session),
        message_id=message_id,
        rating=rating,
        comment=comment,
        at=history.clock.now(),
    )
