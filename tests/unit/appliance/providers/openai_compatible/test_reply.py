from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from appliance.domain.message import TokenUsage
from appliance.domain.tool import UNREADABLE_ARGUMENTS, ToolSpec
from appliance.ports.chat_model import ModelEvent, ModelFinished, TextDelta, ToolCallRequested
from appliance.providers.openai_compatible.reply import MalformedReply, ReplyReader, read_call
from appliance.tool_spelling import FreeReader

NUMBERS: dict[str, Any] = {"n": {"type": "integer"}, "m": {"type": "integer"}}
TOOLS = tuple(
    ToolSpec(name=name, description="", parameters_schema={"type": "object", "properties": NUMBERS})
    for name in ("f", "g", "h")
)
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}


def read(*chunks: Any, taken: tuple[str, ...] = ()) -> list[ModelEvent]:
    reader = ReplyReader(
        model="m", prompt=[], content=FreeReader(TOOLS), tools=TOOLS, taken_call_ids=taken
    )
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.finish()


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def piece(index: int | None = None, id: str | None = None, **function: Any) -> dict[str, Any]:
    return chunk(tool_calls=[{"index": index, "id": id, "function": function}])


def texts(events: list[ModelEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


def calls(events: list[ModelEvent]) -> list[tuple[str, Any]]:
    return [
        (event.call.name, event.call.arguments)
        for event in events
        if isinstance(event, ToolCallRequested)
    ]


def ids(events: list[ModelEvent]) -> list[str]:
    return [event.call.id for event in events if isinstance(event, ToolCallRequested)]


def finished(events: list[ModelEvent]) -> ModelFinished:
    last = events[-1]
    assert isinstance(last, ModelFinished)
    return last


def test_text_is_handed_on_piece_by_piece() -> None:
    events = read(chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo"))
    assert texts(events) == ["Hel", "lo"]


def test_nothing_is_said_by_empty_deltas() -> None:
    empty = [
        chunk(content=None),
        chunk(),
        {"choices": []},
        {"choices": None},
        {},
        {"choices": [{}]},
    ]
    assert texts(read(*empty)) == []


def test_a_fragmented_call_is_put_together() -> None:
    events = read(
        piece(0, "a", name="f", arguments=""), piece(0, arguments='{"n":'), piece(0, arguments="1}")
    )
    assert calls(events) == [("f", {"n": 1})]
    assert ids(events) == ["a"]
    assert finished(events).finish_reason == "tool_calls"


def test_parallel_calls_whose_fragments_interleave_keep_apart() -> None:
    events = read(
        piece(0, "a", name="f", arguments='{"n":'),
        piece(1, "b", name="g", arguments='{"m":'),
        piece(0, arguments="1}"),
        piece(1, arguments="2}"),
    )
    assert calls(events) == [("f", {"n": 1}), ("g", {"m": 2})]


def test_calls_that_all_have_the_index_zero_are_told_apart_by_their_ids() -> None:
    events = read(
        piece(0, "a", name="f", arguments='{"n":1}'), piece(0, "b", name="f", arguments='{"n":2}')
    )
    assert calls(events) == [("f", {"n": 1}), ("f", {"n": 2})]


def test_a_server_without_indices_streams_one_call() -> None:
    events = read(piece(None, "a", name="f", arguments='{"n":'), piece(None, arguments="1}"))
    assert calls(events) == [("f", {"n": 1})]


def test_an_id_and_a_name_repeated_with_every_fragment_are_taken_once() -> None:
    events = read(
        piece(0, "a", name="f", arguments='{"n":'), piece(0, "a", name="f", arguments="1}")
    )
    assert (calls(events), ids(events)) == ([("f", {"n": 1})], ["a"])


def test_missing_and_taken_ids_are_replaced() -> None:
    events = read(
        piece(0, "x", name="f"), piece(1, "", name="g"), piece(2, "x", name="h"), taken=("x",)
    )
    assert len(set(ids(events)) - {"x", ""}) == 3


@pytest.mark.parametrize("arguments", [None, "", "{}", {}])
def test_a_call_without_arguments_has_none(arguments: Any) -> None:
    assert calls(read(piece(0, "a", name="f", arguments=arguments))) == [("f", {})]


def test_arguments_that_are_an_object_already_are_taken() -> None:
    assert calls(read(piece(0, "a", name="f", arguments={"n": 1}))) == [("f", {"n": 1})]


def test_a_call_without_a_name_is_none() -> None:
    events = read(piece(0, "a", arguments="{}"))
    assert calls(events) == []
    assert finished(events).finish_reason == "stop"


def test_careless_arguments_are_mended() -> None:
    assert calls(read(piece(0, "a", name="F", arguments="{'n': '1',}"))) == [("f", {"n": 1})]


def test_arguments_that_nobody_can_read_come_back_to_the_model() -> None:
    said = "the first one, please"
    assert calls(read(piece(0, "a", name="f", arguments=said))) == [
        ("f", {"unreadable_arguments": said})
    ]
    assert read_call("a", "f", said, ()).id == "a"


def test_a_call_cut_by_its_length_is_not_mended() -> None:
    whole, cut = (
        piece(0, "a", name="f", arguments='{"n":1}'),
        piece(1, "b", name="f", arguments="{"),
    )
    assert calls(read(whole, cut, chunk("length"))) == [("f", {"n": 1})]
    events = read(chunk(content="One moment."), cut, chunk("length"))
    assert (calls(events), finished(events).finish_reason) == ([], "length")
    with pytest.raises(MalformedReply):
        read(cut, chunk("length"))


def test_a_call_in_the_text_is_a_call() -> None:
    spelled = '<tool_call>{"name": "f", "arguments": {"n": 1}}</tool_call>'
    events = read(chunk(content=spelled), chunk("stop"))
    assert (texts(events), calls(events)) == ([], [("f", {"n": 1})])
    assert finished(events).finish_reason == "tool_calls"
    assert finished(events).usage.output_tokens > 10


def test_the_beginning_of_a_call_in_the_text_is_no_answer() -> None:
    with pytest.raises(MalformedReply):
        read(chunk(content='<tool_call>{"name": "f", "argu'), chunk("length"))


def test_the_old_form_of_a_call_is_understood() -> None:
    events = read(
        chunk(function_call={"name": "f", "arguments": '{"n":'}),
        chunk(function_call={"arguments": "1}"}),
        chunk("function_call"),
    )
    assert calls(events) == [("f", {"n": 1})]
    assert finished(events).finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
        ("eos", "stop"),
        (None, "stop"),
    ],
)
def test_why_an_answer_without_calls_ended_is_told(reason: str | None, expected: str) -> None:
    assert finished(read(chunk(content="Hi"), chunk(reason))).finish_reason == expected


@pytest.mark.parametrize("reason", ["error", "abort"])
def test_an_answer_that_the_server_gave_up_is_none(reason: str) -> None:
    with pytest.raises(MalformedReply):
        read(chunk(content="Hel"), chunk(reason))


def test_reasoning_is_never_shown() -> None:
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello"}]
    events = read(
        chunk(content=None, reasoning_content="hm", reasoning="hm"),
        chunk(content="<think>hm"),
        chunk(content="</think>"),
        chunk(content=parts),
    )
    assert texts(events) == ["Hello"]


def test_a_refusal_is_what_the_visitor_reads() -> None:
    assert texts(read(chunk(refusal="I cannot "), chunk(refusal="do that."))) == [
        "I cannot ",
        "do that.",
    ]


def test_only_the_first_answer_counts() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "Other"}}]}
    assert texts(read(other, chunk(content="Mine"))) == ["Mine"]


def test_the_model_that_answered_is_named() -> None:
    assert finished(read({"model": "m-2026", "choices": []})).model == "m-2026"
    assert finished(read({"model": None})).model == "m"


def test_usage_comes_with_or_without_choices_and_the_last_one_counts() -> None:
    last = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    events = read({**chunk(content="Hi"), "usage": USAGE}, last, {"choices": [], "usage": None})
    assert finished(events).usage == TokenUsage(input_tokens=7, output_tokens=3)


@pytest.mark.parametrize("usage", ["many", {"prompt_tokens": "7"}, [], {}])
def test_usage_that_is_none_is_estimated(usage: Any) -> None:
    assert finished(read(chunk(content="Hi" * 100), {"usage": usage})).usage.output_tokens > 50


def test_more_cached_than_read_is_not_believed() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 99}}
    assert finished(read({"usage": usage})).usage.cached_input_tokens == 1


@pytest.mark.parametrize(
    "data",
    [None, 5, "text", [], {"choices": 5}, {"choices": [5]}, {"choices": [{"delta": "Hi"}]}],
    ids=json.dumps,
)
def test_what_is_no_chunk_is_malformed(data: Any) -> None:
    with pytest.raises(MalformedReply):
        read(data)


FIRST, SECOND = "\ud83c", "\udf55"


def test_a_character_parted_by_two_deltas_is_joined() -> None:
    events = read(chunk(content=f"Pizza {FIRST}"), chunk(content=f"{SECOND}!"))
    assert "".join(texts(events)) == "Pizza 🍕!"


def test_half_a_character_is_replaced_within_a_text_and_at_its_end() -> None:
    events = read(chunk(content=f"a{FIRST}"), chunk(content=" b"), chunk(content=FIRST))
    assert "".join(texts(events)) == "a\ufffd b\ufffd"


def test_half_a_character_behind_thinking_is_the_answer() -> None:
    events = read(chunk(content=f"<think>{FIRST}</think>"), chunk(content=FIRST))
    assert "".join(texts(events)) == "\ufffd"


def test_a_call_is_made_of_whole_characters() -> None:
    events = read(
        piece(0, f"a{FIRST}", name=f"f{FIRST}", arguments=f'{{"{FIRST}n": ["{FIRST}'),
        piece(0, arguments=f'{SECOND}{SECOND}"]}}'),
        piece(1, f"a{SECOND}", name="g", arguments={"m": FIRST}),
        piece(2, "b", name="h", arguments=f"no arguments {FIRST}"),
    )
    assert calls(events) == [
        ("f", {"n": ["🍕\ufffd"]}),
        ("g", {"m": "\ufffd"}),
        ("h", {UNREADABLE_ARGUMENTS: "no arguments \ufffd"}),
    ]
    assert ids(events)[0] == "a\ufffd"
    msgspec.json.encode(events)


def test_a_model_has_a_name_of_whole_characters() -> None:
    assert finished(read({"model": f"m{FIRST}"})).model == "m\ufffd"
