from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.domain.message import TokenUsage
from appliance.errors import ContextWindowExceeded
from appliance.ports.chat_model import ModelEvent, ModelFinished, TextDelta, ToolCallRequested
from appliance.providers.anthropic.failures import ApiError, BrokenAnswer
from appliance.providers.anthropic.reply import ReplyReader
from tests.fakes.anthropic_server import Say, answer_events

MODEL = "claude-haiku-5-5"
CALL = {"name": "look", "arguments": {"order": "12", "deep": {"list": [1, None]}}, "id": "toolu_1"}


def read(events: list[dict[str, Any]]) -> list[ModelEvent]:
    reader = ReplyReader(model=MODEL)
    found = [event for data in events for event in reader.feed(json.dumps(data))]
    assert reader.is_done
    return found


def read_said(said: Say) -> list[ModelEvent]:
    return read(answer_events(MODEL, said, signature="sealed"))


def finished(events: list[ModelEvent]) -> ModelFinished:
    last = events[-1]
    assert isinstance(last, ModelFinished)
    return last


def test_words_come_as_they_are_said_and_the_end_tells_the_rest() -> None:
    said = Say(text=["One ", "", "moment"], input_tokens=7, output_tokens=3)
    assert read_said(said) == [
        TextDelta(text="One "),
        TextDelta(text="moment"),
        ModelFinished(
            finish_reason="stop", model=MODEL, usage=TokenUsage(input_tokens=7, output_tokens=3)
        ),
    ]


def test_a_call_is_put_together_from_its_pieces() -> None:
    [asked, end] = read_said(Say(calls=[CALL]))
    assert isinstance(asked, ToolCallRequested)
    assert asked.call.id == "toolu_1"
    assert asked.call.arguments == CALL["arguments"]
    assert isinstance(end, ModelFinished)
    assert end.finish_reason == "tool_calls"
    assert end.provider_state is None


def test_a_call_without_pieces_has_the_arguments_it_began_with() -> None:
    events = answer_events(MODEL, Say(calls=[{"name": "look", "arguments": {}}]))
    start = next(event for event in events if event["type"] == "content_block_start")
    start["content_block"]["input"] = {"a": 1}
    [asked, _] = read(events)
    assert isinstance(asked, ToolCallRequested)
    assert asked.call.arguments == {"a": 1}


def test_thinking_is_not_said_and_goes_back_whole_with_a_call() -> None:
    events = read_said(Say(thinking="let me|see", text=["One moment."], calls=[CALL]))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["One moment."]
    assert finished(events).provider_state == {
        "provider": "anthropic",
        "model": MODEL,
        "content": [
            {"type": "thinking", "thinking": "let mesee", "signature": "sealed"},
            {"type": "text", "text": "One moment."},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": CALL["arguments"]},
        ],
    }


def test_redacted_thinking_goes_back_as_it_came() -> None:
    events = answer_events(MODEL, Say(thinking="x", calls=[CALL]))
    redacted = {"type": "redacted_thinking", "data": "EmwKAhgBEgy"}
    events[2]["content_block"] = redacted
    del events[3:5]
    state = finished(read(events)).provider_state
    assert state is not None
    assert state["content"][0] == redacted


def test_thinking_before_mere_words_is_not_kept() -> None:
    assert finished(read_said(Say(thinking="hm", text=["Hi"]))).provider_state is None


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_each_stop_reason_has_its_meaning(stop_reason: str, reason: str) -> None:
    events = read_said(Say(text=["Hi"], stop_reason=stop_reason))
    assert finished(events).finish_reason == reason


@pytest.mark.parametrize("cuts_last_call", [False, True])
def test_the_calls_of_a_refused_answer_are_dropped(cuts_last_call: bool) -> None:
    said = Say(calls=[CALL], stop_reason="refusal", cuts_last_call=cuts_last_call)
    [end] = read_said(said)
    assert isinstance(end, ModelFinished)
    assert end.finish_reason == "content_filter"


def test_a_call_that_the_length_cut_off_is_dropped() -> None:
    second = {"name": "look", "arguments": {"order": "3"}}
    events = read_said(Say(calls=[CALL, second], stop_reason="max_tokens", cuts_last_call=True))
    assert [e.call.id for e in events if isinstance(e, ToolCallRequested)] == ["toolu_1"]
    assert finished(events).finish_reason == "tool_calls"
    alone = read_said(Say(calls=[CALL], stop_reason="max_tokens", cuts_last_call=True))
    assert [type(event) for event in alone] == [ModelFinished]
    assert finished(alone).finish_reason == "length"


def test_a_prompt_that_leaves_no_room_is_too_long() -> None:
    with pytest.raises(ContextWindowExceeded):
        read_said(Say(stop_reason="model_context_window_exceeded"))


def test_what_caches_gave_and_took_is_input_too() -> None:
    events = read_said(Say(text=["Hi"], input_tokens=5, cache_read=100, cache_write=20))
    assert finished(events).usage == TokenUsage(
        input_tokens=125, output_tokens=5, cached_input_tokens=100, cache_write_input_tokens=20
    )


def test_later_counts_replace_earlier_ones() -> None:
    events = answer_events(MODEL, Say(text=["Hi"], input_tokens=5, output_tokens=9))
    events[-2]["usage"] = {"input_tokens": 50, "output_tokens": 9, "cache_read_input_tokens": None}
    assert finished(read(events)).usage == TokenUsage(input_tokens=50, output_tokens=9)


def test_what_a_newer_api_says_is_passed_over() -> None:
    news = [
        {"type": "hologram", "depth": 3},
        {"type": "content_block_start", "index": 7, "content_block": {"type": "hologram"}},
        {"type": "content_block_delta", "index": 7, "delta": {"type": "hologram_delta", "z": 1}},
        {"type": "content_block_stop", "index": 7},
    ]
    events = read_said(Say(text=["Hi"], more=news))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hi"]


def test_sources_named_along_with_a_text_leave_the_text_as_it_is() -> None:
    events = answer_events(MODEL, Say(text=["Hi", "!"]))
    delta = {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "x"}}
    events.insert(4, {"type": "content_block_delta", "index": 0, "delta": delta})
    assert [event.text for event in read(events) if isinstance(event, TextDelta)] == ["Hi", "!"]


def test_an_answer_has_begun_with_its_first_word_or_call_not_with_thinking() -> None:
    reader = ReplyReader(model=MODEL)
    began = []
    for event in answer_events(MODEL, Say(thinking="hm", text=["Hi"])):
        reader.feed(json.dumps(event))
        began.append((event["type"], event.get("index"), reader.has_begun))
    assert ("content_block_delta", 0, True) not in began
    assert ("content_block_start", 1, True) in began


def test_an_error_event_says_what_it_is() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded", "details": {"error_code": "x"}}
    with pytest.raises(ApiError) as caught:
        ReplyReader(model=MODEL).feed(json.dumps({"type": "error", "error": error}))
    assert (caught.value.status, caught.value.cause) == (529, "x")
    with pytest.raises(ApiError):
        ReplyReader(model=MODEL).feed('{"type": "error"}')


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        "<html>",
        '{"type": 5}',
        '{"delta": {}}',
        '{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}',
        '{"type": "content_block_stop", "index": 3}',
        '{"type": "content_block_start", "index": "x"}',
        '{"type": "message_stop"}',
    ],
)
def test_an_event_that_breaks_the_protocol_is_no_answer(data: str) -> None:
    with pytest.raises(BrokenAnswer):
        ReplyReader(model=MODEL).feed(data)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_use", "id": "", "name": "look", "input": {}},
        {"type": "tool_use", "id": "a", "input": {}},
        {"type": "tool_use", "id": "a", "name": 5, "input": {}},
        {"type": "tool_use", "id": "a", "name": "look", "input": [1]},
    ],
)
def test_a_call_that_cannot_be_run_is_no_answer(block: dict[str, Any]) -> None:
    events = answer_events(MODEL, Say(calls=[{"name": "look", "arguments": {}}]))
    start = next(event for event in events if event["type"] == "content_block_start")
    start["content_block"] = block
    with pytest.raises(BrokenAnswer):
        read(events)


@pytest.mark.parametrize("json_text", ['{"a": ', "[1]", "5", '{"a": 1} x'])
def test_arguments_that_are_no_object_are_no_answer(json_text: str) -> None:
    events = answer_events(MODEL, Say(calls=[{"name": "look", "arguments": {}}]))
    for event in events:
        if event["type"] == "content_block_delta":
            event["delta"]["partial_json"] = json_text
    with pytest.raises(BrokenAnswer):
        read(events)


def test_a_piece_without_content_is_no_answer() -> None:
    reader = ReplyReader(model=MODEL)
    reader.feed('{"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}')
    with pytest.raises(BrokenAnswer):
        reader.feed('{"type": "content_block_delta", "index": 0}')
