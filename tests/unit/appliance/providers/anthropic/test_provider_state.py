from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall
from appliance.providers.anthropic.provider_state import read_content, write_content

THINKING = {"type": "thinking", "thinking": "hm", "signature": "s"}
TEXT = {"type": "text", "text": "One moment."}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
MODEL = "claude-haiku-5-5"


def message(state: Any, *call_ids: str) -> ChatMessage:
    calls = tuple(ToolCall(id=call_id, name="look", arguments={}) for call_id in call_ids)
    return ChatMessage(role="assistant", content="", tool_calls=calls, provider_state=state)


@pytest.mark.parametrize("blocks", [[TEXT], [THINKING, TEXT], [TEXT, CALL], []])
def test_nothing_is_kept_that_nobody_asks_back(blocks: list[dict[str, Any]]) -> None:
    assert write_content(blocks, model=MODEL) is None


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
def test_thinking_before_a_call_comes_back_unchanged(kind: str) -> None:
    blocks = [THINKING | {"type": kind}, TEXT, CALL]
    state = write_content(blocks, model=MODEL)
    assert read_content(message(state, "toolu_1"), model=MODEL) == blocks


def test_another_model_does_not_get_it() -> None:
    state = write_content([THINKING, CALL], model=MODEL)
    assert read_content(message(state, "toolu_1"), model="claude-opus-5-5") is None


@pytest.mark.parametrize("call_ids", [(), ("toolu_2",), ("toolu_1", "toolu_2")])
def test_a_message_whose_calls_are_others_by_now_is_written_anew(call_ids: tuple[str, ...]) -> None:
    state = write_content([THINKING, CALL], model=MODEL)
    assert read_content(message(state, *call_ids), model=MODEL) is None


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"provider": "builtin", "model": MODEL, "content": [CALL]},
        {"provider": "anthropic", "model": MODEL},
        {"provider": "anthropic", "model": MODEL, "content": "x"},
        {"provider": "anthropic", "model": MODEL, "content": ["x"]},
    ],
)
def test_a_state_that_is_not_ours_is_no_content(state: Any) -> None:
    assert read_content(message(state, "toolu_1"), model=MODEL) is None
