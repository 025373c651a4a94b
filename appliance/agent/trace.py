"""What happened in a turn, step by step, for the operator who looks into it.

Owns collecting the steps while a turn runs; keeping and showing them is left to the services.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Literal

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue

StepKind = Literal[
    "context",  # what was loaded: messages, summary, language, identity, decision on a pending call
    "budget",  # the tenant's budget and what it means for this turn
    "cache",  # the response cache was asked, hit or missed
    "model_call",  # one request to one model: prompt, tools, settings
    "model_reply",  # what came back: raw text, calls, finish reason, usage
    "model_failure",  # why a model did not answer
    "policy",  # a verdict on a call or an answer, with its reason
    "tool_call",  # one executed call with arguments, result, attempts
    "outcome",  # how the turn ended
]


class TraceStep(Struct, frozen=True, kw_only=True):
    """One step; ``at_ms`` counts from the beginning of the turn."""

    kind: StepKind
    at_ms: float
    detail: JsonObject


class TurnTrace:
    """Collects the steps of one turn, in order."""

    def __init__(self, now_s: Callable[[], float] = perf_counter) -> None:
        self._now_s = now_s
        self._began_at_s = now_s()
        self.steps: list[TraceStep] = []

    def note(self, kind: StepKind, **detail: JsonValue) -> None:
        """Append a step. ``detail`` is plain JSON data and must not be changed afterwards."""
        at_ms = round((self._now_s() - self._began_at_s) * 1000, 2)
        self.steps.append(TraceStep(kind=kind, at_ms=at_ms, detail=detail))
