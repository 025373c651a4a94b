from __future__ import annotations

from typing import Any, get_args

import pytest

from appliance.ports.chat_model import ChatRequest
from appliance.providers.openai_compatible.dialect import (
    REMEMBERED_S,
    Dialect,
    KnownDialects,
)
from appliance.providers.openai_compatible.server import ServerError
from appliance.tool_spelling import ToolForm
from tests.contract.chat_model_contract import build_request
from tests.fakes.clock import SettableClock

FIRST = Dialect(length_parameter="max_tokens")
BODY = FIRST.build_body(build_request(), "m")


def learn(status: int, text: str, **fields: Any) -> Dialect | None:
    return FIRST.without_refused(ServerError(status, text, **fields), BODY)


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
         {"length_parameter": "max_completion_tokens", "is_length_settled": True}),
        (400, "Unknown parameter: 'stream_options'", {"has_usage": False}),
        (422, '[{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]',
         {"has_usage": False}),
        (400, "Unsupported value: 'temperature' does not support 0.3 with this model. Only the "
              "default (1) value is supported.", {"has_temperature": False}),
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be '
              "set", {"form": "constrained"}),
        (500, "tools param requires --jinja flag", {"form": "constrained"}),
        (404, "No endpoints found that support tool use.", {"form": "constrained"}),
        (501, "tools are not implemented", {"form": "constrained"}),
        (400, "`tool calling` is not supported with this model", {"form": "constrained"}),
    ],
)  # fmt: skip
def test_what_is_refused_by_name_is_left_out(
    status: int, text: str, expected: dict[str, Any]
) -> None:
    learned = learn(status, text)
    assert learned is not None
    changed = {
        name: getattr(learned, name)
        for name in FIRST.__struct_fields__
        if getattr(learned, name) != getattr(FIRST, name)
    }
    assert changed == expected


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "response_format is not supported"),
        (400, "failed to parse grammar"),
        (422, '[{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]'),
        (500, "The provided JSON schema contains features not supported by xgrammar."),
    ],
)
def test_a_schema_that_is_refused_is_only_told(status: int, text: str) -> None:
    held = Dialect(length_parameter="max_tokens", form="constrained")
    body = held.build_body(build_request(), "m")
    told = held.without_refused(ServerError(status, text), body)
    assert told == Dialect(length_parameter="max_tokens", form="prompted")
    assert FIRST.without_refused(ServerError(status, text), BODY) is None


def test_each_form_says_the_tools_in_its_own_place() -> None:
    def build(form: ToolForm, request: ChatRequest) -> dict[str, Any]:
        return Dialect(length_parameter="max_tokens", form=form).build_body(request, "m")

    request = build_request()
    native, held, told = (build(form, request) for form in get_args(ToolForm))
    assert native["tools"]
    schema = held["response_format"]["json_schema"]["schema"]
    assert schema["anyOf"][1]["properties"]["tool"] == {"const": "get_order_status"}
    for body in (held, told):
        assert "tools" not in body
        assert "get_order_status" in body["messages"][0]["content"]
    assert "response_format" not in told
    for form in get_args(ToolForm):
        assert not {"tools", "response_format"} & set(build(form, build_request(tools=())))


def test_the_named_parameter_is_enough() -> None:
    learned = learn(400, "Not supported.", parameter="temperature", code="unsupported_value")
    assert learned is not None
    assert not learned.has_temperature


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "Invalid schema for function 'f': 'string' is not of type 'object'"),
        (400, "max_tokens is too large: 9000"),
        (401, "Unknown parameter: 'temperature'"),
        (429, "tools are not supported right now"),
        (500, "the tool server crashed"),
        (400, "unsupported image format"),
    ],
)
def test_other_refusals_teach_nothing(status: int, text: str) -> None:
    assert learn(status, text) is None


def test_the_length_is_renamed_only_once() -> None:
    refusal = ServerError(400, "unknown parameter max_tokens, unknown max_completion_tokens")
    once = FIRST.without_refused(refusal, BODY)
    assert once is not None
    assert once.without_refused(refusal, once.build_body(build_request(), "m")) is None


def test_what_was_not_sent_is_not_left_out() -> None:
    body = FIRST.build_body(build_request(tools=()), "m")
    assert FIRST.without_refused(ServerError(400, "tools are not supported"), body) is None


def test_openai_itself_is_asked_in_its_own_words_at_once() -> None:
    own = KnownDialects(SettableClock(), is_vendors=True).get("m")
    assert own.length_parameter == "max_completion_tokens"


def test_a_dialect_is_remembered_for_its_model_until_the_server_may_have_changed() -> None:
    clock = SettableClock()
    known = KnownDialects(clock, is_vendors=False)
    plain = Dialect(length_parameter="max_tokens", form="constrained")
    known.remember("m", plain)
    assert (known.get("m"), known.get("other")) == (plain, FIRST)
    clock.advance(REMEMBERED_S)
    assert known.get("m") == FIRST
