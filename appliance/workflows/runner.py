"""Runs a tenant's workflow and says what came of it.

Owns the run's surroundings: the sandbox, the cache of read definitions, the trigger's data, and the
trace. The order of nodes is left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

import msgspec
import structlog
from msgspec import Struct, structs

from appliance.domain.ids import TenantId, new_id
from appliance.domain.json_types import MAX_NESTING, JsonObject, is_deeper
from appliance.domain.secrets import mask_known, mask_text
from appliance.errors import ApplianceError, FieldError, InvalidInput, Rejected
from appliance.ports.clock import Clock
from appliance.ports.credentials import Credentials
from appliance.ports.data_tables import DataTables
from appliance.ports.outbound_connections import OutboundConnections
from appliance.ports.outbound_http import OutboundHttp
from appliance.ports.workflow_engine import NodeTrace, WorkflowRun, WorkflowSummary
from appliance.workflows.definition import WorkflowDefinition, parse_definition
from appliance.workflows.engine import Engine, EngineLimits, NodeRun, Sleep
from appliance.workflows.items import Item, item_record
from appliance.workflows.node_context import RunState, Trigger
from appliance.workflows.response import build_response
from appliance.workflows.sandbox import Sandbox, SandboxLimits

logger = structlog.get_logger(__name__)
FindWorkflow = Callable[[str], Awaitable[JsonObject | None]]
"""Returns the export of a stored workflow by its name or id, ``None`` where there is none."""
MAX_DEPTH = 10
"""How many workflows may execute one another, each within the one before."""
_CACHED_DEFINITIONS = 256
_TOO_DEEP = f"Its answer is JSON that is nested more than {MAX_NESTING} levels deep."
_THREADS_ASIDE = 2


async def _find_none(_reference: str) -> None:
    return None


class WorkflowRunner:
    """Runs workflows for all tenants. Close it when the server stops.

    Without ``find_workflow`` a workflow can execute only those that it holds itself; without
    ``connections`` it sends no mail, and without ``credentials`` it has none.
    """

    def __init__(
        self,
        data_tables: DataTables,
        http: OutboundHttp,
        clock: Clock,
        *,
        limits: EngineLimits | None = None,
        sandbox_limits: SandboxLimits | None = None,
        sleep: Sleep = asyncio.sleep,
        find_workflow: FindWorkflow = _find_none,
        connections: OutboundConnections | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self._connections = connections
        self._credentials = credentials
        self._find_workflow = find_workflow
        self._data_tables = data_tables
        self._http = http
        self._clock = clock
        self._limits = limits or EngineLimits()
        self._sandbox = Sandbox(sandbox_limits)
        self._aside = ThreadPoolExecutor(_THREADS_ASIDE, thread_name_prefix="workflow-items")
        self._sleep = sleep
        self._definitions: OrderedDict[bytes, WorkflowDefinition] = OrderedDict()

    def load(self, export: JsonObject) -> WorkflowDefinition:
        """Return the export, read and checked; the last ones read are kept.

        Raises:
            InvalidInput: As ``parse_definition`` says.
        """
        try:
            key = msgspec.json.encode(export)
        except (RecursionError, ValueError, TypeError) as exc:
            raise InvalidInput(
                "This is no n8n workflow: it is nested too deeply or holds what is no JSON.",
                errors=[FieldError("nodes", "cannot be written as JSON")],
            ) from exc
        known = self._definitions.get(key)
        if known is None:
            known = self._definitions[key] = parse_definition(export)
            if len(self._definitions) > _CACHED_DEFINITIONS:
                self._definitions.popitem(last=False)
        self._definitions.move_to_end(key)
        return known

    def summarise(self, export: JsonObject) -> WorkflowSummary:
        """Return what the export holds.

        Raises:
            InvalidInput: As ``parse_definition`` says.
        """
        definition = self.load(export)
        return WorkflowSummary(
            name=definition.name,
            nodes=[{"name": node.name, "type": node.type} for node in definition.nodes.values()],
            webhook_path=definition.webhook_path,
        )

    async def run(
        self,
        definition: JsonObject | WorkflowDefinition,
        input: JsonObject,
        *,
        tenant_id: TenantId,
        time_zone: str,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        config: JsonObject | None = None,
        debug: bool = False,
    ) -> WorkflowRun:
        """Run a workflow to its end and return its answer.

        Args:
            definition: An n8n export, or one that ``load`` returned.
            input: The webhook's JSON body.
            tenant_id: Whose data tables its nodes read and write.
            time_zone: For ``$now`` and ``$today``, where the workflow's settings name none.
            headers: The webhook's headers, as the Webhook node shows them.
            query: The webhook's query parameters.
            config: The tool's configuration; reaches the workflow as ``body._config``.
            debug: Keep each node's output in the trace.

        Raises:
            InvalidInput: The export cannot run here.
            Rejected: A node failed, or the run went too far; the message names the node.
            Unavailable: The deadline passed, or a node met something that may work later.
            AuthFailed: A node's credential was refused.
        """
        finished = await self.run_traced(
            definition,
            input,
            tenant_id=tenant_id,
            time_zone=time_zone,
            headers=headers,
            query=query,
            config=config,
            debug=debug,
        )
        if finished.error is not None:
            raise finished.error
        return finished

    async def run_traced(
        self,
        definition: JsonObject | WorkflowDefinition,
        input: JsonObject,
        *,
        tenant_id: TenantId,
        time_zone: str,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        config: JsonObject | None = None,
        debug: bool = False,
    ) -> WorkflowRun:
        """Run as ``run`` does, but return a failed run too, with its ``error`` and trace.

        Raises:
            InvalidInput: The export cannot run here.
        """
        if not isinstance(definition, WorkflowDefinition):
            definition = self.load(definition)
        body = {**input, "_config": config} if config else input
        call = _Call(
            tenant_id=tenant_id,
            time_zone=time_zone,
            trigger=Trigger(body=body, headers=headers or {}, query=query or {}),
            ends_at=self._clock.monotonic() + self._limits.deadline_s,
        )
        with self._open(definition, call) as state:
            return await self._finish(state, debug=debug)

    @contextmanager
    def _open(self, definition: WorkflowDefinition, call: _Call) -> Iterator[RunState]:
        """Give what the nodes of one run share, and throw its sandbox away at the end."""
        zone = _chosen_zone(definition, call.time_zone)

        async def run_child(export: JsonObject, items: list[Item]) -> list[Item]:
            return await self._run_child(structs.replace(call, weight=state.weight), export, items)

        opened = self._sandbox.session(
            self._begin(definition, zone),
            owner=call.tenant_id,
            has_dates=definition.has_dates,
            has_formats=definition.has_formats,
        )
        with opened as session:
            state = RunState(
                definition=definition,
                trigger=call.trigger,
                tenant_id=call.tenant_id,
                time_zone=zone,
                started_at=self._clock.now(),
                data_tables=self._data_tables,
                http=self._http,
                connections=self._connections,
                credentials=self._credentials,
                session=session,
                aside=self._aside,
                max_items=self._limits.items,
                max_bytes=self._limits.bytes,
                sleep=self._sleep,
                left_s=lambda: call.ends_at - self._clock.monotonic(),
                find_workflow=self._find_workflow,
                run_child=run_child,
                weight=call.weight,
            )
            yield state

    async def _run_child(self, call: _Call, export: JsonObject, items: list[Item]) -> list[Item]:
        """Return what a workflow makes of ``items`` for another one that executes it."""
        if call.depth >= MAX_DEPTH:
            raise Rejected(f"more than {MAX_DEPTH} workflows execute one another")
        definition = self.load(export)
        if definition.called is None:
            raise Rejected(
                f"the workflow {definition.name!r} has no Execute Workflow Trigger to start from"
            )
        body = items[0].json if items else {}
        inner = structs.replace(call, trigger=Trigger(body=body, items=items), depth=call.depth + 1)
        with self._open(definition, inner) as state:
            engine = Engine(state, clock=self._clock, limits=self._limits, sleep=self._sleep)
            try:
                await engine.run(definition.called)
            except ApplianceError as exc:
                raise type(exc)(f"in workflow {definition.name!r}: {exc.message}") from exc
            branches = engine.node_runs[-1].branches if engine.node_runs else []
        return branches[0] if branches else []

    def close(self) -> None:
        """Stop the threads; nothing waits for what they are at."""
        self._sandbox.close()
        self._aside.shutdown(wait=False, cancel_futures=True)

    async def _finish(self, state: RunState, *, debug: bool) -> WorkflowRun:
        engine = Engine(state, clock=self._clock, limits=self._limits, sleep=self._sleep)
        started = self._clock.monotonic()
        error: ApplianceError | None = None
        response = None
        try:
            await engine.run()
            response = build_response(state, engine.node_runs)
            if is_deeper(response.body, MAX_NESTING):
                response = None
                raise Rejected(_TOO_DEEP, code="workflow_failed")
        except ApplianceError as exc:
            error = exc
        except Exception:
            # As for a node (engine.py): a turn or a request must not end by what a workflow holds.
            logger.exception("workflow_broken", workflow=state.definition.name)
            error = Rejected(
                "The workflow met something unexpected; the server's log has the details.",
                code="workflow_failed",
            )
        return WorkflowRun(
            output=mask_known(response.body, state.used_secrets) if response else None,
            status_code=response.status_code if response else 500,
            headers=response.headers if response else {},
            nodes=[_trace(run, state.used_secrets, debug=debug) for run in engine.node_runs],
            duration_ms=round((self._clock.monotonic() - started) * 1000, 3),
            error=error,
        )

    def _begin(self, definition: WorkflowDefinition, time_zone: str) -> JsonObject:
        shows_parameters = "params" in definition.text or ".parameter" in definition.text
        return {
            "nodes": {
                name: node.parameters if shows_parameters else {}
                for name, node in definition.nodes.items()
            },
            "workflow": {"id": definition.id, "name": definition.name, "active": True},
            "execution": {"id": new_id(), "mode": "production"},
            "nowMs": int(self._clock.now().timestamp() * 1000),
            "timeZone": time_zone,
        }


class _Call(Struct, frozen=True, kw_only=True):
    """What a run was started with; ``ends_at`` is in monotonic seconds.

    ``weight`` is that of the runs around it.
    """

    tenant_id: TenantId
    time_zone: str
    trigger: Trigger
    ends_at: float
    depth: int = 1
    weight: int = 0


def _chosen_zone(definition: WorkflowDefinition, time_zone: str) -> str:
    named = definition.settings.timezone
    return named if named and named != "DEFAULT" else time_zone


def _trace(run: NodeRun, secrets: set[str], *, debug: bool) -> NodeTrace:
    """Return a node's run for people; an output nested too deeply to be shown is left out."""
    items = [item for branch in run.branches for item in branch]
    is_shown = debug and not any(is_deeper(item.json, MAX_NESTING) for item in items)
    return NodeTrace(
        name=run.name,
        items=run.items,
        duration_ms=run.duration_ms,
        error=mask_text(run.error, secrets),
        output=[
            [cast("JsonObject", mask_known(item_record(item), secrets)) for item in branch]
            for branch in run.branches
        ]
        if is_shown
        else None,
    )
