"""Shops whose own system answers the bundled tools in the place of tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.errors import Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.ports.workflow_engine import WorkflowRun
from appliance.tools.call_form import read_error_status
from tests.fakes.sqlite_database import open_temporary_database
from tests.workflows.bundled_shop import BOOKING, TOOLS, Shop, tell

TICKET = {"description": "The lamp arrived broken", "name": "Ann Lee", "email": "ann@example.com"}
ORDER = {
    "product": "Margherita",
    "quantity": 2,
    "name": "Ann Lee",
    "phone": "+1 555 0100",
    "address": "pickup",
}
JSON = "application/json"
DETAILS = "Done. These are the details:\n\n"
PAGE = "<!doctype html><title>Sign in</title>"
TIMED_OUT = Unavailable("shop.example took too long to answer.", code="timed_out")
CUT = Unavailable("The answer of shop.example broke off.", code="broken_response")
UNREACHED = Unavailable("No connection to shop.example:443.", code="connect_failed")


class System:
    """A shop's own system: answers what a test says and keeps what it was asked."""

    def __init__(self, status: int, body: Any, kind: str = JSON) -> None:
        self.requests: list[OutboundRequest] = []
        self._status, self._body, self._kind = status, body, kind

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.requests.append(request)
        if isinstance(self._body, Exception):
            raise self._body
        is_text = self._kind != JSON
        body = self._body.encode() if is_text else msgspec.json.encode(self._body)
        headers = {"content-type": self._kind} if body else {}
        return OutboundResponse(status=self._status, headers=headers, body=body)


def mapped(tool: str, **access: str) -> dict[str, Any]:
    known = {"apiUrl": "https://shop.example/api", "apiKey": "k", "authMethod": "bearer"}
    return {"_integrations": {tool: {**known, **access}}}


async def run(system: System, tool: str, /, **parameters: Any) -> WorkflowRun:
    async with open_temporary_database() as stored:
        opened = Shop(stored, system)
        await opened.open()
        try:
            return await opened.run(tool, **parameters)
        finally:
            opened.runner.close()


async def ask(system: System, tool: str, /, **parameters: Any) -> Any:
    """Return an answer that can be told."""
    answered = await run(system, tool, **parameters)
    assert answered.status_code == 200
    return answered.output


async def ask_mapped(tool: str, status: int, body: Any, kind: str = JSON) -> WorkflowRun:
    given = {**TICKET, **BOOKING, **ORDER, "order_number": "77", "reference": "B-ABC2345"}
    properties = TOOLS[tool].parameters_schema["properties"]
    given = {name: value for name, value in given.items() if name in properties}
    return await run(System(status, body, kind), tool, **given, **mapped(tool))


async def test_a_mapped_system_answers_in_the_place_of_tables():
    system = System(200, {"order": {"no": "77", "state": "shipped"}, "total": 12.5, "secret": 1})
    config = {"fields": {"order_number": "order.no", "status": "order.state"}}
    access = mapped("get_order_status", apiUrl="https://shop.example/orders/{order_number}?a=b")
    answer = await ask(system, "get_order_status", order_number="7/7", config=config, **access)
    assert answer == {
        "success": True, "outcome": "under_way", "order_number": "77", "status": "shipped",
        "total": 12.5,
    }  # fmt: skip
    (request,) = system.requests
    assert (request.method, request.url) == ("GET", "https://shop.example/orders/7%2F7?a=b")
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == "Bearer k"
    assert tell("get_order_status", answer, "he").startswith("הזמנה 77 נשלחה.")


async def test_a_mapped_system_is_told_what_to_write():
    system = System(201, {"ticket_number": "9", "status": "open"})
    access = mapped("create_support_ticket", authMethod="header", method="POST")
    answer = await ask(system, "create_support_ticket", **TICKET, call_id="c", **access)
    assert answer == {
        "success": True, "outcome": "done", "ticket_number": "9", "status": "open",
    }  # fmt: skip
    (request,) = system.requests
    assert msgspec.json.decode(request.body) == TICKET
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert (headers["x-api-key"], headers["idempotency-key"]) == ("k", "c")
    assert request.max_redirects == 0


async def test_the_key_goes_under_the_name_that_the_connection_gives_it():
    system = System(200, {"status": "shipped"})
    for method in ("header", "query"):
        access = mapped("get_order_status", authMethod=method, apiKeyName="X-Shop Key")
        await ask(system, "get_order_status", order_number="7", **access)
    by_header, by_query = system.requests
    assert by_header.headers["x-shop key"] == "k"
    assert by_query.url == "https://shop.example/api?order_number=7&X-Shop%20Key=k"
    assert by_query.max_redirects == 0


@pytest.mark.parametrize(
    ("tool", "status", "body", "error"),
    [
        ("get_order_status", 404, {}, "not_found"),
        ("get_order_status", 500, {}, "system_unavailable"),
        ("get_order_status", 401, {}, "refused_by_system"),
        ("get_order_status", 302, {}, "refused_by_system"),
        ("get_order_status", 429, {}, "system_unavailable"),
        ("get_order_status", 200, [], "not_found"),
        ("get_order_status", 200, UNREACHED, "system_unavailable"),
        ("get_order_status", 200, {"success": False, "error": "not_found"}, "not_found"),
        ("get_order_status", 200, {"error": "order not found", "code": 404}, "refused_by_system"),
        ("get_order_status", 200, {"status": "x", "error": {"code": 1}}, "refused_by_system"),
        ("check_inventory", 200, {"products": []}, "not_found"),
        ("check_inventory", 200, {"errors": [{"message": "bad"}]}, "refused_by_system"),
        ("book_appointment", 409, {"alternatives": ["10:00"]}, "fully_booked"),
        ("book_appointment", 429, {}, "system_unavailable"),
        ("book_appointment", 307, {}, "refused_by_system"),
        ("book_appointment", 200, UNREACHED, "system_unavailable"),
        ("book_appointment", 200, {"error": "invalid_phone"}, "invalid_phone"),
        ("place_order", 200, {"error": "no such product", "order_number": "1"},
         "refused_by_system"),
    ],
)  # fmt: skip
async def test_what_a_mapped_system_refuses_helps_on(tool, status, body, error):
    answered = await ask_mapped(tool, status, body)
    answer = answered.output
    assert (answered.status_code, answer["success"], answer["error"]) == (200, False, error)
    for language in ("en", "he"):
        assert "**" not in tell(tool, answer, language)
        assert tell(tool, answer, language)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {}, JSON),
        (200, None, JSON),
        (200, 5, JSON),
        (200, [{"id": 1, "title": "unrelated"}], JSON),
        (200, {"code": 404, "message": "nothing"}, JSON),
        (200, PAGE, "text/html"),
        (200, "", "text/plain"),
        (200, "{broken", "application/json "),
        (200, TIMED_OUT, JSON),
        (200, CUT, JSON),
    ],
)
@pytest.mark.parametrize(
    "tool", ["get_order_status", "check_inventory", "book_appointment", "place_order"]
)
async def test_an_answer_that_says_nothing_is_no_success(tool, status, body, kind):
    answered = await ask_mapped(tool, status, body, kind)
    assert answered.output == {"success": False, "end": "unknown"}
    assert read_error_status(answered.status_code, answered.output) == ("unknown", None)


@pytest.mark.parametrize("status", [302, 303, 408, 500, 503])
async def test_a_write_that_may_have_been_done_is_told_so(status):
    answered = await ask_mapped("book_appointment", status, {"reference": "B-1"})
    assert read_error_status(answered.status_code, answered.output) == ("unknown", None)


@pytest.mark.parametrize(
    ("tool", "body", "said"),
    [
        ("get_order_status", {"status": "shipped"}, "Order 77 has been shipped."),
        ("book_appointment", {"reference": "R-9"},
         "Booked for Ann Lee on Tuesday, 3 March 2026 at 19:00, number of people: 1. "
         "The booking reference is R-9."),
        ("check_inventory", {"available": True}, "Yes, this is in stock:\n\n- **Margherita**"),
        ("check_inventory", {"products": [{"name": "Soap", "price": 3}]},
         "These match “Margherita”:\n\n- **Soap** – 3"),
        ("check_availability", {"free_times": ["10:00", "11:00"]},
         "On Tuesday, 3 March 2026 these times are free: 10:00, 11:00."),
        ("check_availability", {"free_times": []},
         "There is no free time left on Tuesday, 3 March 2026."),
        ("cancel_appointment", {"success": True}, DETAILS + "- **Reference:** B-ABC2345"),
        ("place_order", {"order_number": "77"}, DETAILS + "- **Order number:** 77"),
    ],
)  # fmt: skip
async def test_what_the_visitor_gave_completes_the_sentence(tool, body, said):
    answered = await ask_mapped(tool, 200, body)
    assert (answered.status_code, answered.output["success"]) == (200, True)
    assert tell(tool, answered.output) == said
    assert "outcome" not in tell(tool, answered.output, "he").lower()


async def test_a_cancelling_without_content_is_done():
    answered = await ask_mapped("cancel_appointment", 204, "", "text/plain")
    assert answered.output == {"success": True, "reference": "B-ABC2345"}
