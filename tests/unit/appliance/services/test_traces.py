"""Writing traces behind the turns' backs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest_asyncio
import structlog

from appliance.agent.trace import TurnTrace
from appliance.domain.conversation import Conversation
from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.trace import StoredTrace
from appliance.errors import StorageError
from appliance.ports.trace_export import TraceExporter
from appliance.ports.turn_store import TurnAccepted
from appliance.services import traces
from appliance.services.traces import TraceRecorder
from appliance.tasks import TaskGroup
from tests.fakes.clock import SettableClock

TENANT = TenantId("t")
CLOCK = SettableClock()


class Store:
    """Keeps batches; ``fails`` as often as it is told, and takes none with a ``broken`` trace."""

    def __init__(self) -> None:
        self.batches: list[list[StoredTrace]] = []
        self.fails = 0
        self.broken: str | None = None

    async def add(self, traces: Sequence[StoredTrace]) -> None:
        if self.fails:
            self.fails -= 1
            raise StorageError("The disk is full.")
        if self.broken in [trace.message_id for trace in traces]:
            raise ValueError(f"cannot write {traces}")
        self.batches.append(list(traces))

    async def list_traces(self, conversation_id: ConversationId) -> list[StoredTrace]:
        return [trace for batch in self.batches for trace in batch]


class Stage:
    def __init__(self, exporter: TraceExporter | None = None) -> None:
        self.store = Store()
        self.tasks = TaskGroup()
        self.recorder = TraceRecorder(
            store=self.store, clock=CLOCK, tasks=self.tasks, exporter=exporter, gather_s=0
        )

    def record(self, *message_ids: str) -> None:
        for message_id in message_ids:
            trace = TurnTrace()
            trace.note("outcome", message=message_id)
            conversation = Conversation(
                id=ConversationId("c"), tenant_id=TENANT, started_at=CLOCK.now()
            )
            accepted = TurnAccepted(
                conversation=conversation,
                user_message_id=MessageId(message_id),
                fencing_token=1,
                is_new_session=True,
            )
            self.recorder.record(accepted, trace, tenant_id=TENANT)

    @property
    def kept(self) -> list[str]:
        return [trace.message_id for batch in self.store.batches for trace in batch]


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    await stage.tasks.drain(timeout_s=5)


async def test_traces_that_come_together_are_written_together(stage: Stage) -> None:
    stage.record("a", "b", "c")
    assert stage.store.batches == []
    await stage.tasks.drain(timeout_s=5)
    assert [len(batch) for batch in stage.store.batches] == [3]
    assert stage.store.batches[0][0].steps[0].detail == {"message": "a"}


async def test_an_exporter_is_told_of_every_trace_also_of_one_that_is_not_kept() -> None:
    exported: list[StoredTrace] = []

    class Exporter:
        def export(self, trace: StoredTrace) -> None:
            exported.append(trace)

    stage = Stage(Exporter())
    stage.store.fails = 1
    stage.record("a", "b")
    await stage.tasks.drain(timeout_s=5)
    assert [trace.message_id for trace in exported] == ["a", "b"]


async def test_many_are_written_in_batches_and_none_is_left(stage: Stage) -> None:
    names = [str(number) for number in range(2 * traces.BATCH + 1)]
    stage.record(*names)
    await stage.tasks.drain(timeout_s=5)
    assert stage.kept == names
    assert max(len(batch) for batch in stage.store.batches) == traces.BATCH


async def test_later_ones_are_written_too(stage: Stage) -> None:
    for name in ("a", "b"):
        stage.record(name)
        await stage.tasks.drain(timeout_s=5)
    assert stage.kept == ["a", "b"]


async def test_what_cannot_be_written_is_told_and_the_next_is_written(stage: Stage) -> None:
    stage.store.fails = 1
    with structlog.testing.capture_logs() as logs:
        stage.record("a")
        await stage.tasks.drain(timeout_s=5)
    stage.record("b")
    await stage.tasks.drain(timeout_s=5)
    assert [line["event"] for line in logs] == ["traces_not_kept"]
    assert stage.kept == ["b"]


async def test_a_trace_that_cannot_be_stored_takes_no_other_with_it(stage: Stage) -> None:
    stage.store.broken = "b"
    with structlog.testing.capture_logs() as logs:
        stage.record("a", "b", "c")
        await stage.tasks.drain(timeout_s=5)
    assert stage.kept == ["a", "c"]
    assert logs == [
        {
            "event": "trace_broken",
            "log_level": "error",
            "error": "ValueError",
            "message_id": "b",
            "tenant_id": TENANT,
        }
    ]


async def test_memory_does_not_grow_while_nothing_can_be_written(stage: Stage) -> None:
    stage.record(*(str(number) for number in range(traces.MAX_WAITING + 5)))
    await stage.tasks.drain(timeout_s=5)
    assert len(stage.kept) == traces.MAX_WAITING
    assert stage.kept[0] == "5"
