from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.policy import (
    build_call_id,
    build_ledger_key,
    find_argument_problem,
    has_untrusted_text,
    is_same_action,
    judge_call,
)
from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.message import HELD_CALL, ChatMessage
from appliance.domain.tool import UNREADABLE_ARGUMENTS, ToolCall, ToolOutcome, ToolSpec
from tests.contract.turn_store_contract import build_execution
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_spec, call_booking, call_order

TOOLS = {
    "get_order_status": build_spec(),
    "book_appointment": build_spec("book_appointment", risk="write"),
    "erase_account": build_spec("erase_account", risk="destructive"),
}


class Canary(ThreadingHTTPServer):
    """A web server on loopback that nobody should call."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Sing)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.hits: list[str] = []


class _Sing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Canary)
        self.server.hits.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


TENANT, CONVERSATION = TenantId("t1"), ConversationId("v1")


def key(call: ToolCall, tenant: TenantId = TENANT, place: ConversationId = CONVERSATION) -> str:
    return build_ledger_key(tenant, place, call)


def test_a_call_id_belongs_to_a_yes_unless_an_earlier_one_never_ended() -> None:
    done = build_execution(SettableClock(), call_id="call_1")
    lost = msgspec.structs.replace(
        build_execution(SettableClock(), call_id="call_2"),
        outcome=ToolOutcome(is_success=False, failure="unknown"),
    )
    action_id = new_id()
    assert build_call_id(action_id, []) == build_call_id(action_id, [done])
    assert build_call_id(action_id, [done]) != build_call_id(new_id(), [done])
    assert build_call_id(action_id, [done, lost]) == "call_2"
    assert len(build_call_id(action_id, [])) < 64


@pytest.mark.parametrize(
    ("name", "arguments", "is_same"),
    [
        ("book_appointment", {"name": " DANA ", "people": 2.0, "note": None}, True),
        ("book_appointment", {"name": "Dana", "people": 3}, False),
        ("cancel_appointment", {"name": "Dana", "people": 2}, False),
    ],
)
def test_the_same_action_is_told_by_what_it_would_do(
    name: str, arguments: JsonObject, is_same: bool
) -> None:
    one = ToolCall(id="a", name="book_appointment", arguments={"people": 2, "name": "dana"})
    assert is_same_action(one, ToolCall(id="b", name=name, arguments=arguments)) is is_same


def test_a_read_runs_at_once() -> None:
    verdict = judge_call(call_order(), TOOLS)
    assert (verdict.needs_confirmation, verdict.refusal) == (False, None)


@pytest.mark.parametrize("name", ["book_appointment", "erase_account"])
def test_whatever_writes_needs_the_visitors_word(name: str) -> None:
    call = ToolCall(id="w", name=name, arguments=call_booking().arguments)
    verdict = judge_call(call, TOOLS)
    assert (verdict.needs_confirmation, verdict.refusal) == (True, None)


def test_a_call_that_nobody_could_read_is_refused_by_any_schema() -> None:
    spec = ToolSpec(name="list", description="", parameters_schema={"type": "object"}, risk="read")
    call = ToolCall(id="c", name="list", arguments={UNREADABLE_ARGUMENTS: "the first one"})
    assert "JSON object" in (judge_call(call, {"list": spec}).refusal or "")


@pytest.mark.parametrize("name", ["drop_tables", "", "GET_ORDER_STATUS", "get_order_status "])
def test_a_name_that_does_not_exist_is_refused_and_the_others_are_named(name: str) -> None:
    verdict = judge_call(ToolCall(id="c", name=name, arguments={"order_number": "1"}), TOOLS)
    assert verdict.refusal is not None
    assert repr(name) in verdict.refusal
    assert "book_appointment, erase_account, get_order_status" in verdict.refusal


def test_without_any_tools_a_call_is_refused() -> None:
    assert "none" in (judge_call(call_order(), {}).refusal or "")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, "order_number"),
        ({"order_number": 12345}, "order_number"),
        ({"order_number": ""}, "order_number"),
        ({"order_number": None}, "order_number"),
        ({"order_number": "1", "customer": "Dana"}, "customer"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_the_reason(
    arguments: dict[str, Any], names: str
) -> None:
    call = ToolCall(id="c", name="get_order_status", arguments=arguments)
    verdict = judge_call(call, TOOLS)
    assert verdict.refusal is not None
    assert names in verdict.refusal
    assert not verdict.needs_confirmation


def test_a_write_with_wrong_arguments_is_refused_before_the_visitor_is_asked() -> None:
    verdict = judge_call(call_booking(date="tomorrow"), TOOLS)
    assert not verdict.needs_confirmation
    assert "date" in (verdict.refusal or "")


def test_the_place_of_a_problem_is_named_to_its_depth() -> None:
    schema = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"type": "integer"}}},
    }
    assert (find_argument_problem({"items": [1, "two"]}, schema) or "").startswith("items.1: ")


def test_a_reason_is_short_even_when_the_argument_is_not() -> None:
    call = ToolCall(id="c", name="get_order_status", arguments={"order_number": ["x" * 50_000]})
    assert len(judge_call(call, TOOLS).refusal or "") < 500


def test_references_within_a_schema_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"day": {"$ref": "#/$defs/day"}},
        "$defs": {"day": {"enum": ["monday"]}},
    }
    assert find_argument_problem({"day": "monday"}, schema) is None
    assert find_argument_problem({"day": "friday"}, schema) is not None


@pytest.mark.parametrize("path", ["/schema.json", "/other.json#/$defs/day"])
def test_references_to_elsewhere_are_never_fetched(canary: Canary, path: str) -> None:
    schema = {"type": "object", "properties": {"day": {"$ref": canary.url + path}}}
    assert canary.url in (find_argument_problem({"day": "monday"}, schema) or "")
    assert canary.hits == []


SAME = [
    ({"a": "x", "b": 1}, {"b": 1, "a": "x"}),
    ({"name": "Dana Levi"}, {"name": "  dana LEVI "}),
    ({"n": 4}, {"n": 4.0}),
    ({"n": 4, "note": None}, {"n": 4}),
    ({"who": {"first": "A", "last": None}}, {"who": {"first": "a"}}),
    ({"name": "ｄａｎａ"}, {"name": "dana"}),
    ({"items": ["A", "b"]}, {"items": ["a", "B"]}),
]
OTHER = [
    ({"n": 4}, {"n": 5}),
    ({"n": 4}, {"n": "4"}),
    ({"n": 1}, {"n": True}),
    ({"items": ["a", "b"]}, {"items": ["b", "a"]}),
    ({"a": "x", "b": "y"}, {"a": "y", "b": "x"}),
    ({"name": "dana levi"}, {"name": "danalevi"}),
    ({"time": "19:00"}, {"time": "19:30"}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_action_in_other_words_has_the_same_key(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert key(ToolCall(id="1", name="t", arguments=one)) == key(
        ToolCall(id="2", name="t", arguments=other)
    )


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_action_has_another_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(ToolCall(id="1", name="t", arguments=one)) != key(
        ToolCall(id="1", name="t", arguments=other)
    )


def test_tool_conversation_and_tenant_are_part_of_an_action() -> None:
    call = call_order()
    keys = {
        key(call),
        key(ToolCall(id="c1", name="other", arguments=call.arguments)),
        key(call, TenantId("t2")),
        key(call, TENANT, ConversationId("v2")),
    }
    assert len(keys) == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_a_key_does_not_depend_on_the_order_of_arguments(arguments: dict[str, Any]) -> None:
    turned = dict(reversed(list(arguments.items())))
    assert key(ToolCall(id="1", name="t", arguments=arguments)) == key(
        ToolCall(id="2", name="t", arguments=turned)
    )


UNTRUSTED = ChatMessage(role="tool", content="{}", tool_call_id="c1")


@pytest.mark.parametrize(
    ("name", "is_tainted", "reasons"),
    [
        ("get_order_status", False, ()),
        ("get_order_status", True, ()),
        ("book_appointment", False, ("write",)),
        ("book_appointment", True, ("write", "untrusted_text")),
        ("erase_account", False, ("destructive",)),
        ("erase_account", True, ("destructive", "untrusted_text")),
    ],
)
def test_the_reasons_to_ask_are_told(name: str, is_tainted: bool, reasons: Any) -> None:
    call = call_order() if name == "get_order_status" else call_booking()
    named = msgspec.structs.replace(call, name=name)
    assert judge_call(named, TOOLS, has_untrusted_text=is_tainted).reasons == reasons


def test_what_a_tool_returned_is_untrusted_and_our_own_sentences_are_not() -> None:
    held = ChatMessage(role="tool", content=HELD_CALL, tool_call_id="c1")
    asked = ChatMessage(role="user", content="Hello")
    assert not has_untrusted_text([asked, held])
    assert has_untrusted_text([asked, held, UNTRUSTED])
