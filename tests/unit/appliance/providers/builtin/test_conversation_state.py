from __future__ import annotations

import pytest

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall
from appliance.providers.builtin.answers import Answer, Form
from appliance.providers.builtin.conversation_state import (
    is_not_run,
    read_form,
    view_conversation,
    write_state,
)
from tests.unit.appliance.providers.builtin.shops import DECLINED, WAITING

FORM = Form(tool="book", values={"date": "2025-05-08"}, asked="time")
STATE = write_state(Answer(intent="form", form=FORM))


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def assistant(state: dict[str, object] | None = None) -> ChatMessage:
    return ChatMessage(role="assistant", content="…", provider_state=state)


def tool(content: str, *, is_error: bool = False) -> ChatMessage:
    return ChatMessage(role="tool", content=content, tool_call_id="c", is_error=is_error)


def test_the_form_of_the_turn_before_is_open() -> None:
    view = view_conversation((user("book"), assistant(STATE), user("at seven")))
    assert (view.text, view.form, view.results) == ("at seven", FORM, ())


def test_a_form_from_before_another_answerers_turn_is_stale() -> None:
    messages = (user("book"), assistant(STATE), user("joke"), assistant(), user("at seven"))
    assert view_conversation(messages).form is None


def test_results_are_those_behind_the_last_visitor_message() -> None:
    old = (user("a"), assistant(STATE), tool("old"), assistant(STATE))
    view = view_conversation((*old, user("b"), assistant(STATE), tool("1"), tool("2")))
    assert [message.content for message in view.results] == ["1", "2"]
    assert view_conversation((*old, user("b"))).results == ()


def test_calls_without_a_yes_are_known() -> None:
    assert is_not_run(tool(DECLINED, is_error=True))
    assert is_not_run(tool(WAITING))
    assert not is_not_run(tool('{"message": "Done"}'))
    view = view_conversation((user("book"), assistant(STATE), tool(WAITING), user("no, at 8")))
    assert view.is_unrun


@pytest.mark.parametrize(
    "state",
    [None, {}, {"form": None}, {"form": 3}, {"form": {}}, {"form": {"tool": 1}},
     {"form": {"tool": "x", "status": "odd"}}],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_no_form(state: dict[str, object] | None) -> None:
    assert read_form(state) is None


def test_an_empty_conversation_has_no_text() -> None:
    assert view_conversation(()).text == ""


def test_a_form_that_was_filled_in_at_once_is_called_with_what_it_says() -> None:
    arguments = {"date": "2025-05-09", "guest": {"name": "Dana"}}
    call = ChatMessage(
        role="assistant",
        content="",
        tool_calls=(ToolCall(id="c", name="book", arguments=arguments),),
    )
    submitted = (user("book"), assistant(STATE), user("Date: …"), call)
    called = Form(tool="book", values={"date": "2025-05-09", "guest.name": "Dana"}, status="called")
    assert view_conversation((*submitted, tool('{"message": "Done"}'))).form == called
    held = view_conversation((*submitted, tool(WAITING), assistant(), user("at 8")))
    assert (held.form, held.is_held, held.is_unrun) == (called, True, True)
    other = ChatMessage(
        role="assistant", content="", tool_calls=(ToolCall(id="c", name="x", arguments={}),)
    )
    assert view_conversation((user("book"), assistant(STATE), user("?"), other)).form == FORM
    late = (user("book"), assistant(STATE), user("a"), assistant(), user("b"), call)
    assert view_conversation(late).form is None
