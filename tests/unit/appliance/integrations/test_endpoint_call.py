from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.json_types import JsonValue
from appliance.domain.tool import Risk, ToolOutcome
from appliance.errors import Rejected, Unavailable, UpstreamError
from appliance.integrations.endpoint_call import call_endpoint
from appliance.integrations.http_system import Answer, HttpFailure
from appliance.ports.outbound_http import OutboundResponse
from tests.fakes.clock import SettableClock
from tests.fakes.integrations import build_endpoint

RESPONSE = OutboundResponse(status=201, headers={}, body=b"")


async def call(
    found: JsonValue | UpstreamError | HttpFailure, mapping: str | None = None, risk: Risk = "read"
) -> ToolOutcome:
    clock = SettableClock()

    async def ask() -> Answer:
        clock.advance(0.25)
        if isinstance(found, UpstreamError | HttpFailure):
            raise found
        return Answer(value=found, response=RESPONSE, attempts=2)

    endpoint = build_endpoint(response_mapping=mapping, risk=risk)
    return await call_endpoint(endpoint, {"number": "7"}, ask, clock)


@pytest.mark.parametrize(
    ("mapping", "output"),
    [(None, [{"n": 7}]), ("[0].n", 7), ("[?same(n, argument('number'))]", [{"n": 7}])],
)
async def test_an_answer_is_mapped(mapping: str | None, output: Any) -> None:
    outcome = await call([{"n": 7}], mapping)
    assert (outcome.is_success, outcome.output) == (True, output)
    assert (outcome.status, outcome.attempts, outcome.duration_ms) == (201, 2, 250)
    assert outcome.sent == {"number": "7"}


async def test_what_a_reading_mapping_does_not_find_is_not_there() -> None:
    outcome = await call([{"n": 8}], "[?same(n, argument('number'))] | [0]")
    assert (outcome.is_success, outcome.failure, outcome.status) == (False, "not_found", 201)
    assert "Either there is no such thing" in (outcome.error or "")


@pytest.mark.parametrize(
    ("mapping", "risk"), [(None, "read"), ("nothing", "write"), ("nothing", "destructive")]
)
async def test_an_empty_answer_is_success_elsewhere(mapping: str | None, risk: Risk) -> None:
    outcome = await call(None, mapping, risk)
    assert (outcome.is_success, outcome.output) == (True, None)


@pytest.mark.parametrize(
    ("error", "failure", "status", "attempts"),
    [
        (Rejected("No number."), "refused", None, 1),
        (HttpFailure(Unavailable("Gone."), failure="unreachable", attempts=0), "unreachable",
         None, 0),
        (HttpFailure(Unavailable("Down."), failure="unknown", response=RESPONSE, attempts=3),
         "unknown", 201, 3),
    ],
)  # fmt: skip
async def test_a_failure_is_an_outcome(
    error: Any, failure: str, status: int | None, attempts: int
) -> None:
    outcome = await call(error)
    assert (outcome.is_success, outcome.failure) == (False, failure)
    assert (outcome.status, outcome.attempts) == (status, attempts)
    assert outcome.error


async def test_a_mapping_that_does_not_fit_leaves_open_what_was_done() -> None:
    outcome = await call({"a": "b"}, "sum(a)", "write")
    assert (outcome.failure, outcome.status) == ("unknown", 201)
