"""The trace of a turn."""

from __future__ import annotations

from appliance.agent.trace import TurnTrace
from appliance.domain.trace import TraceStep


def test_steps_keep_their_order_and_count_from_the_turns_beginning() -> None:
    times = iter([10.0, 10.0125, 11.5])
    trace = TurnTrace(lambda: next(times))
    trace.note("cache", is_hit=False)
    trace.note("outcome", finish="complete")
    assert trace.steps == [
        TraceStep(kind="cache", at_ms=12.5, detail={"is_hit": False}),
        TraceStep(kind="outcome", at_ms=1500.0, detail={"finish": "complete"}),
    ]
