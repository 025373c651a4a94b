"""Collecting what happens in a turn while it runs.

Owns the order and the times of the steps; what they are is left to who notes them, keeping and
showing them to the services.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from appliance.domain.json_types import JsonValue
from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall
from appliance.domain.trace import StepKind, TraceStep


class TurnTrace:
    """Collects the steps of one turn, in order."""

    def __init__(self, now_s: Callable[[], float] = perf_counter) -> None:
        self._now_s = now_s
        self._began_at_s = now_s()
        self.steps: list[TraceStep] = []

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the turn began."""
        return round((self._now_s() - self._began_at_s) * 1000, 2)

    def note(self, kind: StepKind, **detail: JsonValue) -> None:
        """Append a step. ``detail`` is plain JSON data and must not be changed afterwards."""
        self.steps.append(TraceStep(kind=kind, at_ms=self.elapsed_ms, detail=detail))


def describe_messages(messages: Sequence[ChatMessage]) -> list[JsonValue]:
    """Return messages as a trace shows them: what is empty is left out."""
    return [_describe(message) for message in messages]


def describe_calls(calls: Sequence[ToolCall]) -> list[JsonValue]:
    """Return calls as a trace shows them."""
    return [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls]


def _describe(message: ChatMessage) -> JsonValue:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        shown["tool_calls"] = describe_calls(message.tool_calls)
    if message.tool_name is not None:
        shown |= {"tool_name": message.tool_name, "tool_call_id": message.tool_call_id}
    if message.is_error:
        shown["is_error"] = True
    return shown


def describe(value: object) -> JsonValue:
    """Return a struct as plain JSON data."""
    built: JsonValue = msgspec.to_builtins(value)
    return built
