from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.trace import StepKind, StoredTrace, TraceStep
from appliance.telemetry.genai_spans import Span, build_spans

ENDED_AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
ENDED_NS = 1_772_445_600_123_456_000
CANARY = "the-visitor's-secret"


def step(kind: StepKind, at_ms: float, **detail: Any) -> TraceStep:
    return TraceStep(kind=kind, at_ms=at_ms, detail=detail)


def build_trace(*steps: TraceStep) -> StoredTrace:
    return StoredTrace(
        tenant_id=TenantId("t1"),
        conversation_id=ConversationId("c1"),
        message_id=MessageId("m1"),
        created_at=ENDED_AT,
        steps=steps,
    )


def asked(at_ms: float, **more: Any) -> TraceStep:
    detail = {
        "provider": "anthropic",
        "model": "claude-x",
        "repeated_messages": 0,
        "messages": [{"role": "user", "content": CANARY}],
        "tools": ["get_order_status"],
        "temperature": 0.3,
        "max_output_tokens": 2048,
    }
    return step("model_call", at_ms, **(detail | more))


def replied(at_ms: float, **more: Any) -> TraceStep:
    detail = {
        "provider": "anthropic",
        "model": "claude-x-2",
        "text": CANARY,
        "calls": [{"id": "call_1", "name": "get_order_status", "arguments": {"id": CANARY}}],
        "finish_reason": "tool_calls",
        "usage": {
            "input_tokens": 100,
            "output_tokens": 20,
            "cached_input_tokens": 60,
            "cache_write_input_tokens": 0,
        },
        "first_token_at_ms": at_ms - 50,
    }
    return step("model_reply", at_ms, **(detail | more))


def ran(at_ms: float, **more: Any) -> TraceStep:
    detail = {
        "call_id": "call_1",
        "name": "get_order_status",
        "executor": "workflow",
        "arguments": {"id": CANARY},
        "is_success": True,
        "result": CANARY,
        "duration_ms": 40,
        "attempts": 1,
    }
    return step("tool_call", at_ms, **(detail | more))


def between_ms(span: Span, root: Span) -> tuple[float, float]:
    return (span.start_ns - root.start_ns) / 1e6, (span.end_ns - root.start_ns) / 1e6


def test_a_turn_is_a_trace_of_its_model_calls_and_tool_runs() -> None:
    root, first, second, tool = build_spans(
        build_trace(
            step("context", 1.5, language="en"),
            asked(10),
            replied(210),
            ran(260),
            asked(270),
            replied(400, finish_reason="stop"),
            step("outcome", 410, state="done", model="claude-x-2", escalated=False, degraded=True),
        )
    )
    assert [span.name for span in (root, first, second, tool)] == [
        "invoke_agent csai-appliance",
        "chat claude-x",
        "chat claude-x",
        "execute_tool get_order_status",
    ]
    assert {span.trace_id for span in (root, first, second, tool)} == {root.trace_id}
    assert {span.parent_span_id for span in (first, second, tool)} == {root.span_id}
    assert root.parent_span_id is None
    assert len({span.span_id for span in (root, first, second, tool)}) == 4
    assert (root.start_ns, root.end_ns) == (ENDED_NS - 410_000_000, ENDED_NS)
    assert [between_ms(span, root) for span in (first, second, tool)] == [
        (10, 210),
        (270, 400),
        (220, 260),
    ]
    assert [span.kind for span in (root, first, tool)] == ["internal", "client", "internal"]
    assert root.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "csai-appliance",
        "gen_ai.conversation.id": "c1",
        "gen_ai.response.model": "claude-x-2",
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 40,
        "csai.answer.degraded": True,
        "csai.message.id": "m1",
        "csai.tenant.id": "t1",
    }
    assert first.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.conversation.id": "c1",
        "gen_ai.request.model": "claude-x",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.3,
        "gen_ai.request.max_tokens": 2048,
        "gen_ai.response.model": "claude-x-2",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.response.time_to_first_chunk": 0.15,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "csai.tenant.id": "t1",
    }
    assert tool.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "get_order_status",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.type": "extension",
        "gen_ai.conversation.id": "c1",
        "csai.tenant.id": "t1",
    }


def test_failures_are_told_by_their_codes_only() -> None:
    root, failed, answered, tool = build_spans(
        build_trace(
            asked(1),
            step("model_failure", 5, provider="x", code="timed_out", error=CANARY, said=CANARY),
            asked(6, provider="builtin", model=None),
            replied(7, provider="builtin", first_token_at_ms=None),
            ran(8, is_success=False, duration_ms=1_000),
            step("outcome", 9, state="failed", code="storage_full", error=CANARY),
        )
    )
    assert [span.attributes.get("error.type") for span in (root, failed, answered, tool)] == [
        "storage_full",
        "timed_out",
        None,
        "tool_failed",
    ]
    assert [span.has_failed for span in (root, answered)] == [True, False]
    assert (answered.name, answered.kind) == ("chat", "internal")
    assert "gen_ai.request.model" not in answered.attributes
    assert between_ms(tool, root) == (0, 8)


def test_a_call_that_was_cancelled_ends_with_its_turn() -> None:
    root, call = build_spans(build_trace(asked(1), step("outcome", 30, state="failed", code="x")))
    assert between_ms(call, root) == (1, 30)
    assert call.attributes["error.type"] == "cancelled"


def test_a_model_that_was_not_even_asked_has_failed() -> None:
    root, call = build_spans(
        build_trace(step("model_failure", 3, provider="openai_compatible", model="m", code="c"))
    )
    assert between_ms(call, root) == (3, 3)
    assert call.attributes["gen_ai.provider.name"] == "openai"


def test_nothing_that_anybody_wrote_is_told() -> None:
    spans = build_spans(
        build_trace(
            step("context", 1, language="en", messages=CANARY),
            step("policy", 1, refusal=CANARY),
            asked(2),
            replied(3),
            asked(3),
            step("model_failure", 4, provider="x", code="c", error=CANARY, said=CANARY),
            ran(5),
            step("handover", 6, cause=CANARY),
            step("outcome", 7, state="failed", code="c", error=CANARY),
        )
    )
    assert CANARY not in str(spans)


def test_a_name_that_a_model_made_up_is_bounded() -> None:
    *_, tool = build_spans(build_trace(ran(1, call_id="x" * 10_000)))
    assert len(str(tool.attributes["gen_ai.tool.call.id"])) == 200


def test_a_turn_without_steps_is_a_span_without_length() -> None:
    (root,) = build_spans(build_trace())
    assert root.start_ns == root.end_ns == ENDED_NS
