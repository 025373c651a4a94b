"""The turn as a playbook: events in, commands out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.loop import (
    MAX_REFUSED_ROUNDS,
    ActionDecided,
    AdmitUnknown,
    Answer,
    AskModel,
    AskVisitor,
    Command,
    FormFilled,
    LoopEvent,
    LoopState,
    ModelAsked,
    ModelSaid,
    ModelStopped,
    RunTools,
    Say,
    ToolsReturned,
    TurnBegan,
    advance,
)
from appliance.domain.message import ChatMessage, Citation
from appliance.domain.tool import ToolCall, ToolOutcome, ToolSpec
from appliance.ports.chat_model import FinishReason, ModelFinished
from tests.fakes.shops import build_spec, call_booking, call_order

SYSTEM = ChatMessage(role="system", content="You are the assistant of Bob's Pizza Shop.")
QUESTION = ChatMessage(role="user", content="Where is my order 12345?")
TOOLS = {
    "get_order_status": build_spec(),
    "book_appointment": build_spec("book_appointment", risk="write"),
}
BAKING = ("Baking.", ToolOutcome(is_success=True, output="Baking."))
BROKEN = ("The oven does not answer.", ToolOutcome(is_success=False, error="x"))
WRONG = ToolCall(id="bad", name="get_order_status", arguments={"order": 1})


class Playbook:
    """Plays events into the loop and keeps what it commands."""

    def __init__(self, *, tools: dict[str, ToolSpec] | None = None, max_tool_rounds: int = 3):
        self.state = LoopState(
            messages=(SYSTEM, QUESTION),
            new_from=2,
            tools=TOOLS if tools is None else tools,
            max_tool_rounds=max_tool_rounds,
        )

    def play(self, event: LoopEvent) -> tuple[Command, ...]:
        self.state, commands = advance(self.state, event)
        return commands

    def begin(self) -> AskModel:
        (command,) = self.play(TurnBegan())
        assert isinstance(command, AskModel)
        return command

    def reply(self, *parts: str | ToolCall, **finish: Any) -> Command:
        """Play one whole reply of the model and return what it leads to."""
        for part in parts:
            if isinstance(part, str):
                assert self.play(ModelSaid(text=part)) == (Say(text=part),)
            else:
                assert self.play(ModelAsked(call=part)) == ()
        (command,) = self.play(ModelStopped(finished=finished(**finish)))
        return command

    def returns(self, **results: tuple[str, ToolOutcome]) -> Command:
        (command,) = self.play(ToolsReturned(results=results))
        return command

    @property
    def told(self) -> list[tuple[str, str]]:
        """What the turn added for the model: role or call id, and text."""
        return [
            (message.tool_call_id or message.role, message.content)
            for message in self.state.new_messages
        ]


def finished(reason: FinishReason = "stop", **fields: Any) -> ModelFinished:
    return ModelFinished(finish_reason=reason, model="m", **fields)


def asked_again(command: Command, *, may_use_tools: bool = True) -> AskModel:
    assert isinstance(command, AskModel), command
    assert command.may_use_tools is may_use_tools
    return command


def test_a_turn_begins_by_asking_the_model() -> None:
    assert Playbook().begin() == AskModel(messages=(SYSTEM, QUESTION), may_use_tools=True)


def test_without_tools_the_model_is_not_offered_any() -> None:
    assert not Playbook(tools={}).begin().may_use_tools


def test_a_plain_answer_ends_the_turn() -> None:
    book = Playbook()
    book.begin()
    assert book.reply("It is ", "baking.") == Answer(text="It is baking.")
    assert book.told == [("assistant", "It is baking.")]


def test_what_a_provider_hands_over_at_the_end_goes_with_the_answer() -> None:
    book = Playbook()
    book.begin()
    citations = (Citation(title="FAQ"),)
    state = {"provider": "x", "signature": "abc"}
    answer = book.reply(
        "See the menu.", citations=citations, quick_replies=("Menu",), provider_state=state
    )
    assert answer == Answer(text="See the menu.", citations=citations, quick_replies=("Menu",))
    assert book.state.new_messages[-1].provider_state == state


def test_a_tool_round_feeds_the_result_back() -> None:
    book = Playbook()
    book.begin()
    assert book.reply("Let me look.", call_order("c1")) == RunTools(calls=(call_order("c1"),))
    again = asked_again(book.returns(c1=BAKING))
    assert again.messages == (
        SYSTEM,
        QUESTION,
        ChatMessage(role="assistant", content="Let me look.", tool_calls=(call_order("c1"),)),
        ChatMessage(
            role="tool", content="Baking.", tool_call_id="c1", tool_name="get_order_status"
        ),
    )
    assert book.reply("It is baking.") == Answer(text="It is baking.")


def test_a_failed_tool_is_told_to_the_model_as_an_error() -> None:
    book = Playbook()
    book.begin()
    book.reply(call_order("c1"))
    again = asked_again(book.returns(c1=BROKEN))
    assert again.messages[-1].is_error
    assert again.messages[-1].content == "The oven does not answer."


def test_calls_of_one_reply_run_together_and_return_in_their_order() -> None:
    book = Playbook()
    book.begin()
    calls = tuple(call_order(f"c{number}", str(number)) for number in range(3))
    assert book.reply(*calls) == RunTools(calls=calls)
    book.returns(c2=BAKING, c0=BROKEN, c1=BAKING)
    assert [who for who, _ in book.told] == ["assistant", "c0", "c1", "c2"]


def test_an_unknown_tool_never_runs_and_the_model_is_told() -> None:
    book = Playbook()
    book.begin()
    again = asked_again(book.reply(ToolCall(id="c1", name="erase_everything", arguments={})))
    assert again.messages[-1].tool_call_id == "c1"
    assert again.messages[-1].is_error
    assert "erase_everything" in again.messages[-1].content


def test_after_two_wrong_calls_the_model_must_answer_without_tools() -> None:
    book = Playbook(max_tool_rounds=10)
    book.begin()
    for round_number in range(1, MAX_REFUSED_ROUNDS + 1):
        command = book.reply(WRONG)
        asked_again(command, may_use_tools=round_number < MAX_REFUSED_ROUNDS)
    assert book.reply("Which order do you mean?") == Answer(text="Which order do you mean?")


def test_a_right_call_after_a_wrong_one_runs() -> None:
    book = Playbook()
    book.begin()
    asked_again(book.reply(WRONG))
    assert book.reply(call_order("c1")) == RunTools(calls=(call_order("c1"),))


def test_beside_a_wrong_call_the_right_one_runs() -> None:
    book = Playbook()
    book.begin()
    assert book.reply(WRONG, call_order("c1")) == RunTools(calls=(call_order("c1"),))
    asked_again(book.returns(c1=BAKING))
    assert [who for who, _ in book.told] == ["assistant", "bad", "c1"]


def test_a_write_is_held_until_the_visitor_confirms() -> None:
    book = Playbook()
    book.begin()
    held = call_booking("w1")
    assert book.reply("With pleasure!", held) == AskVisitor(
        call=held, reasons=("write",), preface="With pleasure!"
    )
    assert [who for who, _ in book.told] == ["assistant", "w1"]
    assert not book.state.new_messages[-1].is_error


def test_reads_beside_a_write_run_before_the_visitor_is_asked() -> None:
    book = Playbook()
    book.begin()
    held = call_booking("w1")
    assert book.reply("Let me see.", held, call_order("c1")) == RunTools(calls=(call_order("c1"),))
    assert book.returns(c1=BAKING) == AskVisitor(
        call=held, reasons=("write",), preface="Let me see."
    )
    assert sorted(who for who, _ in book.told) == ["assistant", "c1", "w1"]


def test_of_two_writes_one_is_asked_for_and_the_other_refused() -> None:
    book = Playbook()
    book.begin()
    first, second = call_booking("w1"), call_booking("w2", time="20:00")
    assert book.reply(first, second) == AskVisitor(call=first, reasons=("write",))
    outcome = {message.tool_call_id: message.is_error for message in book.state.new_messages[1:]}
    assert outcome == {"w1": False, "w2": True}


def test_a_confirmed_action_runs_before_the_model_is_asked() -> None:
    book = Playbook()
    call = call_booking("fresh")
    (command,) = book.play(ActionDecided(call=call, is_confirmed=True))
    assert command == RunTools(calls=(call,))
    asked_again(book.returns(fresh=BAKING))
    assert book.reply("Your table is booked.") == Answer(text="Your table is booked.")
    assert [who for who, _ in book.told] == ["assistant", "fresh", "assistant"]


def test_a_declined_action_does_not_run_and_the_model_is_told() -> None:
    book = Playbook()
    (command,) = book.play(ActionDecided(call=call_booking("fresh"), is_confirmed=False))
    again = asked_again(command)
    assert again.messages[-1].tool_call_id == "fresh"
    assert "declined" in again.messages[-1].content
    assert book.reply("All right.") == Answer(text="All right.")


@pytest.mark.parametrize("rounds", [1, 3, 10])
def test_after_the_last_round_the_model_must_answer(rounds: int) -> None:
    book = Playbook(max_tool_rounds=rounds)
    book.begin()
    for number in range(rounds):
        call = call_order(f"c{number}")
        assert book.reply(call) == RunTools(calls=(call,))
        command = book.returns(**{call.id: BAKING})
        asked_again(command, may_use_tools=number < rounds - 1)
    assert book.reply("It is baking.", call_order("more")) == Answer(text="It is baking.")
    assert book.state.new_messages[-1].tool_calls == ()


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_answer_without_words_is_marked_empty(text: str) -> None:
    book = Playbook()
    book.begin()
    command = book.reply(text)
    assert isinstance(command, Answer)
    assert command.finish == "empty"


def test_an_answer_that_ran_into_its_limit_is_marked_cut() -> None:
    book = Playbook()
    book.begin()
    assert book.reply("It is ba", reason="length") == Answer(text="It is ba", finish="cut")


def test_text_of_an_earlier_round_is_not_repeated_in_the_answer() -> None:
    book = Playbook()
    book.begin()
    book.reply("Let me look.", call_order("c1"))
    book.returns(c1=BAKING)
    assert book.reply("It is baking.") == Answer(text="It is baking.")


MODEL_CALLS = st.one_of(
    st.just(("get_order_status", {"order_number": "1"})),
    st.just(("get_order_status", {"order": 1})),
    st.just(("book_appointment", call_booking().arguments)),
    st.just(("no_such_tool", {})),
)
REPLIES = st.lists(st.one_of(st.text(max_size=3), MODEL_CALLS), max_size=5)


@given(
    replies=st.lists(REPLIES, max_size=12),
    reasons=st.lists(st.sampled_from(["stop", "tool_calls", "length", "content_filter"])),
    successes=st.lists(st.booleans()),
    decision=st.sampled_from([None, True, False]),
    max_tool_rounds=st.integers(1, 10),
)
def test_any_model_is_led_to_exactly_one_end(
    replies: list[Sequence[Any]],
    reasons: list[FinishReason],
    successes: list[bool],
    decision: bool | None,
    max_tool_rounds: int,
) -> None:
    """Whatever a model says, the turn ends once, and each call has one result behind it."""
    book = Playbook(max_tool_rounds=max_tool_rounds)
    start: LoopEvent = TurnBegan()
    if decision is not None:
        start = ActionDecided(call=call_booking("decided"), is_confirmed=decision)
    (command,) = book.play(start)
    ids = (f"id{number}" for number in range(1_000))
    ran: list[ToolCall] = []
    asked = 0
    while not isinstance(command, Answer | AskVisitor):
        if isinstance(command, AskModel):
            asked += 1
            assert command.messages == book.state.messages
            parts = [
                part
                if isinstance(part, str)
                else ToolCall(id=next(ids), name=part[0], arguments=part[1])
                for part in (replies.pop() if replies else ["Done."])
            ]
            command = book.reply(*parts, reason=reasons.pop() if reasons else "stop")
        else:
            assert isinstance(command, RunTools)
            assert command.calls
            ran += command.calls
            command = book.returns(
                **{
                    call.id: BAKING if not successes or successes.pop() else BROKEN
                    for call in command.calls
                }
            )
    assert asked <= max_tool_rounds + MAX_REFUSED_ROUNDS + 1
    check_writes(ran, decision, command)
    check_messages(book.state)


def check_writes(ran: list[ToolCall], decision: bool | None, end: Command) -> None:
    writes = [call.id for call in ran if call.name == "book_appointment"]
    assert writes == (["decided"] if decision else [])
    assert {call.name for call in ran} <= set(TOOLS)
    if isinstance(end, AskVisitor):
        assert end.call.name == "book_appointment"
        assert end.call not in ran


def check_messages(state: LoopState) -> None:
    assert state.messages[:2] == (SYSTEM, QUESTION)
    assert Counter(message.role for message in state.messages)["user"] == 1
    assert Counter(message.role for message in state.messages)["system"] == 1
    called = [call.id for message in state.messages for call in message.tool_calls]
    answered = [message.tool_call_id for message in state.messages if message.role == "tool"]
    assert sorted(called) == sorted(str(call_id) for call_id in answered)
    assert len(set(called)) == len(called)
    open_calls: set[str] = set()
    for message in state.messages:
        if message.role == "assistant":
            assert open_calls == set()
            open_calls = {call.id for call in message.tool_calls}
        elif message.role == "tool":
            assert message.tool_call_id in open_calls
            open_calls.discard(str(message.tool_call_id))
    assert open_calls == set()


def test_an_unproven_claim_is_asked_about_once_and_then_ends_the_turn() -> None:
    book = Playbook()
    book.begin()
    book.play(ModelSaid(text="Hello Dana! "))
    (again,) = book.play(ModelStopped(finished=finished(), claim="I have booked it."))
    assert again == AskModel(
        messages=(SYSTEM, QUESTION),
        may_use_tools=True,
        unproven="I have booked it.",
        shown="Hello Dana!",
    )
    (answer,) = book.play(ModelStopped(finished=finished(), claim="It is booked."))
    assert isinstance(answer, Answer)
    assert (answer.text, answer.finish) == ("Hello Dana! ", "unproven")


def test_a_claim_that_was_shown_is_corrected_behind_it() -> None:
    book = Playbook()
    book.begin()
    book.play(ModelSaid(text="I have booked it."))
    (answer,) = book.play(
        ModelStopped(finished=finished(), claim="I have booked it.", is_shown=True)
    )
    assert isinstance(answer, Answer)
    assert answer.finish == "unproven"


def test_a_claim_beside_a_call_is_dropped_and_the_call_goes_on() -> None:
    book = Playbook()
    book.begin()
    held = call_booking("w1")
    book.play(ModelAsked(call=held))
    (command,) = book.play(ModelStopped(finished=finished(), claim="I have booked it."))
    assert command == AskVisitor(call=held, reasons=("write",))


LOST = ("Not known.", ToolOutcome(is_success=False, failure="unknown"))


def test_an_unknown_end_is_admitted_without_asking_a_model() -> None:
    book = Playbook()
    book.play(ActionDecided(call=call_booking("w2"), is_confirmed=True))
    assert book.play(ToolsReturned(results={"w2": LOST})) == (
        AdmitUnknown(call=call_booking("w2")),
    )
    assert [message.role for message in book.state.new_messages] == ["assistant", "tool"]


def test_what_is_known_already_is_not_run_again() -> None:
    book = Playbook()
    decided = ActionDecided(call=call_booking("w2"), is_confirmed=True, known=LOST)
    assert book.play(decided) == (AdmitUnknown(call=call_booking("w2")),)
    done = ActionDecided(call=call_booking("w2"), is_confirmed=True, known=BAKING)
    (command,) = Playbook().play(done)
    assert isinstance(command, AskModel)
    assert command.messages[-1].content == "Baking."


def test_a_filled_form_is_judged_like_any_call() -> None:
    read = Playbook()
    call = call_order("f1")
    assert read.play(FormFilled(call=call)) == (RunTools(calls=(call,)),)
    assert read.state.new_messages[0].tool_calls == (call,)
    write = Playbook()
    booking = call_booking("f2")
    [asked] = write.play(FormFilled(call=booking))
    assert isinstance(asked, AskVisitor)
    assert (asked.call, asked.reasons) == (booking, ("write",))
    wrong = Playbook()
    [again] = wrong.play(FormFilled(call=WRONG))
    assert isinstance(again, AskModel)
    assert wrong.state.messages[-1].is_error


def test_an_answer_behind_a_call_that_lacked_something_asks_for_it() -> None:
    book = Playbook()
    lacking = ToolCall(id="c1", name="get_order_status", arguments={})
    book.play(TurnBegan())
    book.play(ModelAsked(call=lacking))
    book.play(ModelStopped(finished=finished()))
    book.play(ModelSaid(text="Which order?"))
    [answer] = book.play(ModelStopped(finished=finished()))
    assert isinstance(answer, Answer)
    assert answer.asks_for == lacking


def test_a_call_that_was_wrong_or_was_mended_asks_for_nothing() -> None:
    lacking = ToolCall(id="c1", name="get_order_status", arguments={})
    for calls in ((WRONG,), (lacking, call_order("c2"))):
        book = Playbook()
        book.play(TurnBegan())
        for call in calls:
            book.play(ModelAsked(call=call))
            book.play(ModelStopped(finished=finished()))
        if book.state.awaited:
            book.play(ToolsReturned(results={"c2": BAKING}))
        book.play(ModelSaid(text="Baking."))
        [answer] = book.play(ModelStopped(finished=finished()))
        assert isinstance(answer, Answer)
        assert answer.asks_for is None
