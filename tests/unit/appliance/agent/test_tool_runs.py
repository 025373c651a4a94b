"""What a model reads of a tool's result, and calls together; more is tested with whole turns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.agent.circuit_breaker import FAILURES_TO_OPEN
from appliance.agent.tool_breakers import ToolBreakers
from appliance.agent.tool_runs import (
    MAX_AT_ONCE,
    MAX_RESULT_CHARS,
    ToolRuns,
    TurnTally,
    build_result_text,
)
from appliance.domain.ids import TenantId
from appliance.domain.tool import ToolCall, ToolOutcome
from appliance.ports.tool_executor import ToolContext
from appliance.tasks import TaskGroup
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_tenant_tool
from tests.fakes.tool_executors import RecordingExecutor

TENANT = TenantId("t")
TOOL = build_tenant_tool(TENANT, executor="n8n_webhook", webhook_url="https://n8n.example/webhook")
NAME = TOOL.tool.tool_name


def build_runs(executor: RecordingExecutor) -> ToolRuns:
    clock = SettableClock()
    return ToolRuns(
        executors=ToolBreakers(clock).guard({"n8n_webhook": executor}),
        turn_store=None,  # type: ignore[arg-type]  # there is no conversation to log in
        clock=clock,
        tasks=TaskGroup(),
    )


async def run_all(runs: ToolRuns, count: int) -> dict[str, ToolOutcome]:
    calls = [ToolCall(id=f"c{n}", name=NAME, arguments={"n": n}) for n in range(count)]
    context = ToolContext(tenant_id=TENANT)
    return await runs.run_all(calls, {NAME: TOOL}, context, TurnTally(), lambda _: None)


async def test_calls_of_one_round_run_together_but_not_too_many_at_once() -> None:
    executor = RecordingExecutor(lambda call: call.arguments, kind="n8n_webhook")
    executor.gate.clear()
    running = asyncio.create_task(run_all(build_runs(executor), MAX_AT_ONCE + 2))
    await executor.wait_for_calls(MAX_AT_ONCE)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (len(executor.calls), executor.finished) == (MAX_AT_ONCE, [])
    executor.gate.set()
    outcomes = await running
    assert {call_id: outcome.output for call_id, outcome in outcomes.items()} == {
        f"c{n}": {"n": n} for n in range(MAX_AT_ONCE + 2)
    }


async def test_calls_of_a_tool_that_does_not_answer_are_not_made_for_long() -> None:
    silent = ToolOutcome(is_success=False, failure="unknown", error="It did not answer in time.")
    executor = RecordingExecutor(lambda _: silent, kind="n8n_webhook")
    runs = build_runs(executor)
    for _ in range(FAILURES_TO_OPEN + 2):
        [outcome] = (await run_all(runs, 1)).values()
    assert len(executor.calls) == FAILURES_TO_OPEN
    assert outcome.failure == "unreachable"
    assert "in time" not in build_result_text(outcome)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"שם": "דנה"}, '{"שם": "דנה"}'),
        ("plain", "plain"),
        (None, "null"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_result_reads_as_json_or_as_its_text(output: Any, text: str) -> None:
    assert build_result_text(ToolOutcome(is_success=True, output=output)) == text


def test_a_long_result_is_cut_and_says_so() -> None:
    text = build_result_text(ToolOutcome(is_success=True, output="x" * (MAX_RESULT_CHARS + 5)))
    assert text.startswith("x" * MAX_RESULT_CHARS)
    assert text.endswith("[cut: 5 more characters]")
