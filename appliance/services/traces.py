"""Keeping the traces of turns, behind the turns' backs.

Owns the write-behind: visitors do not wait for it, and what a dying process has not written yet is
lost. A trace tells an operator why an answer came out as it did; it is no record of what was done,
which is in the messages and executions.
"""

from __future__ import annotations

import asyncio

import structlog

from appliance.agent.trace import TurnTrace
from appliance.domain.ids import TenantId
from appliance.domain.trace import StoredTrace
from appliance.errors import StorageError
from appliance.ports.clock import Clock
from appliance.ports.trace_export import TraceExporter
from appliance.ports.traces import TraceStore
from appliance.ports.turn_store import TurnAccepted
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)

GATHER_S = 0.25
MAX_WAITING = 1_000
"""How many traces wait at most while the database cannot be written; the oldest are dropped."""
BATCH = 50


class TraceRecorder:
    """Writes traces in batches; one instance serves all turns.

    Args:
        store: Where they go.
        clock: Tells when a turn was over.
        tasks: Runs the writing.
        exporter: Told of every trace too, if there is one.
        gather_s: How long a first trace waits for others to be written with.
    """

    def __init__(
        self,
        *,
        store: TraceStore,
        clock: Clock,
        tasks: TaskGroup,
        exporter: TraceExporter | None = None,
        gather_s: float = GATHER_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._exporter = exporter
        self._gather_s = gather_s
        self._waiting: list[StoredTrace] = []
        self._writing: asyncio.Task[None] | None = None

    def record(self, accepted: TurnAccepted, trace: TurnTrace, *, tenant_id: TenantId) -> None:
        """Keep a turn's trace soon."""
        stored = StoredTrace(
            tenant_id=tenant_id,
            conversation_id=accepted.conversation.id,
            message_id=accepted.user_message_id,
            created_at=self._clock.now(),
            steps=tuple(trace.steps),
        )
        if self._exporter is not None:
            self._exporter.export(stored)
        self._waiting.append(stored)
        del self._waiting[:-MAX_WAITING]
        if self._writing is None or self._writing.done():
            self._writing = self._tasks.start(self._write(), name="write-traces")

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._gather_s)
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            await self._keep(batch)

    async def _keep(self, batch: list[StoredTrace]) -> None:
        """Write ``batch``; a trace that cannot be stored takes no other turn's with it."""
        try:
            await self._store.add(batch)
        except StorageError as error:
            logger.warning("traces_not_kept", count=len(batch), error=error.message)
        except Exception as error:  # noqa: BLE001 -- the job goes on with the other traces
            if len(batch) == 1:
                # Neither words nor traceback of such an error: it quotes what it could not store.
                about = {"message_id": batch[0].message_id, "tenant_id": batch[0].tenant_id}
                logger.error("trace_broken", error=type(error).__name__, **about)
                return
            for trace in batch:
                await self._keep([trace])
