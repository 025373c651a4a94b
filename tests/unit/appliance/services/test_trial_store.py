"""Trial conversations in memory: whose they are, how long, one message at a time."""

from __future__ import annotations

import msgspec
import pytest

from appliance.agent.runner import AgentResult
from appliance.domain.conversation import Decision, PendingAction, Summary
from appliance.domain.escalation import NewEscalation
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import MessageId, TenantId, UserId, new_id
from appliance.domain.message import ChatMessage, ChatReply, ReplyMessage, ReplyUsage
from appliance.domain.tool import ToolExecution, ToolOutcome
from appliance.errors import Conflict
from appliance.ports.turn_store import WrittenTools
from appliance.services.answering import Answered
from appliance.services.handover import Closing
from appliance.services.trial_store import MAX_AGE_S, MAX_TRIALS, TrialStore, TrialTurn, Trier
from appliance.services.turn_history import LoadedHistory
from tests.fakes.clock import SettableClock
from tests.fakes.shops import call_booking, call_order

ME = Trier(tenant_id=TenantId("t1"), user_id=UserId("u1"))
OTHERS = [
    Trier(tenant_id=TenantId("t2"), user_id=UserId("u1")),
    Trier(tenant_id=TenantId("t1"), user_id=UserId("u2")),
]
DANA = VerifiedIdentity(subject="dana", claims={"sub": "dana"})
RINA = VerifiedIdentity(subject="rina", claims={"sub": "rina"})


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def trials(clock: SettableClock) -> TrialStore:
    return TrialStore(clock)


def build_result(*between: ChatMessage, text: str = "Hello.", **fields: object) -> AgentResult:
    answer = ChatMessage(role="assistant", content=text)
    start = AgentResult(
        text=text,
        new_messages=(*between, answer),
        model="builtin",
        is_degraded=False,
        executions=(),
        usage=(),
        tools=(),
    )
    return msgspec.structs.replace(start, **fields)


def finish(trials: TrialStore, clock: SettableClock, turn: TrialTurn, answered: Answered) -> None:
    message = ReplyMessage(
        id=MessageId(new_id()), content=answered.result.text, created_at=clock.now()
    )
    reply = ChatReply(
        session_id="",
        conversation_id=turn.accepted.conversation.id,
        message=message,
        usage=ReplyUsage(input_tokens=0, output_tokens=0),
        model="builtin",
    )
    trials.finish(turn.accepted, answered, reply)
    trials.end(turn.accepted)


async def test_a_trial_goes_on_with_what_was_said(trials: TrialStore, clock: SettableClock) -> None:
    first = trials.begin(ME, "Hi")
    called = ChatMessage(role="assistant", content="", tool_calls=(call_order(),))
    result = ChatMessage(role="tool", content="{}", tool_call_id="c1", tool_name="order")
    finish(trials, clock, first, Answered(result=build_result(called, result)))
    second = trials.begin(ME, "And now?", session_id=first.session_id)
    assert first.session_id.startswith("ts_")
    assert second.session_id == first.session_id
    assert first.accepted.conversation.id.startswith("test_")
    assert (first.accepted.is_new_session, second.accepted.is_new_session) == (True, False)
    place = (ME.tenant_id, second.accepted.conversation.id)
    stored = await trials.list_messages(*place, limit=100)
    assert [(item.seq, item.role, item.content) for item in stored] == [
        (1, "user", "Hi"),
        (2, "assistant", ""),
        (3, "tool", "{}"),
        (4, "assistant", "Hello."),
        (5, "user", "And now?"),
    ]
    assert (stored[1].tool_calls, stored[2].tool_call_id) == ((call_order(),), "c1")
    assert await trials.list_messages(*place, limit=2) == stored[-2:]


@pytest.mark.parametrize("other", OTHERS)
def test_nobody_else_finds_a_trial(trials: TrialStore, other: Trier) -> None:
    mine = trials.begin(ME, "Hi")
    trials.end(mine.accepted)
    theirs = trials.begin(other, "Hi", session_id=mine.session_id)
    assert theirs.session_id != mine.session_id
    assert theirs.accepted.is_new_session


@pytest.mark.parametrize("session_id", ["ts_unknown", "", "vs_foreign"])
def test_an_id_that_was_not_given_out_is_not_adopted(trials: TrialStore, session_id: str) -> None:
    turn = trials.begin(ME, "Hi", session_id=session_id)
    assert turn.session_id not in (session_id, trials.begin(ME, "Hi").session_id)
    assert len(turn.session_id) >= 30


def test_one_message_at_a_time_is_answered(trials: TrialStore) -> None:
    turn = trials.begin(ME, "Hi")
    with pytest.raises(Conflict) as refused:
        trials.begin(ME, "Hi again", session_id=turn.session_id)
    assert (refused.value.code, refused.value.retry_after_s) == ("turn_in_progress", 2)
    assert trials.begin(ME, "elsewhere").session_id != turn.session_id
    trials.end(turn.accepted)
    assert trials.begin(ME, "Hi", session_id=turn.session_id).session_id == turn.session_id


def test_a_trial_is_remembered_for_an_hour_after_its_last_message(
    trials: TrialStore, clock: SettableClock
) -> None:
    first = trials.begin(ME, "Hi")
    trials.end(first.accepted)
    for _ in range(2):
        clock.advance(MAX_AGE_S - 1)
        again = trials.begin(ME, "Hi", session_id=first.session_id)
        assert again.session_id == first.session_id
        trials.end(again.accepted)
    clock.advance(MAX_AGE_S)
    assert trials.begin(ME, "Hi", session_id=first.session_id).session_id != first.session_id


def test_the_longest_unused_gives_way_and_never_one_that_is_being_answered(
    trials: TrialStore,
) -> None:
    turns = [trials.begin(ME, "Hi") for _ in range(MAX_TRIALS)]
    busy, used, unused, *_ = turns
    for turn in turns[1:]:
        trials.end(turn.accepted)
    trials.end(trials.begin(ME, "once more", session_id=used.session_id).accepted)
    trials.begin(ME, "one too many")
    assert not trials.begin(ME, "Hi", session_id=used.session_id).accepted.is_new_session
    assert trials.begin(ME, "Hi", session_id=unused.session_id).accepted.is_new_session
    trials.end(busy.accepted)
    assert not trials.begin(ME, "Hi", session_id=busy.session_id).accepted.is_new_session


async def test_a_waiting_action_is_taken_once(trials: TrialStore, clock: SettableClock) -> None:
    turn = trials.begin(ME, "Book")
    waiting = PendingAction(id="p1", call=call_booking(), summary="?", expires_at=clock.now())
    finish(trials, clock, turn, Answered(result=build_result(pending_action=waiting)))
    again = trials.begin(ME, "yes", session_id=turn.session_id)
    assert again.accepted.conversation.pending_action == waiting
    place = (ME.tenant_id, again.accepted.conversation.id)
    decision = Decision(message_id=MessageId("m"), is_confirmed=True, call_id="c")
    decided = msgspec.structs.replace(waiting, decision=decision)
    other = msgspec.structs.replace(decided, id="p2")
    claims = [await trials.claim_pending_action(*place, one) for one in (other, decided, decided)]
    assert claims == [False, True, False]


async def test_executions_are_found_by_their_key(trials: TrialStore, clock: SettableClock) -> None:
    turn = trials.begin(ME, "Book")
    place = (ME.tenant_id, turn.accepted.conversation.id)
    booked = frozenset(("book_appointment",))
    unknown = ToolOutcome(is_success=False, failure="unknown")
    for call_id, outcome, writes in (
        ("c1", ToolOutcome(is_success=False, failure="refused"), WrittenTools()),
        ("c2", unknown, WrittenTools(unknown=booked)),
        ("c2", ToolOutcome(is_success=True), WrittenTools(done=booked)),
    ):
        execution = ToolExecution(
            call=call_booking(call_id), outcome=outcome, ledger_key="k", executed_at=clock.now()
        )
        await trials.record_execution(*place, execution, usage_day="2026-03-02")
        assert await trials.list_writes(*place) == writes
    found = await trials.list_executions(*place, "k")
    assert [(one.call.id, one.outcome.is_success) for one in found] == [("c1", False), ("c2", True)]
    assert await trials.list_executions(*place, "other") == []


async def test_a_write_that_outlives_its_trial_breaks_nothing(
    trials: TrialStore, clock: SettableClock
) -> None:
    turn = trials.begin(ME, "Book")
    trials.end(turn.accepted)
    clock.advance(MAX_AGE_S)
    trials.begin(ME, "anew")
    execution = ToolExecution(
        call=call_booking(), outcome=ToolOutcome(is_success=True), executed_at=clock.now()
    )
    conversation = turn.accepted.conversation
    await trials.record_execution(ME.tenant_id, conversation.id, execution, usage_day="2026-03-02")


@pytest.mark.parametrize(
    ("closing", "status", "is_gone_on_with"),
    [
        (Closing(failed_rounds=1), "open", True),
        (Closing(escalation=NewEscalation(cause="visitor")), "waiting_for_human", True),
        (Closing(ends_conversation=True), "ended", False),
    ],
)
def test_what_an_answer_means_for_the_conversation_is_kept(
    trials: TrialStore,
    clock: SettableClock,
    closing: Closing,
    status: str,
    is_gone_on_with: bool,
) -> None:
    turn = trials.begin(ME, "Hi")
    summary = Summary(text="Said hi.", through_seq=1)
    history = LoadedHistory(
        messages=(), loaded_at=clock.now(), summary=summary, is_summary_new=True
    )
    finish(trials, clock, turn, Answered(result=build_result(), closing=closing, history=history))
    again = trials.begin(ME, "Hi", session_id=turn.session_id)
    assert (again.session_id == turn.session_id) is is_gone_on_with
    if is_gone_on_with:
        conversation = again.accepted.conversation
        assert (conversation.status, conversation.summary) == (status, summary)
        assert conversation.failed_rounds == closing.failed_rounds


def test_another_signed_in_visitor_starts_anew(trials: TrialStore) -> None:
    turn = trials.begin(ME, "Hi")
    trials.end(turn.accepted)
    for identity in (DANA, None, DANA):
        again = trials.begin(ME, "Hi", session_id=turn.session_id, identity=identity)
        assert again.session_id == turn.session_id
        assert again.accepted.conversation.user_identifier == "dana"
        trials.end(again.accepted)
    other = trials.begin(ME, "Hi", session_id=turn.session_id, identity=RINA)
    assert other.session_id != turn.session_id
    assert other.accepted.conversation.user_identifier == "rina"
