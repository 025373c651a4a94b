"""Parameters that say who the visitor is: hidden from models, filled in by the server."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.agent.bound_arguments import (
    bind_call,
    build_spec,
    find_binding_problem,
    select_shown,
    unbind_call,
)
from appliance.agent.policy import find_argument_problem, judge_call
from appliance.domain.bound_parameters import find_bindings
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import TenantId
from appliance.domain.message import SIGN_IN_CALL
from appliance.domain.tool import TenantTool, ToolCall
from tests.fakes.shops import build_tool

DANA = VerifiedIdentity(
    subject="cust_1", claims={"sub": "cust_1", "email": "dana@shop.example", "level": 3}
)
SCHEMA = {
    "type": "object",
    "properties": {
        "customer_id": {"type": "string", "x-identity": "sub"},
        "email": {"type": "string", "format": "email", "x-identity": "email"},
        "since": {"type": "string"},
    },
    "required": ["customer_id"],
}


def build(schema: Any = SCHEMA, config: Any = None, **fields: Any) -> TenantTool:
    tool = build_tool("list_orders", schema=schema)
    return TenantTool(tenant_id=TenantId("t"), tool=tool, custom_config=config or {}, **fields)


def call(**arguments: Any) -> ToolCall:
    return ToolCall(id="c", name="list_orders", arguments=arguments)


def test_a_model_sees_no_bound_parameter() -> None:
    spec = build_spec(build(), DANA)
    assert spec.parameters_schema == {
        "type": "object",
        "properties": {"since": {"type": "string"}},
        "required": [],
        "additionalProperties": False,
    }
    assert (spec.bound, spec.refusal) == (("customer_id", "email"), None)


def test_a_model_sees_no_words_for_visitors() -> None:
    words = {"sentences": {"success": {"en": "Done."}}}
    spec = build_spec(build({"type": "object", "x-results": words}), None)
    assert spec.parameters_schema == {"type": "object"}
    assert spec.result_words == words
    assert build_spec(build({"type": "object", "x-results": "Done."}), None).result_words == {}


def test_a_tool_without_bindings_is_seen_as_it_is() -> None:
    tool = build({"type": "object"}, risk_override="write")
    spec = build_spec(tool, None)
    assert (spec.parameters_schema, spec.bound, spec.risk) == ({"type": "object"}, (), "write")
    assert bind_call(call(x=1), tool, DANA) == call(x=1)


def test_a_tenants_configuration_binds_and_goes_before_the_schema() -> None:
    tool = build(config={"identity": {"since": "level", "email": "sub"}, "timeout_s": 3})
    assert find_bindings(tool) == {"customer_id": "sub", "email": "sub", "since": "level"}
    assert bind_call(call(), tool, DANA).arguments == {
        "customer_id": "cust_1",
        "email": "cust_1",
        "since": "3",
    }


def test_the_server_fills_in_and_a_model_is_never_obeyed() -> None:
    forged = call(customer_id="cust_2", email="eve@x.example", since="May")
    assert bind_call(forged, build(), DANA).arguments == {
        "since": "May",
        "customer_id": "cust_1",
        "email": "dana@shop.example",
    }
    assert bind_call(forged, build(), None).arguments == {"since": "May"}
    assert unbind_call(forged, build()).arguments == {"since": "May"}


@pytest.mark.parametrize(
    "arguments",
    [{"customer_id": "cust_2"}, {"email": None}, {"Customer_ID": "2"}, {"customerId": "2"}],
)
def test_a_call_that_says_who_the_visitor_is_is_refused(arguments: dict[str, Any]) -> None:
    verdict = judge_call(call(**arguments), {"list_orders": build_spec(build(), DANA)})
    assert verdict.refusal is not None


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (None, SIGN_IN_CALL),
        (VerifiedIdentity(subject="x", claims={"email": "x@x.example"}), "'sub'"),
    ],
)
def test_without_what_it_requires_a_tool_is_named_but_takes_nothing(
    identity: VerifiedIdentity | None, reason: str
) -> None:
    spec = build_spec(build(), identity)
    assert spec.parameters_schema == {"type": "object", "properties": {}}
    assert reason in (spec.refusal or "")
    assert reason in spec.description
    assert judge_call(call(), {"list_orders": spec}).refusal == spec.refusal


def test_an_optional_parameter_is_left_out_for_strangers() -> None:
    tool = build({**SCHEMA, "required": []})
    assert build_spec(tool, None).refusal is None
    assert bind_call(call(since="May"), tool, None).arguments == {"since": "May"}


@pytest.mark.parametrize(
    ("wanted", "claim", "value"),
    [
        ("integer", "17", 17),
        ("number", "17", 17),
        ("string", 17, "17"),
        ("integer", "x17", "x17"),
        ("string", True, True),
        (None, "17", "17"),
    ],
)
def test_ids_take_the_type_the_tool_wants(wanted: str | None, claim: Any, value: Any) -> None:
    schema = {"type": "object", "properties": {"id": {"type": wanted, "x-identity": "sub"}}}
    if wanted is None:
        schema["properties"]["id"].pop("type")  # type: ignore[index]
    identity = VerifiedIdentity(subject="s", claims={"sub": claim})
    bound = bind_call(call(), build(schema), identity).arguments
    assert bound == {"id": value}
    has_problem = wanted is not None and value in ("x17", True)
    assert (find_argument_problem(bound, schema) is not None) == has_problem


def test_a_visitor_is_shown_their_address_but_no_internal_id() -> None:
    tool = build()
    shown = select_shown(bind_call(call(since="May"), tool, DANA), tool)
    assert shown.arguments == {"since": "May", "email": "dana@shop.example"}


UNFIT = {
    "not a map": (SCHEMA, {"identity": "sub"}),
    "no such parameter": (SCHEMA, {"identity": {"customer": "sub"}}),
    "no claim": (SCHEMA, {"identity": {"since": ""}}),
    "claim is null": (SCHEMA, {"identity": {"since": None}}),
    "a claim of the token itself": (SCHEMA, {"identity": {"since": "exp"}}),
    "marked with no claim": ({"properties": {"id": {"x-identity": True}}}, {}),
    "marked below the top": (
        {"properties": {"who": {"properties": {"id": {"x-identity": "sub"}}}}},
        {},
    ),
    "marked in a definition": ({"$defs": {"id": {"x-identity": "sub"}}}, {}),
    "marked in a condition": (
        {"allOf": [{"properties": {"id": {"x-identity": "sub"}}}], "properties": {"id": {}}},
        {},
    ),
    "bound and in a condition": (
        {
            "properties": {"id": {"x-identity": "sub"}, "email": {}},
            "anyOf": [{"required": ["id"]}, {"required": ["email"]}],
        },
        {},
    ),
    "configured and in a condition": (
        {"properties": {"id": {}, "email": {}}, "dependentRequired": {"id": ["email"]}},
        {"identity": {"id": "sub"}},
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_binding_that_could_not_hold_is_not_kept(name: str) -> None:
    assert find_binding_problem(*UNFIT[name]) is not None


def test_bindings_that_hold_are_kept() -> None:
    assert find_binding_problem(SCHEMA, {"identity": {"since": "level"}}) is None
    assert find_binding_problem({"type": "object"}, {}) is None
