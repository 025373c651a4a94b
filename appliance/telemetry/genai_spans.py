"""A turn's trace as spans with OpenTelemetry's names for generative AI.

Owns which steps become spans and which of their facts are told: names, numbers and codes, never
what anybody wrote, nor a tool's arguments or result (docs/adr/0025). Their wire form is left to
``appliance.telemetry.otlp_json``.

Source: https://github.com/open-telemetry/semantic-conventions-genai (0.1.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, Literal

from msgspec import Struct

from appliance.domain.trace import StoredTrace, TraceStep

AGENT_NAME = "csai-appliance"
IN_PROCESS = "builtin"
PROVIDERS = {"openai_compatible": "openai"}
"""Where OpenTelemetry has another name for what a provider speaks."""
NAME_LENGTH = 200
"""Names that a model or its server made up are cut behind this."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AttributeValue = str | bool | int | float | list[str]


class Span(Struct, frozen=True, kw_only=True):
    """One span; ids are hexadecimal, times count nanoseconds from 1970."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    name: str
    kind: Literal["internal", "client"] = "internal"
    start_ns: int
    end_ns: int
    attributes: dict[str, AttributeValue]

    @property
    def has_failed(self) -> bool:
        """Whether what it spans ended in an error."""
        return "error.type" in self.attributes


def build_spans(trace: StoredTrace) -> list[Span]:
    """Return a turn's spans: the turn itself first, then its model calls and tool runs."""
    return _TurnSpans(trace).build()


class _TurnSpans:
    """Builds the spans of one turn, whose beginning follows from its end."""

    def __init__(self, trace: StoredTrace) -> None:
        self._trace = trace
        self._trace_id = token_hex(16)
        self._root_id = token_hex(8)
        self._total_ms = max((step.at_ms for step in trace.steps), default=0.0)
        ended_ns = (trace.created_at - _EPOCH) // timedelta(microseconds=1) * 1_000
        self._began_ns = ended_ns - _ns(self._total_ms)

    def build(self) -> list[Span]:
        spans = [*self._model_spans(), *self._tool_spans()]
        return [self._turn_span(spans), *spans]

    def _turn_span(self, spans: list[Span]) -> Span:
        trace = self._trace
        attributes: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": AGENT_NAME,
            "gen_ai.conversation.id": trace.conversation_id,
            "csai.tenant.id": trace.tenant_id,
            "csai.message.id": trace.message_id,
        }
        for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
            used = [span.attributes[name] for span in spans if name in span.attributes]
            if used:
                attributes[name] = sum(tokens for tokens in used if isinstance(tokens, int))
        for step in trace.steps:
            if step.kind == "outcome":
                attributes |= _describe_outcome(step.detail)
        return Span(
            trace_id=self._trace_id,
            span_id=self._root_id,
            name=f"invoke_agent {AGENT_NAME}",
            start_ns=self._began_ns,
            end_ns=self._began_ns + _ns(self._total_ms),
            attributes=attributes,
        )

    def _model_spans(self) -> Iterator[Span]:
        """Yield a span for each call: it ends with the next reply or failure, one at a time."""
        call: TraceStep | None = None
        for step in self._trace.steps:
            if step.kind == "model_call":
                if call is not None:
                    yield self._model_span(call, None)
                call = step
            elif step.kind in ("model_reply", "model_failure"):
                yield self._model_span(call or step, step)
                call = None
        if call is not None:
            yield self._model_span(call, None)

    def _model_span(self, call: TraceStep, end: TraceStep | None) -> Span:
        provider = _name(call.detail.get("provider"))
        attributes: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDERS.get(provider, provider),
            "gen_ai.conversation.id": self._trace.conversation_id,
            "gen_ai.request.stream": True,
        }
        model = _name(call.detail.get("model"))
        if model:
            attributes["gen_ai.request.model"] = model
        _copy_number(call.detail, "temperature", attributes, "gen_ai.request.temperature")
        _copy_number(call.detail, "max_output_tokens", attributes, "gen_ai.request.max_tokens")
        if end is None:
            attributes["error.type"] = "cancelled"
        elif end.kind == "model_failure":
            attributes["error.type"] = _name(end.detail.get("code")) or "_OTHER"
        else:
            attributes |= _describe_reply(end.detail, asked_at_ms=call.at_ms)
        return self._child(
            f"chat {model}".strip(),
            (call.at_ms, self._total_ms if end is None else end.at_ms),
            attributes,
            kind="internal" if provider == IN_PROCESS else "client",
        )

    def _tool_spans(self) -> Iterator[Span]:
        for step in self._trace.steps:
            if step.kind != "tool_call":
                continue
            name = _name(step.detail.get("name"))
            attributes: dict[str, AttributeValue] = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": _name(step.detail.get("call_id")),
                "gen_ai.tool.type": "extension",
                "gen_ai.conversation.id": self._trace.conversation_id,
            }
            if not step.detail.get("is_success"):
                attributes["error.type"] = "tool_failed"
            duration_ms: Any = step.detail.get("duration_ms") or 0
            began_ms = max(0.0, step.at_ms - duration_ms)
            yield self._child(f"execute_tool {name}", (began_ms, step.at_ms), attributes)

    def _child(
        self,
        name: str,
        between_ms: tuple[float, float],
        attributes: dict[str, AttributeValue],
        *,
        kind: Literal["internal", "client"] = "internal",
    ) -> Span:
        began_ms, ended_ms = between_ms
        return Span(
            trace_id=self._trace_id,
            span_id=token_hex(8),
            parent_span_id=self._root_id,
            name=name,
            kind=kind,
            start_ns=self._began_ns + _ns(began_ms),
            end_ns=self._began_ns + _ns(ended_ms),
            attributes=attributes | {"csai.tenant.id": self._trace.tenant_id},
        )


def _describe_reply(detail: dict[str, Any], *, asked_at_ms: float) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "gen_ai.response.model": _name(detail.get("model")),
        "gen_ai.response.finish_reasons": [_name(detail.get("finish_reason"))],
    }
    first_at_ms = detail.get("first_token_at_ms")
    if first_at_ms is not None:
        waited_s = max(0.0, first_at_ms - asked_at_ms) / 1000
        attributes["gen_ai.response.time_to_first_chunk"] = round(waited_s, 6)
    usage = detail.get("usage") or {}
    for ours, theirs, is_part in (
        ("input_tokens", "input_tokens", False),
        ("output_tokens", "output_tokens", False),
        ("cached_input_tokens", "cache_read.input_tokens", True),
        ("cache_write_input_tokens", "cache_write.input_tokens", True),
    ):
        if usage.get(ours) or not is_part:
            _copy_number(usage, ours, attributes, f"gen_ai.usage.{theirs}")
    return attributes


def _describe_outcome(detail: dict[str, Any]) -> dict[str, AttributeValue]:
    if detail.get("state") == "failed":
        return {"error.type": _name(detail.get("code")) or "_OTHER"}
    flags = ("cached", "degraded", "escalated", "conversation_ended")
    described: dict[str, AttributeValue] = {
        f"csai.answer.{flag}": True for flag in flags if detail.get(flag)
    }
    if model := _name(detail.get("model")):
        described["gen_ai.response.model"] = model
    return described


def _copy_number(
    source: dict[str, Any], key: str, attributes: dict[str, AttributeValue], name: str
) -> None:
    value = source.get(key)
    if isinstance(value, int | float):
        attributes[name] = value


def _name(value: object) -> str:
    return value[:NAME_LENGTH] if isinstance(value, str) else ""


def _ns(ms: float) -> int:
    return round(ms * 1_000_000)
