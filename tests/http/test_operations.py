"""The running server as an operator sees it: status and log."""

from __future__ import annotations

import os

import pytest

from appliance import __version__
from tests.http.clients import EVENT_STREAM, Event, check_problem, read_events

pytestmark = pytest.mark.stored


def test_the_status(operator, demo_server):
    status = operator.call("GET", "/status")
    assert status["version"] == __version__
    assert status["public_url"] == demo_server.base_url
    assert status["admin_url"] == demo_server.admin_url
    assert status["demo_url"] == f"{demo_server.base_url}/demo"
    assert status["data_dir"] == str(demo_server.data_dir)
    assert status["pid"] == demo_server.process.pid
    os.kill(status["pid"], 0)


def test_the_log_can_be_searched(operator, visitor):
    conversation_id = visitor.ask("Where is my order 12345?")["conversation_id"]
    entries = operator.call("GET", f"/logs?q={conversation_id}")["items"]
    assert "turn_finished" in [entry["event"] for entry in entries]
    assert set(entries[0]) == {"id", "at", "level", "event", "logger", "fields"}
    errors = operator.call("GET", "/logs?level=error")["items"]
    assert all(entry["level"] in ("error", "critical") for entry in errors)
    assert len(operator.call("GET", "/logs?limit=2")["items"]) == 2


def test_the_log_of_one_tenant(operator, shop, shopper, visitor):
    shopper.ask("hello")
    visitor.ask("hello")
    entries = operator.call("GET", f"/logs?tenant_id={shop.id}")["items"]
    assert entries
    assert {entry["fields"]["tenant_id"] for entry in entries} == {shop.id}


@pytest.mark.parametrize("query", ["limit=0", "limit=2001", "limit=x"])
def test_a_limit_out_of_range_is_refused(operator, query):
    check_problem(operator.http.get(f"/logs?{query}"), 400, "validation_failed")


def test_the_log_is_followed_live_and_resumed(operator, visitor):
    headers = {"Accept": EVENT_STREAM}
    with operator.http.stream("GET", "/logs/stream?q=turn_finished", headers=headers) as answer:
        assert answer.headers["content-type"].startswith(EVENT_STREAM)
        events = read_events(answer.iter_lines())
        found: list[Event] = []
        for text in ("hello", "When are you open?"):
            conversation_id = visitor.ask(text)["conversation_id"]
            found.append(next(event for event in events if event.name == "log"))
            assert found[-1].data["fields"]["conversation_id"] == conversation_id
    assert found[0].data["id"] == found[0].id < found[1].id
    headers["Last-Event-ID"] = str(found[0].id)
    with operator.http.stream("GET", "/logs/stream?q=turn_finished", headers=headers) as answer:
        events = read_events(answer.iter_lines())
        assert next(event for event in events if event.name == "log") == found[1]


def test_no_secret_is_in_the_log(operator, shop, shopper, demo_server):
    shopper.ask("hello")
    secrets = [
        shop.api_key,
        shop.signing_secret,
        shopper.session_id,
        operator.tokens["access_token"],
        operator.tokens["refresh_token"],
        demo_server.settings["CSAI_ADMIN_PASSWORD"],
    ]
    file = (demo_server.data_dir / "logs" / "csai.log").read_text(encoding="utf-8")
    page = operator.http.get("/logs?limit=2000").text
    for secret in secrets:
        assert secret
        assert secret not in file + page + demo_server.output()
