"""The test chat as an operator's page uses it: answers with their steps, nothing left behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.domain.trace import TraceStep
from appliance.errors import Unavailable
from appliance.services.trial_chat import TrialOutcome
from appliance.web.controllers.trial_chat import build_response
from tests.http.clients import Operator, Shop, check_problem
from tests.http.running_server import RunningServer
from tests.http.stored_rows import read_rows

pytestmark = pytest.mark.stored

PATH = "/test-chat"
TABLES = ("conversations", "messages", "tool_executions", "turn_traces", "api_usage", "escalations")


class Trial:
    """An operator who tries a shop's assistant."""

    def __init__(self, operator: Operator, tenant_id: str) -> None:
        self.operator = operator
        self.tenant_id = tenant_id
        self.session_id: str | None = None

    def ask(self, message: str, **fields: Any) -> dict[str, Any]:
        body = {"tenant_id": self.tenant_id, "message": message, **fields}
        if self.session_id is not None:
            body["session_id"] = self.session_id
        reply: dict[str, Any] = self.operator.call("POST", PATH, body)
        self.session_id = reply["session_id"]
        return reply


@pytest.fixture
def trial(operator: Operator, shop: Shop) -> Trial:
    operator.use_tool(shop.id, "book_appointment", workflow="book_appointment")
    return Trial(operator, shop.id)


def list_kinds(reply: dict[str, Any]) -> list[str]:
    return [step["kind"] for step in reply["trace"]]


def look_for_traces(server: RunningServer, trial: Trial) -> list[Any]:
    """Return all that an operator is shown of the shop's chats, and how many rows there are."""
    shown = [
        trial.operator.call("GET", f"/{path}?tenant_id={trial.tenant_id}")
        for path in ("conversations", "usage", "escalations", "conversations/export")
    ]
    query = "SELECT count(*) FROM {} WHERE tenant_id = ?"
    rows = [read_rows(server.database, query.format(name), trial.tenant_id) for name in TABLES]
    return [*shown, *rows]


def test_a_booking_is_tried_with_its_confirmation_and_leaves_nothing(trial, demo_server):
    before = look_for_traces(demo_server, trial)
    first = trial.ask("book a table for tomorrow at 19:00")
    assert list_kinds(first) == ["context", "model_call", "model_reply", "outcome"]
    assert "Corner Shop" in str(first["trace"][1]["detail"]["messages"])
    trial.ask("4")
    asked = trial.ask("Rina Barak")
    assert [tool["status"] for tool in asked["tools"]] == ["needs_confirmation"]
    done = trial.ask("Yes, go ahead", debug=False)
    assert [tool["status"] for tool in done["tools"]] == ["succeeded"]
    assert "B-" in done["message"]["content"]
    assert "trace" not in done
    escalated = trial.ask("let me talk to a person")
    assert escalated["escalated"] is True
    assert trial.ask("bye")["conversation_ended"] is True
    assert look_for_traces(demo_server, trial) == before
    audited = read_rows(
        demo_server.database,
        "SELECT actor, action, changes FROM audit_log WHERE subject = ? ORDER BY id",
        done["conversation_id"],
    )
    assert [row[:2] for row in audited] == [("admin", "test_chat.send")] * 6
    ran = ["book_appointment" in str(row[2]) for row in audited]
    assert ran == [False, False, False, True, False, False]
    assert "go ahead" not in str(audited)


def test_an_operator_plays_a_signed_in_visitor(trial, operator, shop):
    operator.use_tool(
        shop.id,
        "get_order_status",
        workflow="get_order_status",
        custom_config={"identity": {"order_number": "sub"}},
    )
    reply = trial.ask("Where is my order?", identity={"sub": "12345"}, locale="en")
    [call] = [step["detail"] for step in reply["trace"] if step["kind"] == "tool_call"]
    assert call["arguments"] == {"order_number": "12345"}
    stranger = trial.ask("Where is my order?")
    assert "tool_call" not in list_kinds(stranger)


def test_a_session_that_is_not_the_operators_starts_anew(trial, shopper):
    visitors = shopper.ask("hello")
    for session_id in (visitors["session_id"], "ts_unknown", ""):
        trial.session_id = session_id
        reply = trial.ask("hello")
        assert reply["session_id"].startswith("ts_")
        assert reply["session_id"] != session_id
        assert set(reply) == {*visitors, "trace"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"message": "  "}, "message"),
        ({"message": "x" * 4_001}, "message"),
        ({"message": None}, "message"),
        ({"identity": {"email": "dana@shop.example"}}, "identity.sub"),
        ({"identity": {"sub": {}}}, "identity"),
        ({"session_id": 5}, "session_id"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_does_not_fit_is_named(trial, fields, field):
    body = {"tenant_id": trial.tenant_id, "message": "hello", **fields}
    answer = trial.operator.http.post(PATH, json=body)
    problem = check_problem(answer, 400, "validation_failed")
    assert problem["errors"][0]["field"].startswith(field)


def test_an_unknown_tenant_is_not_found(trial):
    body = {"tenant_id": "nobody", "message": "hello"}
    check_problem(trial.operator.http.post(PATH, json=body), 404, "tenant_not_found")


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (Unavailable("Start Ollama."), 502, "Start Ollama."),
        (KeyError("inner"), 500, "Something went wrong on our side. The error has been logged."),
    ],
)
def test_without_any_answer_the_problem_has_the_steps(error, status, detail):
    step = TraceStep(kind="outcome", at_ms=1.5, detail={"state": "failed"})
    outcome = TrialOutcome(conversation_id="test_1", steps=[step], executions=[], error=error)
    answer = build_response(outcome, has_trace=True)
    problem = json.loads(answer.content)
    assert (answer.status_code, answer.media_type) == (status, "application/problem+json")
    assert (problem["status"], problem["detail"]) == (status, detail)
    assert problem["trace"] == [{"kind": "outcome", "at_ms": 1.5, "detail": {"state": "failed"}}]
    assert "trace" not in json.loads(build_response(outcome, has_trace=False).content)
