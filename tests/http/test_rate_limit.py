"""How many messages a shop may receive in a minute."""

from __future__ import annotations

import pytest

from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import RunningServer

LIMIT = 2


@pytest.fixture(scope="module")
def limited_server(tmp_path_factory):
    settings = {"CSAI_RATE_LIMIT_PER_MINUTE": str(LIMIT)}
    with RunningServer(tmp_path_factory.mktemp("limited"), settings=settings) as server:
        yield server


def test_more_messages_than_allowed_wait(limited_server):
    """At most one minute ends while these are sent, so at most twice the limit is accepted."""
    visitor = Visitor(limited_server, read_demo_key(limited_server))
    answers = [visitor.post("When are you open?") for _ in range(2 * LIMIT + 1)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert [answer.status_code for answer in answers[:LIMIT]] == [200] * LIMIT
    assert refused
    for answer in refused:
        check_problem(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    visitor.http.close()


def test_a_session_of_ones_own_does_not_help(limited_server):
    operator = Operator(limited_server)
    shop = operator.make_shop()
    statuses = []
    for number in range(2 * LIMIT + 1):
        visitor = Visitor(limited_server, shop.api_key)
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        body = {"message": "hello"}
        statuses.append(visitor.http.post("/chat/message", json=body, headers=headers).status_code)
        visitor.http.close()
    assert statuses[:LIMIT] == [200] * LIMIT
    assert 429 in statuses
    operator.http.close()


def test_a_refused_message_leaves_no_trace_and_reading_is_free(limited_server):
    operator = Operator(limited_server)
    visitor = Visitor(limited_server, operator.make_shop().api_key)
    visitor.ask("hello")
    accepted = 1
    for _ in range(2 * LIMIT):
        accepted += visitor.post("and again").status_code == 200
    assert len(visitor.history()) == 2 * accepted
    assert visitor.http.get("/api/config").status_code == 200
    visitor.http.close()
    operator.http.close()
