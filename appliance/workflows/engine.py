"""Runs a workflow in n8n's order (v1): depth first, the topmost branch before the next.

Owns the order, waiting for several inputs, failures, retries, and the limits of a run. What a node
does is in ``appliance.workflows.nodes``; what a run answers with is in
``appliance.workflows.response``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog
from msgspec import Struct, field

from appliance.errors import ApplianceError, AuthFailed, Rejected, Unavailable
from appliance.ports.clock import Clock
from appliance.workflows.definition import Link, Node
from appliance.workflows.items import Branches, Item, NodeOutput, Source, fill_origins, pass_through
from appliance.workflows.node_context import NodeContext, RunState
from appliance.workflows.sandbox import MEBIBYTE

logger = structlog.get_logger(__name__)
Sleep = Callable[[float], Awaitable[None]]


class EngineLimits(Struct, frozen=True, kw_only=True):
    """How long and how far a run may go.

    ``steps`` counts node runs, ``items`` a node's output, ``bytes`` what all nodes put out as JSON.
    """

    deadline_s: float = 30.0
    steps: int = 10_000
    items: int = 100_000
    bytes: int = 128 * MEBIBYTE


class NodeRun(Struct, kw_only=True):
    """One run of a node as an operator sees it; ``branches`` is what it put out."""

    name: str
    items: int = 0
    duration_ms: float = 0.0
    error: str | None = None
    branches: Branches = field(default_factory=list)


class _Task(Struct):
    node: str
    inputs: list[list[Item]]
    sources: list[Source | None]


class _Waiting(Struct):
    inputs: list[list[Item] | None]
    sources: list[Source | None]


class Engine:
    """One run of a workflow. ``node_runs`` fills while it runs, also when it fails."""

    def __init__(
        self, state: RunState, *, clock: Clock, limits: EngineLimits, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._state = state
        self._definition = state.definition
        self._clock = clock
        self._limits = limits
        self._sleep = sleep
        self._stack: list[_Task] = []
        self._waiting: dict[str, list[_Waiting]] = {}
        self.node_runs: list[NodeRun] = []

    async def run(self, start: str | None = None) -> None:
        """Run from the start node, or from ``start``, until nothing is left to do.

        Raises:
            Rejected: A node failed (``workflow_failed``) or the run took too many steps
                (``workflow_step_limit``); the message names the node.
            Unavailable: The deadline passed (``workflow_timed_out``), or a node met something that
                may work later.
            AuthFailed: A node's credential was refused.
        """
        self._stack.append(_Task(start or self._definition.start, [], []))
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                while (task := self._next_task()) is not None:
                    await self._step(task)
        except TimeoutError:
            at = f" at node {self.node_runs[-1].name!r}" if self.node_runs else ""
            raise Unavailable(
                f"The workflow was stopped{at} after {self._limits.deadline_s:g} seconds.",
                code="workflow_timed_out",
            ) from None

    def _next_task(self) -> _Task | None:
        if not self._stack:
            self._release_waiting()
        return self._stack.pop() if self._stack else None

    async def _step(self, task: _Task) -> None:
        if len(self.node_runs) >= self._limits.steps:
            raise Rejected(
                f"The workflow was stopped at node {task.node!r} after {self._limits.steps} steps; "
                "it seems to loop.",
                code="workflow_step_limit",
            )
        node = self._definition.nodes[task.node]
        if node.execute_once:
            task.inputs = [branch[:1] for branch in task.inputs]
        record = NodeRun(name=node.name)
        self.node_runs.append(record)
        started = self._clock.monotonic()
        try:
            branches = await self._run_node(node, task, record)
        finally:
            record.duration_ms = round((self._clock.monotonic() - started) * 1000, 3)
        record.branches = branches
        record.items = sum(len(branch) for branch in branches)
        if record.items > self._limits.items:
            raise Rejected(
                f"Node {node.name!r} put out {record.items} items, over {self._limits.items}.",
                code="workflow_failed",
            )
        await self._weigh(node, branches, task)
        runs = len(self._state.outputs.get(node.name, ()))
        self._state.record(node.name, NodeOutput(sources=task.sources, branches=branches))
        self._follow_links(node, branches, runs)

    async def _weigh(self, node: Node, branches: Branches, task: _Task) -> None:
        """End the run where it grows too large, whatever the node does about failures."""
        arrived = [item for items in task.inputs for item in items]
        try:
            for branch in branches:
                await self._state.weigh(branch, arrived)
        except Rejected as exc:
            _raise_named(node, exc)

    async def _run_node(self, node: Node, task: _Task, record: NodeRun) -> Branches:
        if node.disabled:
            return [pass_through(task.inputs[0] if task.inputs else [])]
        outputs = self._definition.kinds[node.name].outputs(node)
        context = NodeContext(self._state, node, task.inputs, task.sources)
        try:
            branches = await self._try(node, context)
        except ApplianceError as exc:
            record.error = exc.message
            if node.error_policy == "stopWorkflow":
                _raise_named(node, exc)
            branches = _handed_on(context.items, exc.message)
            branches += [[] for _ in range(outputs - 1)]
        task.sources = context.sources
        fill_origins(branches, task.inputs)
        if node.error_policy == "continueErrorOutput":
            branches = _split_errors(branches, context.items, outputs)
        if node.always_output_data and not any(branches):
            branches = [[Item(json={})], *([] for _ in branches[1:])]
        return branches

    async def _try(self, node: Node, context: NodeContext) -> Branches:
        """Run the node, again where its settings say so: 2 to 5 tries, 5 s apart at most."""
        tries = min(5, max(2, node.max_tries)) if node.retry_on_fail else 1
        kind = self._definition.kinds[node.name]
        while True:
            tries -= 1
            try:
                return await kind.run(context)
            except ApplianceError:
                if tries == 0:
                    raise
            except Exception as exc:
                # A node is the boundary behind which its author's mistakes, and ours, are met: the
                # workflow's own error outputs see a failed node, not a server that broke.
                logger.exception("workflow_node_broken", node=node.name, type=node.type)
                if tries == 0:
                    raise Rejected(
                        f"it met something unexpected ({type(exc).__name__}); the server's log "
                        "has the details",
                        code="node_broken",
                    ) from exc
            await self._sleep(min(5_000, max(0, node.wait_between_tries)) / 1000)

    def _follow_links(self, node: Node, branches: Branches, run: int) -> None:
        ahead: list[tuple[Link, int]] = []
        for output, links in enumerate(self._definition.links.get(node.name, [])):
            if output < len(branches):
                ahead += [(link, output) for link in links if branches[output] or link.index > 0]
        # The stack is popped from its end: the topmost, then leftmost, node goes on last.
        ahead.sort(key=lambda end: self._place(end[0].node), reverse=True)
        for link, output in ahead:
            self._arrive(link, list(branches[output]), Source(node.name, output, run))

    def _place(self, name: str) -> tuple[float, float]:
        x, y = self._definition.nodes[name].position
        return (y, x)

    def _arrive(self, link: Link, items: list[Item], source: Source) -> None:
        inputs = self._definition.input_counts[link.node]
        if inputs == 1:
            if items:
                self._stack.append(_Task(link.node, [items], [source]))
            return
        slots = self._waiting.setdefault(link.node, [])
        slot = next((slot for slot in slots if slot.inputs[link.index] is None), None)
        if slot is None:
            slot = _Waiting([None] * inputs, [None] * inputs)
            slots.append(slot)
        slot.inputs[link.index] = items
        slot.sources[link.index] = source
        if all(arrived is not None for arrived in slot.inputs):
            slots.remove(slot)
            self._start_waiting(link.node, slot)

    def _start_waiting(self, name: str, slot: _Waiting) -> None:
        if any(slot.inputs):
            inputs = [items or [] for items in slot.inputs]
            self._stack.append(_Task(name, inputs, slot.sources))

    def _release_waiting(self) -> None:
        """Start one node that still waits for inputs which will never come."""
        names = sorted((name for name, slots in self._waiting.items() if slots), key=self._place)
        for name in names:
            node = self._definition.nodes[name]
            slot = self._waiting[name][0]
            arrived = sum(items is not None for items in slot.inputs)
            if any(self._leads_to(other, name) for other in names if other != name):
                continue
            self._waiting[name].remove(slot)
            kind = self._definition.kinds.get(name)
            required = kind.required_inputs(node) if kind else 1
            if arrived >= min(required, len(slot.inputs)):
                self._start_waiting(name, slot)
            if self._stack:
                return

    def _leads_to(self, origin: str, target: str) -> bool:
        seen: set[str] = set()
        ahead = [origin]
        while ahead:
            for links in self._definition.links.get(ahead.pop(), []):
                for link in links:
                    if link.node == target:
                        return True
                    if link.node not in seen:
                        seen.add(link.node)
                        ahead.append(link.node)
        return False


def _handed_on(items: list[Item], message: str) -> Branches:
    """Return what follows a failed node: its input, each item marked with the error."""
    return [[Item(json={"error": message}, error=message) for _ in items]]


def _split_errors(branches: Branches, items: list[Item], outputs: int) -> Branches:
    """Move the error items to the last output, with the fields of what they were made of."""
    errors: list[Item] = []
    kept: Branches = []
    for branch in branches[:outputs]:
        kept.append([item for item in branch if item.error is None])
        for item in branch:
            if item.error is None:
                continue
            origin = item.origins[0].item if item.origins else None
            if origin is not None and origin < len(items):
                item.json = {**items[origin].json, **item.json}
            errors.append(item)
    return [*kept, errors]


def _raise_named(node: Node, error: ApplianceError) -> NoReturn:
    """Raise ``error`` with the node's name in it, in the class that says who can act."""
    message = f"Node {node.name!r} failed: {error.message}"
    if isinstance(error, Unavailable):
        raise Unavailable(message, code=error.code, retry_after_s=error.retry_after_s) from error
    if isinstance(error, AuthFailed):
        raise AuthFailed(message, code=error.code) from error
    raise Rejected(message, code="workflow_failed") from error
