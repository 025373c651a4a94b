from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio

from appliance.agent.loop import ActionDecided
from appliance.agent.policy import build_ledger_key
from appliance.domain.conversation import Conversation, Decision, PendingAction
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import ConversationId, MessageId, new_id
from appliance.domain.message import CHANGED_CALL, LAPSED_CALL, SIGN_IN_CALL, WITHDRAWN_CALL
from appliance.domain.tool import ToolExecution, ToolOutcome
from appliance.domain.tool_failures import FAILURE_SENTENCES, FailureKind
from appliance.services.pending_actions import PendingActions
from tests.contract.turn_store_contract import OpenedTurnStore
from tests.fakes.shops import build_tenant_tool, call_booking
from tests.fakes.sqlite_database import TemporaryDatabase


class Waiting:
    """A conversation in which a booking waits for the visitor's word."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        store = temporary.database.turn_store
        self.clock = temporary.clock
        self.opened = OpenedTurnStore(
            store,
            self.clock,
            temporary.tenant_id,
            temporary.other_tenant_id,
            temporary.read_usage,
        )
        self.pending_actions = PendingActions(turn_store=store, clock=self.clock)
        self.conversation_id = ConversationId("")
        tool = build_tenant_tool(temporary.tenant_id, "book_appointment", risk="write")
        self.tools = {"book_appointment": tool}

    async def ask(self) -> None:
        pending = PendingAction(
            id=new_id(),
            call=call_booking("w1"),
            summary="Shall I?",
            expires_at=self.clock.now() + timedelta(minutes=5),
        )
        started = await self.opened.begin("Book a table", session="s1", new_session="s1")
        self.conversation_id = started.conversation.id
        await self.opened.finish(started, pending_action=pending)

    async def find(self) -> Conversation:
        return await self.opened.conversation("s1")

    async def decide(
        self, text: str = "yes", *, message: str = "m1", identity: VerifiedIdentity | None = None
    ) -> ActionDecided | None:
        return await self.decide_on(await self.find(), text, message=message, identity=identity)

    async def decide_on(
        self,
        conversation: Conversation,
        text: str = "yes",
        *,
        message: str = "m1",
        identity: VerifiedIdentity | None = None,
    ) -> ActionDecided | None:
        return await self.pending_actions.decide(
            conversation, text, self.tools, identity, message_id=MessageId(message)
        )

    async def log(
        self, call_id: str, *, is_success: bool = False, failure: FailureKind | None = None
    ) -> None:
        place = (self.opened.tenant_id, self.conversation_id)
        call = call_booking(call_id)
        execution = ToolExecution(
            call=call,
            outcome=ToolOutcome(is_success=is_success, failure=failure),
            ledger_key=build_ledger_key(*place, call),
            executed_at=self.clock.now(),
        )
        await self.opened.store.record_execution(*place, execution, usage_day="2026-03-02")


@pytest_asyncio.fixture
async def waiting(temporary: TemporaryDatabase) -> AsyncIterator[Waiting]:
    waiting = Waiting(temporary)
    await waiting.ask()
    yield waiting


@pytest.mark.parametrize(("text", "is_confirmed"), [("yes", True), ("no", False)])
async def test_a_decision_takes_the_action_out(waiting: Waiting, text: str, is_confirmed: bool):
    decided = await waiting.decide(text)
    assert decided is not None
    assert decided.is_confirmed == is_confirmed
    assert decided.call.arguments == call_booking("w1").arguments
    assert decided.call.id not in ("", "w1")
    kept = (await waiting.find()).pending_action
    assert kept is not None
    assert kept.decision == Decision(
        message_id=MessageId("m1"), is_confirmed=is_confirmed, call_id=decided.call.id
    )


async def test_what_decides_nothing_leaves_it(waiting: Waiting):
    assert await waiting.decide("when are you open?") is None
    assert (await waiting.find()).pending_action is not None
    waiting.clock.advance(301)
    assert await waiting.decide() is None


async def test_it_is_taken_out_once(waiting: Waiting):
    conversation = await waiting.find()
    assert await waiting.decide_on(conversation) is not None
    assert await waiting.decide_on(conversation) is None


async def test_confirmed_again_after_it_was_cut_off_it_is_the_same_call(waiting: Waiting):
    first = await waiting.decide()
    assert first is not None
    await waiting.log(first.call.id, is_success=False, failure="unknown")
    await waiting.ask()
    assert await waiting.decide() == first


@pytest.mark.parametrize("is_success", [True, False])
async def test_once_it_was_logged_the_next_one_is_another_call(waiting: Waiting, is_success: bool):
    first = await waiting.decide()
    assert first is not None
    await waiting.log(first.call.id, is_success=is_success)
    await waiting.ask()
    second = await waiting.decide()
    assert second is not None
    assert second.call.id != first.call.id


async def test_a_refusal_is_another_call_each_time(waiting: Waiting):
    first = await waiting.decide("no")
    await waiting.ask()
    second = await waiting.decide("no")
    assert first is not None
    assert second is not None
    assert first.call.id != second.call.id


class BoundWaiting(Waiting):
    """A booking whose time of all things is bound to the identity's e-mail."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        super().__init__(temporary)
        self.tools = {
            "book_appointment": build_tenant_tool(
                temporary.tenant_id,
                "book_appointment",
                risk="write",
                custom_config={"identity": {"time": "email"}},
            )
        }


@pytest.mark.parametrize(
    ("email", "refusal"),
    [
        ("19:00", None),
        (None, SIGN_IN_CALL),
        ("other@shop.example", CHANGED_CALL),
    ],
)
async def test_it_runs_only_as_who_was_shown_it(
    temporary: TemporaryDatabase, email: str | None, refusal: str | None
):
    waiting = BoundWaiting(temporary)
    await waiting.ask()
    identity = email and VerifiedIdentity(subject="dana", claims={"sub": "dana", "email": email})
    decided = await waiting.decide(identity=identity or None)
    assert decided is not None
    assert (decided.is_confirmed, decided.refusal) == (True, refusal)
    assert "time" not in decided.call.arguments


async def test_it_does_not_run_when_its_tool_takes_other_arguments_by_now(waiting: Waiting):
    tool = waiting.tools["book_appointment"]
    schema = {"type": "object", "properties": {"day": {}}, "additionalProperties": False}
    waiting.tools["book_appointment"] = msgspec.structs.replace(
        tool, tool=msgspec.structs.replace(tool.tool, parameters_schema=schema)
    )
    decided = await waiting.decide()
    assert decided is not None
    assert decided.refusal is not None


async def test_two_answers_at_once_take_it_out_once(waiting: Waiting):
    conversation = await waiting.find()
    decisions = await asyncio.gather(*(waiting.decide_on(conversation) for _ in range(20)))
    assert sum(decided is not None for decided in decisions) == 1


async def test_a_yes_to_an_action_that_another_has_replaced_decides_nothing(waiting: Waiting):
    earlier = await waiting.find()
    await waiting.ask()
    assert await waiting.decide_on(earlier) is None
    assert (await waiting.find()).pending_action is not None


async def test_one_that_is_offered_no_more_is_decided_without_its_values(waiting: Waiting):
    waiting.tools.clear()
    decided = await waiting.decide()
    assert decided is not None
    assert (decided.refusal, decided.call.arguments) == (WITHDRAWN_CALL, {})


async def decide_and_break_off(waiting: Waiting, text: str = "yes") -> ActionDecided:
    decided = await waiting.decide(text)
    assert decided is not None
    return decided


async def test_what_was_not_begun_runs_for_the_same_message_within_its_time(waiting: Waiting):
    first = await decide_and_break_off(waiting)
    assert await waiting.decide() == first
    waiting.clock.advance(301)
    late = await waiting.decide()
    assert late == msgspec.structs.replace(first, refusal=LAPSED_CALL)


async def test_what_was_not_begun_does_not_run_for_another_message(waiting: Waiting):
    first = await decide_and_break_off(waiting)
    other = await waiting.decide("yes", message="m2")
    assert other == msgspec.structs.replace(first, refusal=LAPSED_CALL)


@pytest.mark.parametrize("message", ["m1", "m2"])
async def test_what_was_begun_is_gone_on_with_whatever_is_said(waiting: Waiting, message: str):
    first = await decide_and_break_off(waiting)
    await waiting.log(first.call.id, failure="unknown")
    waiting.clock.advance(301)
    assert await waiting.decide("are you there?", message=message) == first


async def test_what_was_begun_is_told_though_it_may_not_run_any_more(waiting: Waiting):
    first = await decide_and_break_off(waiting)
    await waiting.log(first.call.id, failure="unknown")
    waiting.tools.clear()
    decided = await waiting.decide()
    assert decided is not None
    assert decided.refusal is None
    assert decided.known is not None
    assert decided.known[0] == FAILURE_SENTENCES["unknown"]
    assert decided.known[1].is_unknown


async def test_a_refusal_stands_for_its_message_alone(waiting: Waiting):
    first = await decide_and_break_off(waiting, "no")
    assert await waiting.decide("no") == first
    assert await waiting.decide("no", message="m2") is None


async def test_an_unknown_end_keeps_the_key_for_the_next_yes(waiting: Waiting):
    first = await decide_and_break_off(waiting)
    await waiting.log(first.call.id, failure="unknown")
    await waiting.ask()
    second = await waiting.decide(message="m2")
    assert second is not None
    assert second.call.id == first.call.id
