"""The log of executed tool calls, as operators read it."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.http.clients import check_problem

pytestmark = pytest.mark.stored

ORDERS = {"executor": "workflow", "workflow": "get_order_status"}


@pytest.fixture
def asked(operator, shop, shopper):
    """What a visitor of the shop was answered with the help of a tool."""
    operator.use_tool(shop.id, "get_order_status", **ORDERS)
    return shopper.ask("Where is my order 12345?")


def list_calls(operator, shop, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operator.call(
        "GET", f"/tool-executions?tenant_id={shop.id}{query}"
    )["items"]
    return found


def test_what_a_visitor_caused_is_listed_and_found(operator, shop, asked):
    [call] = list_calls(operator, shop)
    assert call["tool_name"] == "get_order_status"
    assert call["parameters"] == {"order_number": "12345"}
    assert call["sent"]["order_number"] == "12345"
    assert (call["conversation_id"], call["tenant_id"]) == (asked["conversation_id"], shop.id)
    assert (call["is_success"], call["error"], call["attempts"]) == (True, None, 1)
    assert call["execution_time_ms"] >= 0
    day = call["executed_at"][:10]
    for query in (
        "&tool=get_order_status",
        f"&conversation_id={asked['conversation_id']}",
        "&success=true",
        f"&from={day}&to={day}",
    ):
        assert list_calls(operator, shop, query) == [call]
    for query in ("&tool=refund", "&conversation_id=x", "&success=false", "&to=2020-01-01"):
        assert list_calls(operator, shop, query) == []


def test_a_trial_is_nobodys_execution(operator, shop):
    operator.use_tool(shop.id, "get_order_status", **ORDERS)
    tool_id = operator.find_tool_id("get_order_status")
    body = {"parameters": {"order_number": "12345"}}
    assert operator.call("POST", f"/tenants/{shop.id}/tools/{tool_id}/test", body)["success"]
    assert list_calls(operator, shop) == []


def test_the_log_is_exported_and_the_export_recorded(operator, shop, asked):
    path = f"/tool-executions/export?tenant_id={shop.id}"
    assert operator.call("GET", path) == list_calls(operator, shop)
    answer = operator.http.get(f"{path}&format=csv&tool=get_order_status")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="tool-executions.csv"'
    [line] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert line["conversation_id"] == asked["conversation_id"]
    assert len(operator.http.get(f"{path}&format=csv&success=false").text.splitlines()) == 1


@pytest.mark.parametrize(
    "query", ["success=maybe", "from=2026-13-01", "limit=0", "cursor=x", "to=9999-12-31"]
)
def test_what_does_not_fit_is_named(operator, query):
    answer = operator.http.get(f"/tool-executions?{query}")
    problem = check_problem(answer, 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [query.partition("=")[0]]


def test_an_export_of_an_unknown_tenant_or_form_is_refused(operator):
    answer = operator.http.get("/tool-executions/export?tenant_id=nobody")
    check_problem(answer, 404, "tenant_not_found")
    answer = operator.http.get("/tool-executions/export?format=xlsx")
    check_problem(answer, 400, "validation_failed")
