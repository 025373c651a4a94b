from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.history import (
    build_history,
    estimate_message,
    extend_history,
    fit_messages,
    split_window,
)
from appliance.domain.ids import ConversationId, MessageId
from appliance.domain.message import ChatMessage, Role, StoredMessage
from appliance.domain.tenant import AgentSettings, WindowMessages
from appliance.domain.tool import ToolCall
from appliance.errors import ContextWindowExceeded
from tests.fakes.shops import call_order


def stored(role: Role, content: str = "", **fields: Any) -> StoredMessage:
    return StoredMessage(
        id=MessageId("m"),
        conversation_id=ConversationId("v"),
        seq=1,
        role=role,
        content=content,
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
        **fields,
    )


def result(call: ToolCall, content: str = "Baking.") -> StoredMessage:
    return stored("tool", content, tool_call_id=call.id, tool_name=call.name)


def user(text: str = "Hi") -> ChatMessage:
    return ChatMessage(role="user", content=text)


def answer(text: str = "Hello", *calls: ToolCall) -> ChatMessage:
    return ChatMessage(role="assistant", content=text, tool_calls=calls)


def tool(call: ToolCall, text: str = "Baking.") -> ChatMessage:
    return ChatMessage(role="tool", content=text, tool_call_id=call.id, tool_name=call.name)


CALL = call_order("c1")


def test_a_whole_turn_reads_as_it_was() -> None:
    state = {"provider": "x"}
    history = build_history(
        [
            stored("user", "Where is it?"),
            stored("assistant", "Let me look.", tool_calls=(CALL,), provider_state=state),
            result(CALL),
            stored("assistant", "It is baking."),
        ]
    )
    assert [message.role for message in history] == ["user", "assistant", "tool", "assistant"]
    assert history[1].tool_calls == (CALL,)
    assert history[1].provider_state == state
    assert (history[2].tool_call_id, history[2].tool_name) == ("c1", "get_order_status")


def test_a_message_whose_turn_failed_stays() -> None:
    history = build_history([stored("user", "One", turn_state="failed"), stored("user", "Two")])
    assert [message.content for message in history] == ["One", "Two"]


def test_a_human_agents_words_are_the_assistants() -> None:
    assert build_history([stored("agent", "Dana here.")]) == [answer("Dana here.")]


def test_a_failed_result_stays_an_error() -> None:
    (_, told) = build_history(
        [
            stored("assistant", tool_calls=(CALL,)),
            stored("tool", "Broken.", tool_call_id="c1", tool_name="t", is_error=True),
        ]
    )
    assert told.is_error


def test_a_call_without_its_result_is_left_out() -> None:
    kept, lost = call_order("c1"), call_order("c2")
    history = build_history(
        [stored("user", "Hi"), stored("assistant", tool_calls=(kept, lost)), result(kept)]
    )
    assert history[1].tool_calls == (kept,)


def test_a_reply_of_nothing_but_lost_calls_is_left_out() -> None:
    assert build_history([stored("assistant", tool_calls=(CALL,))]) == []


def test_a_result_without_its_call_is_left_out() -> None:
    assert build_history([result(CALL), stored("user", "Hi")]) == [user()]
    assert build_history([stored("assistant", "Hello"), result(CALL)]) == [answer()]


def test_system_messages_are_not_read() -> None:
    assert build_history([stored("system", "The visitor asked for a human.")]) == []


def test_an_extended_history_reads_as_if_it_was_stored() -> None:
    first, second, lost = call_order("c1"), call_order("c2"), call_order("c3")
    earlier = build_history([stored("user", "One"), stored("assistant", "1")])
    state = {"provider": "x"}
    said = [
        ChatMessage(role="user", content="Two"),
        ChatMessage(role="assistant", content="", tool_calls=(first, lost), provider_state=state),
        tool(first),
        ChatMessage(role="assistant", content="", tool_calls=(lost,)),
        ChatMessage(role="assistant", content="Let me see", tool_calls=(second,)),
        tool(second),
        answer("2"),
    ]
    assert extend_history(earlier, said) == [
        user("One"),
        answer("1"),
        user("Two"),
        ChatMessage(role="assistant", content="", tool_calls=(first,), provider_state=state),
        tool(first),
        answer("Let me see", second),
        tool(second),
        answer("2"),
    ]
    assert extend_history(extend_history(earlier, said), []) == extend_history(earlier, said)


def window_of(messages: list[ChatMessage], *, max_messages: int) -> list[ChatMessage]:
    """Return the window, once what fell out of it is found to be the rest."""
    fallen, window = split_window(messages, max_messages=max_messages)
    assert [*(message for turn in fallen for message in turn), *window] == messages
    return window


def test_a_short_conversation_is_kept_whole() -> None:
    messages = [user(), answer(), user("Bye")]
    assert split_window(messages, max_messages=3) == ([], messages)
    assert split_window([], max_messages=3) == ([], [])


def test_the_oldest_turns_leave_first_and_whole() -> None:
    messages = [user("1"), answer("a"), user("2"), answer("b"), user("3")]
    assert window_of(messages, max_messages=3) == messages[2:]
    assert window_of(messages, max_messages=2) == messages[4:]


def test_twenty_messages_are_the_default_window() -> None:
    messages = [message for number in range(15) for message in (user(str(number)), answer())]
    default = AgentSettings().window_messages
    assert window_of([*messages, user("now")], max_messages=default) == [
        *messages[-18:],
        user("now"),
    ]


def test_the_smallest_window_holds_the_answer_before() -> None:
    smallest = WindowMessages.__metadata__[0].ge
    messages = [user("1"), answer("a"), user("2")]
    assert window_of(messages, max_messages=smallest) == messages


def test_a_call_and_its_result_leave_together() -> None:
    messages = [user("1"), answer("", CALL), tool(CALL), answer("a"), user("2")]
    assert window_of(messages, max_messages=4) == messages
    assert window_of(messages, max_messages=3) == [user("2")]


def test_results_do_not_count_as_messages() -> None:
    messages = [user("1"), answer("", CALL), tool(CALL, "word " * 100), user("2")]
    assert window_of(messages, max_messages=3) == messages


def test_the_last_turn_stays_even_when_it_has_too_many_messages() -> None:
    messages = [user("1"), answer("a"), answer("b"), answer("c")]
    assert window_of(messages, max_messages=2) == messages


TURNS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1)


@given(turns=TURNS, max_messages=st.integers(1, 25))
def test_a_window_is_the_newest_whole_turns_within_its_limit(
    turns: list[tuple[int, int]], max_messages: int
) -> None:
    messages: list[ChatMessage] = []
    for number, (rounds, calls_per_round) in enumerate(turns):
        messages.append(user(str(number)))
        for round_number in range(rounds):
            calls = [call_order(f"{number}.{round_number}.{i}") for i in range(calls_per_round)]
            messages += [answer("", *calls), *(tool(call) for call in calls)]
    messages.append(user("now"))
    window = window_of(messages, max_messages=max_messages)
    assert window[0].role == "user"
    assert sum(message.role != "tool" for message in window) <= max_messages


def test_stored_messages_fall_out_by_turns() -> None:
    messages = [stored("user", "1"), stored("assistant", "a"), stored("tool"), stored("user", "2")]
    fallen, window = split_window([*messages, stored("user", "3")], max_messages=2)
    assert [[m.content for m in turn] for turn in fallen] == [["1", "a", ""]]
    assert [message.content for message in window] == ["2", "3"]


SYSTEM = ChatMessage(role="system", content="You are the assistant.")


def test_messages_that_fit_stay_as_they_are() -> None:
    messages = (SYSTEM, user("1"), user("2"))
    assert fit_messages(messages, max_input_tokens=1_000) == messages


def test_the_oldest_turns_leave_until_the_rest_fits() -> None:
    messages = (SYSTEM, *(user(f"{number} " + "word " * 40) for number in range(10)))
    fitted = fit_messages(messages, max_input_tokens=200)
    assert fitted[0] == SYSTEM
    assert fitted[1:] == messages[-len(fitted) + 1 :]
    assert 1 < len(fitted) < 6
    assert sum(map(estimate_message, fitted)) <= 200


def test_what_goes_along_takes_room_too() -> None:
    messages = (SYSTEM, user("word " * 40), user("Hi"))
    assert len(fit_messages(messages, max_input_tokens=150)) == 3
    assert len(fit_messages(messages, max_input_tokens=150, fixed_tokens=100)) == 2


def test_long_results_of_the_running_turn_are_shortened() -> None:
    call = call_order()
    asked = ChatMessage(role="assistant", content="", tool_calls=(call,))
    told = ChatMessage(role="tool", content="x" * 8_000, tool_call_id=call.id, tool_name=call.name)
    fitted = fit_messages((SYSTEM, user("old"), user("Where?"), asked, told), max_input_tokens=300)
    assert [message.role for message in fitted] == ["system", "user", "assistant", "tool"]
    assert fitted[1].content == "Where?"
    assert len(fitted[-1].content) < 600


def test_a_message_that_cannot_fit_is_refused() -> None:
    with pytest.raises(ContextWindowExceeded):
        fit_messages((SYSTEM, user("word " * 4_000)), max_input_tokens=1_000)


@given(st.lists(st.integers(min_value=0, max_value=400), min_size=1, max_size=12))
def test_whatever_fits_ends_with_the_last_turn_and_keeps_the_system_message(
    lengths: list[int],
) -> None:
    messages = (SYSTEM, *(user("x" * length) for length in lengths))
    fitted = fit_messages(messages, max_input_tokens=250)
    assert (fitted[0], fitted[-1]) == (SYSTEM, messages[-1])
    assert sum(map(estimate_message, fitted)) <= 250
    assert fitted[1:] == messages[len(messages) - len(fitted) + 1 :]
