"""Reading a conversation, and ending it."""

from __future__ import annotations

import pytest

from tests.http.clients import check_problem

pytestmark = pytest.mark.stored


def test_the_history_of_a_conversation(visitor):
    first = visitor.ask("Where is my order 12345?")
    second = visitor.ask("When are you open?")
    answer = visitor.http.get(f"/chat/history/{visitor.session_id}")
    history = answer.json()
    assert set(history) == {"session_id", "messages", "conversation_ended", "escalated"}
    assert history["session_id"] == visitor.session_id
    assert history["conversation_ended"] is False
    assert [message["role"] for message in history["messages"]] == ["user", "assistant"] * 2
    assert {frozenset(message) for message in history["messages"]} == {
        frozenset({"id", "role", "content", "created_at", "citations", "message_id"})
    }
    texts = [message["content"] for message in history["messages"]]
    assert texts == [
        "Where is my order 12345?",
        first["message"]["content"],
        "When are you open?",
        second["message"]["content"],
    ]
    times = [message["created_at"] for message in history["messages"]]
    assert times == sorted(times)
    assert all(time.endswith("Z") for time in times)


def test_a_message_is_known_by_the_id_that_its_client_gave_it(visitor):
    visitor.ask("hello", message_id="m-1")
    visitor.ask("hello")
    assert [message["message_id"] for message in visitor.history()] == ["m-1", None, None, None]


def test_the_newest_messages_come_when_not_all_are_wanted(visitor):
    for number in range(3):
        visitor.ask(f"hello {number}")
    answer = visitor.http.get(f"/chat/history/{visitor.session_id}?limit=3")
    assert answer.json()["messages"] == visitor.history()[-3:]


def test_text_is_kept_as_it_was_written(visitor):
    text = "שלום! <b>Ünïcode</b> 🍕 \u202e & \"quotes\" 'and' \\ back\nslash"
    visitor.ask(text)
    assert visitor.history()[0]["content"] == text


def test_the_history_of_an_unknown_session_is_not_found(visitor):
    check_problem(visitor.http.get("/chat/history/vs_unknown"), 404, "session_not_found")


def test_the_history_of_another_shop_is_not_found(visitor, shopper):
    visitor.ask("hello")
    answer = shopper.http.get(f"/chat/history/{visitor.session_id}")
    unknown = shopper.http.get("/chat/history/vs_unknown")
    check_problem(answer, 404, "session_not_found")
    assert answer.json() == unknown.json()


def test_ending_is_idempotent_and_keeps_the_history(visitor):
    conversation_id = visitor.ask("hello")["conversation_id"]
    body = {"session_id": visitor.session_id}
    for _ in range(2):
        answer = visitor.http.post("/chat/end", json=body)
        assert answer.status_code == 200
        assert answer.json() == {
            "session_id": visitor.session_id,
            "conversation_id": conversation_id,
            "conversation_ended": True,
        }
    history = visitor.http.get(f"/chat/history/{visitor.session_id}").json()
    assert history["conversation_ended"] is True
    assert len(history["messages"]) == 2


def test_another_shops_conversation_cannot_be_ended(visitor, shopper):
    visitor.ask("hello")
    answer = shopper.http.post("/chat/end", json={"session_id": visitor.session_id})
    check_problem(answer, 404, "session_not_found")
    history = visitor.http.get(f"/chat/history/{visitor.session_id}").json()
    assert history["conversation_ended"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "session_id"), ({"session_id": ""}, "session_id"), ({"session_id": 5}, "session_id")],
)
def test_ending_needs_a_session(visitor, body, field):
    problem = check_problem(visitor.http.post("/chat/end", json=body), 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [field]
