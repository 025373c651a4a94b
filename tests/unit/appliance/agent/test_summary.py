"""The digest of what fell out of the window."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.summary import MAX_CHARS, extend_summary
from appliance.domain.ids import ConversationId, MessageId
from appliance.domain.message import HELD_CALL, Role, StoredMessage
from tests.fakes.shops import call_booking, call_order


def stored(role: Role, content: str = "", **fields: Any) -> StoredMessage:
    return StoredMessage(
        id=MessageId("m"),
        conversation_id=ConversationId("c"),
        seq=1,
        role=role,
        content=content,
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
        **fields,
    )


def turn(asked: str = "Do you deliver?", answered: str = "Yes.") -> list[StoredMessage]:
    return [stored("user", asked), stored("assistant", answered)]


def booked(result: str = "Done.", *, is_error: bool = False) -> list[StoredMessage]:
    call = call_booking("w1")
    return [
        stored("user", "yes"),
        stored("assistant", tool_calls=(call,)),
        stored("tool", result, tool_call_id="w1", tool_name=call.name, is_error=is_error),
        stored("assistant", "It is booked."),
    ]


def test_a_turn_is_a_line_of_question_and_answer() -> None:
    assert extend_summary("", [turn()]) == '- visitor: "Do you deliver?" | assistant: "Yes."'


def test_what_was_done_is_told_and_what_failed_is_not() -> None:
    assert 'did: "book_appointment {' in extend_summary("", [booked()])
    assert "did:" not in extend_summary("", [booked(is_error=True)])
    assert "did:" not in extend_summary("", [booked('{"success": false, "error": "full"}')])


def test_what_only_waited_for_the_visitors_yes_was_not_done() -> None:
    assert "did:" not in extend_summary("", [booked(HELD_CALL)])


def test_the_last_of_several_answers_counts() -> None:
    asked = [stored("user", "Where is it?"), stored("assistant", "One moment.", tool_calls=())]
    line = extend_summary("", [[*asked, stored("assistant", "On its way.")]])
    assert line.endswith('assistant: "On its way."')


def test_lines_are_added_behind_the_earlier_ones() -> None:
    before = extend_summary("", [turn("first")])
    both = extend_summary(before, [turn("second")]).splitlines()
    assert [line.split('"')[1] for line in both] == ["first", "second"]


def test_when_it_is_too_long_what_was_done_stays_the_longest() -> None:
    talk = [turn(f"question {number} " + "x" * 120, "y" * 150) for number in range(60)]
    summary = extend_summary("", [booked(), *talk])
    assert len(summary) <= MAX_CHARS
    assert "book_appointment" in summary
    assert "question 59" in summary
    assert "question 0 " not in summary


def test_an_empty_turn_is_no_line() -> None:
    call = call_order()
    assert extend_summary("", [[stored("assistant", tool_calls=(call,))]]) == ""


@given(st.lists(st.tuples(st.text(), st.text()), max_size=40))
def test_whatever_is_said_every_line_stays_one_and_quoted(said: list[tuple[str, str]]) -> None:
    summary = extend_summary("", [turn(*pair) for pair in said])
    assert len(summary) <= MAX_CHARS
    assert all(line.startswith('- visitor: "') for line in summary.split("\n") if summary)
