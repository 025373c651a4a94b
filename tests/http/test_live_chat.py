"""A person and a visitor who write to each other, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.clients import Event, Operator, Visitor, check_problem

pytestmark = pytest.mark.stored

WITH_SHOP = {"escalated": True, "human": {"name": "Corner Shop"}, "conversation_ended": False}
ALONE = {"escalated": False, "human": None, "conversation_ended": False}


class Talk:
    """A visitor's conversation, as an operator has it before them."""

    def __init__(self, operator: Operator, conversation_id: str) -> None:
        self.operator = operator
        self.path = f"/conversations/{conversation_id}"

    def change(self, what: str) -> None:
        self.operator.call("POST", f"{self.path}/{what}")

    def say(self, content: str, **fields: Any) -> dict[str, Any]:
        body = {"content": content, **fields}
        said: dict[str, Any] = self.operator.call("POST", f"{self.path}/messages", body, status=201)
        return said

    def type(self, *, typing: bool) -> None:
        self.operator.call("POST", f"{self.path}/typing", {"typing": typing}, status=204)


@pytest.fixture
def talk(shopper: Visitor, operator: Operator) -> Talk:
    return Talk(operator, shopper.ask("Hello")["conversation_id"])


@pytest.fixture
def named(operator: Operator) -> Iterator[None]:
    operator.call("PATCH", "/me", {"display_name": "Dana"})
    yield
    operator.call("PATCH", "/me", {"display_name": None})


def take(events: Iterator[Event], count: int) -> list[tuple[str, Any]]:
    """Return the name and data of the next events."""
    found: list[tuple[str, Any]] = []
    while len(found) < count:
        event = next(events)
        if event.name:
            found.append((event.name, event.data))
    return found


def test_a_person_writes_and_the_visitor_follows(shopper: Visitor, talk: Talk, named: None):
    with shopper.following(with_state=True) as events:
        assert take(events, 1) == [("state", ALONE)]
        shopper.http.post("/chat/escalate", json={"session_id": shopper.session_id})
        assert take(events, 1) == [("state", {**ALONE, "escalated": True})]
        talk.change("take-over")
        assert take(events, 1) == [("state", {**WITH_SHOP, "human": {"name": "Dana"}})]
        talk.type(typing=True)
        talk.type(typing=False)
        typing = [("agent_typing", {"name": "Dana", "typing": on}) for on in (True, False)]
        assert take(events, 2) == typing
        said = talk.say("  Hello, how can I help? ", message_id="k1")
        assert take(events, 1) == [("agent_message", {"message": said})]
        assert set(said) == {"id", "role", "content", "created_at", "author"}
        assert (said["role"], said["content"]) == ("agent", "Hello, how can I help?")
        assert said["author"] == {"name": "Dana"}
        assert shopper.ask("My oven is cold")["message"] is None
        assert [name for name, _ in take(events, 3)] == ["session", "message", "done"]
        talk.change("hand-back")
        assert take(events, 1) == [("state", ALONE)]
    [*_, from_dana, _] = shopper.history()
    assert from_dana == {**said, "citations": [], "message_id": None}


def test_without_a_name_of_their_own_people_write_as_the_shop(shopper: Visitor, talk: Talk):
    talk.change("take-over")
    assert talk.say("Hello")["author"] == {"name": "Corner Shop"}
    with shopper.following(with_state=True) as events:
        assert take(events, 1) == [("state", WITH_SHOP)]
    assert "admin" not in str(shopper.history())


def test_who_was_away_gets_each_message_once(shopper: Visitor, talk: Talk):
    talk.change("take-over")
    with shopper.following() as events:
        talk.say("one", message_id="k1")
        last_id = next(event.id for event in events if event.name == "agent_message")
    for _ in range(2):
        talk.say("two", message_id="k2")
    shopper.ask("Are you there?")
    talk.say("three")
    for after_id in (last_id, last_id):
        with shopper.following(after_id=after_id) as events:
            told = take(events, 5)
        assert [name for name, _ in told] == [
            *("agent_message", "session", "message", "done", "agent_message")
        ]
        assert [told[at][1]["message"]["content"] for at in (0, 4)] == ["two", "three"]
    roles = [role for role, _ in shopper.lines()]
    assert roles == ["user", "assistant", "agent", "agent", "user", "agent"]


def test_what_a_person_wrote_is_read_exported_and_erased(shopper: Visitor, talk: Talk, named: None):
    talk.change("take-over")
    said = talk.say("We will send a new one.")
    detail = talk.operator.call("GET", talk.path)
    assert detail["conversation"]["human_name"] == "Dana"
    [mine] = [message for message in detail["messages"] if message["role"] == "agent"]
    assert (mine["id"], mine["author_name"]) == (said["id"], "Dana")
    tenant_id = detail["tenant_id"]
    exported = talk.operator.call("GET", f"/conversations/export?tenant_id={tenant_id}")
    [written] = [m for c in exported for m in c["messages"] if m["role"] == "agent"]
    assert (written["content"], written["author_name"]) == ("We will send a new one.", "Dana")
    as_csv = talk.operator.http.get(f"/conversations/export?format=csv&tenant_id={tenant_id}")
    assert "We will send a new one." in as_csv.text
    talk.operator.call("DELETE", talk.path)
    assert shopper.http.get(f"/chat/history/{shopper.session_id}").status_code == 404


def test_the_assistant_reads_what_a_person_said(shopper: Visitor, talk: Talk):
    talk.change("take-over")
    talk.say("The code is blue-42.")
    talk.change("hand-back")
    shopper.ask("Thank you")
    assert ("agent", "The code is blue-42.") in shopper.lines()


@pytest.mark.parametrize("what", ["messages", "typing"])
def test_nobody_writes_who_has_not_the_conversation(shopper: Visitor, talk: Talk, what: str):
    body = {"content": "Hello"} if what == "messages" else {"typing": True}
    path = f"{talk.path}/{what}"
    check_problem(talk.operator.http.post(path, json=body), 409, "not_taken_over")
    unknown = talk.operator.http.post(f"/conversations/unknown/{what}", json=body)
    check_problem(unknown, 404, "conversation_not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": "  "},
        {"content": "x" * 4_001},
        {"content": "\0"},
        {"content": "Hi", "message_id": ""},
        {"content": "Hi", "more": 1},
    ],
)
def test_a_message_that_is_none_is_refused(talk: Talk, body: dict[str, object]):
    talk.change("take-over")
    answer = talk.operator.http.post(f"{talk.path}/messages", json=body)
    assert check_problem(answer, 400, "validation_failed")["errors"]


@pytest.mark.parametrize("name", ["", " ", "dana@shop.example", "x" * 101, "Da\nna"])
def test_a_name_that_visitors_should_not_read_is_refused(operator: Operator, name: str):
    answer = operator.http.patch("/me", json={"display_name": name})
    [error] = check_problem(answer, 400, "validation_failed")["errors"]
    assert error["field"] == "display_name"
    assert operator.call("GET", "/me")["display_name"] is None


@pytest.mark.usefixtures("talk")
def test_the_end_of_a_conversation_is_told(shopper: Visitor):
    with shopper.following(with_state=True) as events:
        assert take(events, 1) == [("state", ALONE)]
        shopper.http.post("/chat/end", json={"session_id": shopper.session_id})
        assert take(events, 1) == [("state", {**ALONE, "conversation_ended": True})]
