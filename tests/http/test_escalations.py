"""Asking for a person, rating, taking over: over HTTP."""

from __future__ import annotations

import pytest

from tests.http.clients import Operator, Visitor, check_problem

pytestmark = pytest.mark.stored


@pytest.fixture
def asked(visitor: Visitor) -> Visitor:
    visitor.ask("What are your opening hours?")
    return visitor


def escalate(visitor: Visitor, **fields: object) -> dict[str, object]:
    answer = visitor.http.post("/chat/escalate", json={"session_id": visitor.session_id, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def rate(visitor: Visitor, **fields: object) -> int:
    body = {"session_id": visitor.session_id, **fields}
    return visitor.http.post("/api/feedback", json=body).status_code


def test_a_visitor_asks_for_a_person_and_is_handed_back(asked: Visitor, operator: Operator):
    told = escalate(asked, reason="Broken oven")
    assert told["escalated"] is True
    assert escalate(asked, reason="Still broken", contact="050-1234567") == told
    conversation_id = told["conversation_id"]
    [found] = [
        item
        for item in operator.call("GET", "/escalations?status=open")["items"]
        if item["conversation_id"] == conversation_id
    ]
    assert (found["reason"], found["contact"]) == ("Broken oven\nStill broken", "050-1234567")
    path = f"/conversations/{conversation_id}"
    assert operator.call("POST", f"{path}/take-over")["status"] == "human"
    said = asked.lines()
    silent = asked.ask("Are you there?")
    assert (silent["message"], silent["escalated"]) == (None, True)
    names = [event.name for event in asked.stream("Hello?")]
    assert names == ["session", "message", "done"]
    assert asked.lines() == [*said, ("user", "Are you there?"), ("user", "Hello?")]
    history = asked.http.get(f"/chat/history/{asked.session_id}").json()
    assert history["escalated"] is True
    assert operator.call("POST", f"{path}/hand-back")["status"] == "open"
    assert asked.http.get(f"/chat/history/{asked.session_id}").json()["escalated"] is False
    items = operator.call("GET", "/escalations?status=closed")["items"]
    assert conversation_id in [item["conversation_id"] for item in items]


def test_an_answer_is_rated(asked: Visitor):
    answer = asked.history()[-1]["id"]
    assert rate(asked, message_id=answer, rating="up") == 204
    assert rate(asked, message_id=answer, rating=2, comment="לא עזר") == 204
    assert rate(asked, rating="down") == 204
    assert rate(asked, message_id=asked.history()[0]["id"], rating=5) == 404


@pytest.mark.parametrize(
    "body",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": "great"},
        {"rating": 2.5},
        {"rating": True},
        {},
        {"rating": 5, "comment": "\0"},
        {"rating": 5, "more": 1},
    ],
)
def test_a_rating_that_is_none_is_refused(asked: Visitor, body: dict[str, object]):
    answer = asked.http.post("/api/feedback", json={"session_id": asked.session_id, **body})
    assert check_problem(answer, 400, "validation_failed")["errors"]


@pytest.mark.parametrize("path", ["/chat/escalate", "/api/feedback"])
def test_a_session_that_never_was_is_not_found(visitor: Visitor, path: str):
    body = {"session_id": "vs_never", **({"rating": 5} if "feedback" in path else {})}
    check_problem(visitor.http.post(path, json=body), 404, "session_not_found")


@pytest.mark.parametrize(
    ("escalation", "field"),
    [
        ({"email": "a@b.example\nBcc: x@evil.example"}, "escalation.email"),
        ({"email": "team@shop.example, x@evil.example"}, "escalation.email"),
        ({"email": "team"}, "escalation.email"),
        ({"webhook_url": "ftp://shop.example/hook"}, "escalation.webhook_url"),
        ({"webhook_url": "https://"}, "escalation.webhook_url"),
        ({"webhook_url": "https://shop.example:99999/"}, "escalation.webhook_url"),
        ({"offer_after_failures": 0}, "escalation.offer_after_failures"),
        ({"phone": "050"}, "escalation"),
    ],
)
def test_where_the_shop_is_told_is_checked(
    operator: Operator, escalation: dict[str, object], field: str
):
    shop = operator.make_shop()
    answer = operator.http.patch(f"/tenants/{shop.id}", json={"escalation": escalation})
    [error] = check_problem(answer, 400, "validation_failed")["errors"]
    assert error["field"].startswith(field)


def test_where_the_shop_is_told_reads_back(operator: Operator):
    shop = operator.make_shop(escalation={"email": "team+shop@shop.example"})
    read = operator.call("GET", f"/tenants/{shop.id}")["escalation"]
    assert (read["email"], read["offer_after_failures"]) == ("team+shop@shop.example", 2)
