from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.domain.message import TokenUsage
from appliance.ports.chat_model import ModelFinished, TextDelta, ToolCallRequested
from appliance.providers.ollama.http import OllamaError
from appliance.providers.ollama.reply import MalformedReply, ReplyReader
from appliance.tool_spelling import FreeReader, ProseReader
from tests.contract.chat_model_contract import ORDER_STATUS

DONE = {"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop"}


def build_reader(*taken: str) -> ReplyReader:
    return ReplyReader(model="m", content=ProseReader(), taken_call_ids=taken)


def lines(*chunks: dict[str, Any]) -> list[bytes]:
    return [json.dumps(chunk).encode() for chunk in chunks]


def says(text: str | None) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": text}, "done": False}


def calls(*functions: dict[str, Any], ids: tuple[str | None, ...] = ()) -> dict[str, Any]:
    wire = [
        {"function": function} | ({"id": ids[n]} if n < len(ids) and ids[n] else {})
        for n, function in enumerate(functions)
    ]
    return {"model": "m", "message": {"content": None, "tool_calls": wire}, "done": False}


def test_text_that_arrives_together_is_one_event() -> None:
    events = build_reader().feed(lines(says("Hel"), says("lo"), says(None), says("")))
    assert events == [TextDelta(text="Hello")]


def test_a_reply_ends_with_its_usage() -> None:
    reader = build_reader()
    done = {**DONE, "prompt_eval_count": 7, "eval_count": 3}
    events = reader.feed(lines(says("Hi"), done, says("after the end")))
    assert reader.is_done
    assert events == [
        TextDelta(text="Hi"),
        ModelFinished(
            finish_reason="stop", model="m", usage=TokenUsage(input_tokens=7, output_tokens=3)
        ),
    ]


def test_calls_of_several_chunks_are_kept_in_order() -> None:
    first = calls({"name": "a", "arguments": {"n": 1}})
    second = calls({"name": "b", "arguments": {}}, {"name": "c", "arguments": None})
    events = build_reader().feed(lines(says("Wait."), first, second, DONE))
    called = [event.call for event in events if isinstance(event, ToolCallRequested)]
    assert [(call.name, call.arguments) for call in called] == [
        ("a", {"n": 1}),
        ("b", {}),
        ("c", {}),
    ]
    assert isinstance(events[0], TextDelta)
    assert isinstance(events[-1], ModelFinished)
    assert events[-1].finish_reason == "tool_calls"


def test_call_ids_are_kept_when_they_are_unique_and_made_when_not() -> None:
    function = {"name": "a", "arguments": {}}
    chunk = calls(function, function, function, function, ids=("x", "x", None, "old"))
    events = build_reader("old").feed(lines(chunk, DONE))
    ids = [event.call.id for event in events if isinstance(event, ToolCallRequested)]
    assert ids[0] == "x"
    assert len(set(ids)) == 4
    assert "old" not in ids


def test_arguments_as_json_text_are_read() -> None:
    chunk = calls({"name": "a", "arguments": '{"n": 1}'}, {"name": "a", "arguments": ""})
    events = build_reader().feed(lines(chunk, DONE))
    arguments = [e.call.arguments for e in events if isinstance(e, ToolCallRequested)]
    assert arguments == [{"n": 1}, {}]


def test_thinking_is_never_shown() -> None:
    thinking = {"message": {"content": "", "thinking": "hm"}, "done": False}
    events = build_reader().feed(lines(thinking, says("<think>hm"), says("</think>Hi"), DONE))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hi"]


def test_text_that_might_have_been_thinking_is_shown_at_the_end() -> None:
    events = build_reader().feed(lines(says("<thi"), DONE))
    assert events[0] == TextDelta(text="<thi")


def test_an_answer_that_is_cut_by_its_length_says_so() -> None:
    events = build_reader().feed(lines(says("Hi"), {**DONE, "done_reason": "length"}))
    assert isinstance(events[-1], ModelFinished)
    assert events[-1].finish_reason == "length"


def test_an_error_line_is_a_failure_behind_what_was_said() -> None:
    reader = build_reader()
    assert reader.feed(lines(says("Hi"), {"error": "out of memory"})) == [TextDelta(text="Hi")]
    assert isinstance(reader.failure, OllamaError)
    assert reader.failure.text == "out of memory"
    assert not reader.is_done


@pytest.mark.parametrize(
    "line",
    [
        b"<html>",
        b"[]",
        b'"text"',
        b"null",
        b'{"message": {"content": "cut',
        b'{"message": {"content": 5}}',
        b'{"message": {"content": "\xf9"}}',
        b'{"message": "text"}',
        b'{"done": "yes"}',
        b"{}",
        b'{"message": {"tool_calls": [{"function": {"name": "", "arguments": {}}}]}}',
        b'{"message": {"tool_calls": [{"function": {"name": "a", "arguments": [1]}}]}}',
        b'{"message": {"tool_calls": [{"function": {"name": "a", "arguments": "{"}}]}}',
        b'{"message": {"tool_calls": [{}]}}',
    ],
)
def test_a_line_that_is_no_chunk_is_a_failure_behind_what_was_said(line: bytes) -> None:
    reader = build_reader()
    assert reader.feed([*lines(says("Hi")), line]) == [TextDelta(text="Hi")]
    assert isinstance(reader.failure, MalformedReply)
    assert not reader.is_done


def test_a_call_written_into_the_text_is_a_call_and_not_shown() -> None:
    reader = ReplyReader(
        model="m", content=FreeReader([ORDER_STATUS]), tools=[ORDER_STATUS], taken_call_ids=["old"]
    )
    text = '{"name": "getOrderStatus", "parameters": {"order_number": 12345}}'
    events = reader.feed(lines(says("One moment. "), says(text[:20]), says(text[20:]), DONE))
    assert events[0] == TextDelta(text="One moment. ")
    assert isinstance(events[1], ToolCallRequested)
    assert events[1].call.name == "get_order_status"
    assert events[1].call.arguments == {"order_number": "12345"}
    assert events[1].call.id
    assert isinstance(events[2], ModelFinished)
    assert events[2].finish_reason == "tool_calls"


def test_a_call_that_is_made_and_written_too_is_made_once() -> None:
    reader = ReplyReader(
        model="m", content=FreeReader([ORDER_STATUS]), tools=[ORDER_STATUS], taken_call_ids=[]
    )
    call = {"name": "get_order_status", "arguments": {"order_number": "12345"}}
    events = reader.feed(lines(says(json.dumps(call)), calls(call), DONE))
    assert [type(event) for event in events] == [ToolCallRequested, ModelFinished]


def test_native_calls_are_mended() -> None:
    reader = ReplyReader(model="m", content=ProseReader(), tools=[ORDER_STATUS], taken_call_ids=[])
    chunk = calls({"name": "get-order-status", "arguments": "{'order_number': 12345,}"})
    [event, _] = reader.feed(lines(chunk, DONE))
    assert isinstance(event, ToolCallRequested)
    assert event.call.name == "get_order_status"
    assert event.call.arguments == {"order_number": "12345"}


def test_an_answer_that_breaks_off_within_a_call_is_a_failure() -> None:
    reader = ReplyReader(model="m", content=FreeReader([ORDER_STATUS]), taken_call_ids=[])
    done = {**DONE, "done_reason": "length"}
    assert reader.feed(lines(says('{"name": "get_order_st'), done)) == []
    assert isinstance(reader.failure, MalformedReply)
