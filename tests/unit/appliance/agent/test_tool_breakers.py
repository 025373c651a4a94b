from __future__ import annotations

from typing import Any

import msgspec
import pytest
import structlog

from appliance.agent import tool_breakers
from appliance.agent.circuit_breaker import FAILURES_TO_OPEN, FIRST_REST_S
from appliance.agent.tool_breakers import ToolBreakers
from appliance.domain.ids import TenantId
from appliance.domain.tool import TenantTool, ToolOutcome
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_tenant_tool
from tests.fakes.tool_executors import RecordingExecutor

URL = "https://n8n.example/webhook/orders"
SILENCE = ToolOutcome(is_success=False, failure="no_answer", error="It did not answer in time.")
ANSWER = ToolOutcome(is_success=True, output={}, status=200)


TOOL = build_tenant_tool(TenantId("t"), executor="n8n_webhook", webhook_url=URL)


def alter(**fields: Any) -> TenantTool:
    """Return the same tool, used in another way."""
    return msgspec.structs.replace(TOOL, **fields)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def breakers(clock: SettableClock) -> ToolBreakers:
    return ToolBreakers(clock)


def call(
    breakers: ToolBreakers, clock: SettableClock, outcome: ToolOutcome, tool: TenantTool = TOOL
) -> ToolOutcome:
    """Return what comes of a call whose tool would answer with ``outcome`` after a second."""
    resting = breakers.refuse(tool)
    if resting is not None:
        return resting
    began_at = clock.monotonic()
    clock.advance(1)
    breakers.note(tool, outcome, began_at=began_at)
    return outcome


def silence(breakers: ToolBreakers, clock: SettableClock, tool: TenantTool = TOOL) -> None:
    for _ in range(FAILURES_TO_OPEN):
        assert call(breakers, clock, SILENCE, tool) is SILENCE


def test_a_silent_tool_is_left_alone_and_the_operator_told(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    with structlog.testing.capture_logs() as logs:
        silence(breakers, clock)
        refused = call(breakers, clock, ANSWER)
    assert (refused.failure, refused.attempts) == ("unreachable", 0)
    assert refused.error is not None
    assert "asked again in 30 s: It did not answer in time." in refused.error
    [line] = logs
    assert (line["event"], line["tool"], line["tenant_id"]) == (
        "tool_breaker_opened",
        TOOL.tool.tool_name,
        "t",
    )


def test_one_call_tries_it_again_and_its_answer_ends_the_rest(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    silence(breakers, clock)
    clock.advance(FIRST_REST_S)
    assert breakers.refuse(TOOL) is None
    assert breakers.refuse(TOOL) is not None  # while the first one is still out
    with structlog.testing.capture_logs() as logs:
        breakers.note(TOOL, ANSWER, began_at=clock.monotonic())
    assert [line["event"] for line in logs] == ["tool_breaker_closed"]
    assert call(breakers, clock, SILENCE) is SILENCE
    assert call(breakers, clock, ANSWER) is ANSWER


def test_a_silent_probe_doubles_the_rest(breakers: ToolBreakers, clock: SettableClock) -> None:
    silence(breakers, clock)
    clock.advance(FIRST_REST_S)
    assert call(breakers, clock, SILENCE) is SILENCE
    clock.advance(FIRST_REST_S)
    assert call(breakers, clock, ANSWER) is not ANSWER
    clock.advance(FIRST_REST_S)
    assert call(breakers, clock, ANSWER) is ANSWER


@pytest.mark.parametrize(
    "other",
    [
        alter(tenant_id=TenantId("other")),
        alter(executor="workflow"),
        alter(webhook_url=f"{URL}-2"),
    ],
    ids=["another tenant", "another executor", "another address"],
)
def test_nothing_else_rests_with_it(
    breakers: ToolBreakers, clock: SettableClock, other: TenantTool
) -> None:
    silence(breakers, clock)
    assert call(breakers, clock, ANSWER, other) is ANSWER


ASKING = alter(
    executor="integration",
    webhook_url=None,
    integration_mapping={"shop": "i-1", "store": "i-2"},
    custom_config={"integration": "shop", "endpoint": "orders"},
)


@pytest.mark.parametrize(
    "fields",
    [
        {"integration_mapping": {"shop": "i-3"}},
        {"custom_config": {"integration": "shop", "endpoint": "parcels"}},
        {"custom_config": {"integration": "store", "endpoint": "orders"}},
    ],
)
def test_a_tool_that_asks_something_else_begins_anew(
    breakers: ToolBreakers, clock: SettableClock, fields: dict[str, Any]
) -> None:
    silence(breakers, clock, ASKING)
    assert call(breakers, clock, ANSWER, ASKING) is not ANSWER
    other = msgspec.structs.replace(ASKING, **fields)
    assert call(breakers, clock, ANSWER, other) is ANSWER
    same = msgspec.structs.replace(ASKING, integration_mapping={"shop": "i-1"})
    assert call(breakers, clock, ANSWER, same) is not ANSWER


def test_what_was_not_asked_was_not_silent_and_did_not_answer(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    paused = ToolOutcome(is_success=False, failure="unreachable", error="Later.", attempts=0)
    for _ in range(FAILURES_TO_OPEN):
        assert call(breakers, clock, paused) is paused
    assert breakers.find_trouble(TOOL) is None
    silence(breakers, clock)
    for _ in range(FAILURES_TO_OPEN):
        breakers.note(TOOL, paused, began_at=clock.monotonic())
    breakers.note(TOOL, ToolOutcome(is_success=True, attempts=0), began_at=clock.monotonic())
    assert "asked again in 30 s" in (breakers.find_trouble(TOOL) or "")


def test_a_silent_trial_is_no_visitors_business(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    for _ in range(FAILURES_TO_OPEN):
        breakers.note_trial(TOOL, SILENCE, began_at=clock.monotonic())
    assert breakers.find_trouble(TOOL) is None
    silence(breakers, clock)
    breakers.note_trial(TOOL, SILENCE, began_at=clock.monotonic())
    assert "asked again in 30 s" in (breakers.find_trouble(TOOL) or "")
    breakers.note_trial(TOOL, ANSWER, began_at=clock.monotonic())
    assert breakers.find_trouble(TOOL) is None


@pytest.mark.parametrize(
    ("fields", "rests"),
    [
        ({"failure": "unreachable"}, True),
        ({"failure": "unknown"}, True),
        ({"failure": "unknown", "status": 503}, True),
        ({"failure": "unreachable", "status": 429}, True),
        ({"failure": "unknown", "status": 500}, False),
        ({"failure": "no_answer", "status": 200}, False),
        ({"failure": "refused", "status": 422}, False),
        ({"failure": "not_found"}, False),
        ({"failure": "not_available"}, False),
    ],
)
def test_only_silence_counts(
    breakers: ToolBreakers, clock: SettableClock, fields: dict[str, Any], rests: bool
) -> None:
    outcome = ToolOutcome(is_success=False, error="It failed.", **fields)
    for _ in range(FAILURES_TO_OPEN):
        call(breakers, clock, outcome)
    assert (breakers.refuse(TOOL) is not None) == rests


def test_an_answer_in_between_begins_the_count_anew(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    for outcome in (SILENCE, SILENCE, ANSWER, SILENCE, SILENCE, ANSWER):
        assert call(breakers, clock, outcome) is outcome


def test_a_workflow_in_the_program_never_rests(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    own = alter(executor="workflow")
    silence(breakers, clock, own)
    assert call(breakers, clock, ANSWER, own) is ANSWER


def test_no_more_are_kept_than_fit(
    breakers: ToolBreakers, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_breakers, "MAX_KEPT", 2)
    tools = [alter(tenant_id=TenantId(str(number))) for number in range(5)]
    for tool in tools:
        silence(breakers, clock, tool)
    assert [breakers.refuse(tool) is not None for tool in tools] == [False] * 3 + [True] * 2


def test_a_tool_that_is_left_alone_is_shown_to_operators(
    breakers: ToolBreakers, clock: SettableClock
) -> None:
    call(breakers, clock, SILENCE)
    assert breakers.find_trouble(TOOL) is None
    call(breakers, clock, SILENCE)
    call(breakers, clock, SILENCE)
    assert "asked again in 30 s" in (breakers.find_trouble(TOOL) or "")
    clock.advance(FIRST_REST_S)
    assert "with the next question" in (breakers.find_trouble(TOOL) or "")
    call(breakers, clock, ANSWER)
    assert breakers.find_trouble(TOOL) is None


def test_only_what_goes_over_the_network_is_guarded(breakers: ToolBreakers) -> None:
    kinds = ("n8n_webhook", "integration", "workflow")
    executors = {kind: RecordingExecutor(kind=kind) for kind in kinds}
    guarded = breakers.guard(executors)
    assert {kind: executor.kind for kind, executor in guarded.items()} == {k: k for k in kinds}
    assert [kind for kind in kinds if guarded[kind] is executors[kind]] == ["workflow"]
