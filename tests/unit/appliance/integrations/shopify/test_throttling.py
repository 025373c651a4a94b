from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.integrations.shopify.throttling import translate_cost
from appliance.ports.outbound_http import OutboundResponse


def respond(value: Any, status: int = 200) -> OutboundResponse:
    return OutboundResponse(status=status, headers={"x": "y"}, body=json.dumps(value).encode())


def cost(requested: Any, available: Any, rate: Any = 100.0) -> dict[str, Any]:
    status = {"currentlyAvailable": available, "restoreRate": rate, "maximumAvailable": 2000.0}
    return {"extensions": {"cost": {"requestedQueryCost": requested, "throttleStatus": status}}}


THROTTLED = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}


@pytest.mark.parametrize(
    ("extra", "seconds"),
    [(cost(752, 666, 50.0), "2"), (cost(100, 99.5), "1"), (cost(5, 50), "1"), ({}, "1"),
     (cost(1000, 0, 0), "1000")],
)  # fmt: skip
def test_a_throttled_query_reads_as_too_many_requests(extra: dict[str, Any], seconds: str) -> None:
    told = translate_cost(respond({**THROTTLED, **extra}))
    assert (told.status, told.headers) == (429, {"x": "y", "retry-after": seconds})


def test_the_next_query_waits_for_what_it_will_cost() -> None:
    told = translate_cost(respond({"data": {}, **cost(300, 50)}))
    assert told.status == 200
    assert told.headers == {"x": "y", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "3"}


@pytest.mark.parametrize(
    "value",
    [
        {"data": {}, **cost(300, 300)},
        {"data": {}},
        {"errors": "Not Found"},
        {"errors": [{"message": "no"}]},
        {"errors": [{"extensions": {"code": 7}}]},
        {"extensions": {"cost": {"requestedQueryCost": "a"}}},
        [],
        "x",
    ],
)
def test_every_other_answer_stays(value: Any) -> None:
    response = respond(value)
    assert translate_cost(response) is response


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 10_000,
        b'{"errors": [1',
        b'{"errors": [{"extensions": {"code": "\xf9"}}]}',
    ],
)
def test_what_is_no_json_stays(body: bytes) -> None:
    response = OutboundResponse(status=200, headers={}, body=body)
    assert translate_cost(response) is response
    failed = respond(THROTTLED, 500)
    assert translate_cost(failed) is failed
