"""What a running node sees: its items, its parameters per item, and the services it may use.

Owns the evaluation of parameters and code for one node; which node runs when is left to
``appliance.workflows.engine``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError, Rejected
from appliance.ports.credentials import Credentials
from appliance.ports.data_tables import DataTables
from appliance.ports.outbound_connections import OutboundConnections
from appliance.ports.outbound_http import OutboundHttp
from appliance.workflows.definition import Node, WorkflowDefinition
from appliance.workflows.expressions import fill_in, find_expressions
from appliance.workflows.items import Branches, Item, NodeOutput, Origin, Source, item_record
from appliance.workflows.parameter_rules import select_evaluated
from appliance.workflows.parameters import Parameters
from appliance.workflows.sandbox import MEBIBYTE, SandboxSession

Result = TypeVar("Result")
_ITEMS_AT_ONCE = 100
_MANY_ITEMS = 1_000
_ITEM_BYTES = 100


async def breathe(index: int) -> None:
    """Let others have the event loop, and a deadline be heard, after every 100 items of a list."""
    if index % _ITEMS_AT_ONCE == _ITEMS_AT_ONCE - 1:
        await asyncio.sleep(0)


class Trigger(Struct, frozen=True, kw_only=True):
    """What started the run, as the start node hands it on.

    ``items`` are those of the workflow that executes this one.
    """

    body: JsonObject
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    items: list[Item] | None = None


class WebhookResponse(Struct, frozen=True, kw_only=True):
    """What a Respond to Webhook node answered."""

    body: JsonValue
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class RunState(Struct, kw_only=True):
    """What the nodes of one run share.

    ``sleep`` waits for some seconds, ``left_s`` says how many the run has left. ``aside`` has
    threads for what would keep everybody else from the event loop. ``find_workflow``
    returns a stored export by its name or id, ``run_child`` what an export makes of some items.
    """

    definition: WorkflowDefinition
    trigger: Trigger
    tenant_id: TenantId
    time_zone: str
    started_at: datetime
    data_tables: DataTables
    http: OutboundHttp
    connections: OutboundConnections | None
    credentials: Credentials | None
    session: SandboxSession
    aside: Executor
    max_items: int
    max_bytes: int
    sleep: Callable[[float], Awaitable[None]]
    left_s: Callable[[], float]
    find_workflow: Callable[[str], Awaitable[JsonObject | None]]
    run_child: Callable[[JsonObject, list[Item]], Awaitable[list[Item]]]
    outputs: dict[str, list[NodeOutput]] = field(default_factory=dict)
    unsent: list[tuple[str, int]] = field(default_factory=list)
    response: WebhookResponse | None = None
    node_contexts: dict[str, JsonObject] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    used_secrets: set[str] = field(default_factory=set)
    weight: int = 0

    def record(self, node: str, output: NodeOutput) -> None:
        """Keep what a node put out, for the nodes that refer to it."""
        runs = self.outputs.setdefault(node, [])
        self.unsent.append((node, len(runs)))
        runs.append(output)

    async def weigh(self, items: Sequence[Item], known: Iterable[Item]) -> None:
        """Add what ``items`` hold to the run's weight, but for what they share with ``known`` ones.

        A run keeps all that its nodes put out, since later nodes may refer to it.

        Raises:
            Rejected: The run holds more than ``max_bytes``, measured as JSON.
        """
        shared = {id(item.json) for item in known}
        for index, item in enumerate(items):
            await breathe(index)
            if item.is_weighed:
                continue
            item.is_weighed = True
            self.weight += _ITEM_BYTES
            if id(item.json) not in shared:
                self.weight += len(msgspec.json.encode(item.json))
            if self.weight > self.max_bytes:
                break
        if self.weight > self.max_bytes:
            raise Rejected(
                f"the run would hold more than {self.max_bytes / MEBIBYTE:g} MB",
                code="workflow_too_large",
            )


class NodeContext:
    """One run of one node."""

    def __init__(
        self,
        state: RunState,
        node: Node,
        inputs: Sequence[list[Item]],
        sources: Sequence[Source | None],
    ) -> None:
        self.state = state
        self.node = node
        self.inputs = list(inputs)
        self.sources = list(sources)

    @property
    def items(self) -> list[Item]:
        """The items of the first input."""
        return self.inputs[0] if self.inputs else []

    @property
    def continues_on_failure(self) -> bool:
        """Whether a failed item is handed on instead of ending the workflow."""
        return self.node.error_policy != "stopWorkflow"

    @property
    def memory(self) -> JsonObject:
        """What the node keeps between its runs of one workflow run; empty at first.

        Expressions see it as ``$('Node').context``.
        """
        return self.state.node_contexts.setdefault(self.node.name, {})

    @property
    def held(self) -> Any:
        """What else the node keeps between its runs, unseen by expressions; ``None`` at first."""
        return self.state.held.get(self.node.name)

    @held.setter
    def held(self, value: Any) -> None:
        self.state.held[self.node.name] = value

    async def parameters(self) -> list[Parameters | ApplianceError]:
        """Evaluate what the node's kind reads for each item of the first input.

        Returns:
            Per item, the values given, or the error that evaluating one of them met.
        """
        wanted = self._wanted()
        results = await self._evaluate(wanted, list(range(len(self.items))))
        filled: list[Parameters | ApplianceError] = []
        for index, by_text in enumerate(results):
            await breathe(index)
            try:
                filled.append(Parameters(dict(fill_in(wanted, by_text))))
            except ApplianceError as exc:
                filled.append(exc)
        return filled

    async def parameters_once(self) -> Parameters:
        """Evaluate for the first item only, for nodes that treat all items at once."""
        wanted = self._wanted()
        results = await self._evaluate(wanted, [0])
        return Parameters(dict(fill_in(wanted, results[0])))

    async def for_each_item(
        self, work: Callable[[Item, Parameters], Awaitable[list[Item]]]
    ) -> list[Item]:
        """Do ``work`` with each item and its parameters, and join what comes of it.

        An item that fails ends the node, or becomes an error item where the node continues on
        failure. Items without an origin get the item they were made of.
        """
        made: list[Item] = []
        for index, values in enumerate(await self.parameters()):
            await breathe(index)
            try:
                if isinstance(values, ApplianceError):
                    raise values
                results = await work(self.items[index], values)
            except ApplianceError as exc:
                if not self.continues_on_failure:
                    raise
                results = [Item(json={"error": exc.message}, error=exc.message)]
            for item in results:
                if item.origins is None:
                    item.origins = (Origin(index),)
            made += results
            self.require_room(len(made))
            await self.state.weigh(results, [self.items[index]])
        return made

    async def work_out(
        self, work: Callable[..., Result], *args: Any, items: int | None = None
    ) -> Result:
        """Return what ``work`` makes of many items at once, in a thread if they are very many.

        ``work`` may change nothing but what it makes. ``items`` says how many there are, unless
        they are those that arrived.
        """
        count = sum(map(len, self.inputs)) if items is None else items
        if count < _MANY_ITEMS:
            return work(*args)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.state.aside, work, *args)

    def require_room(self, count: int) -> None:
        """Refuse to make more items than a node may put out, before they are made.

        Raises:
            Rejected: ``count`` is over the run's limit.
        """
        if count > self.state.max_items:
            raise Rejected(
                f"it would put out {count} items, over {self.state.max_items}",
                code="too_many_items",
            )

    async def test_regex(self, source: str, flags: str, text: str) -> bool:
        """Say whether a JavaScript regular expression matches within ``text``.

        Raises:
            Rejected: It is no regular expression, or took too long.
        """
        request = {"op": "regex", "source": source, "flags": flags, "text": text}
        return bool(await self.state.session.call(request))

    async def run_code(self, code: str, *, is_per_item: bool) -> list[JsonObject]:
        """Run a Code node's JavaScript.

        Returns:
            One result (one per item with ``is_per_item``): ``{"value": …}``, ``{}`` for undefined,
            or ``{"error": …, "line": …}``.

        Raises:
            Rejected: The code cannot be compiled or threw; the message says where.
        """
        answer = await self._call({"op": "code", "code": code, "perItem": is_per_item})
        if "error" in answer:
            raise Rejected(describe_script_error(answer), code="script_failed")
        results: list[JsonObject] = answer["results"]
        return results

    async def run_script(self, source: str, tasks: list[JsonObject]) -> Any:
        """Have a script of this package do ``tasks``, with Luxon, and return what it answers."""
        code = f"return ({source})(DateTime, Duration)({msgspec.json.encode(tasks).decode()});"
        (answer,) = await self.run_code(code, is_per_item=False)
        return answer.get("value")

    async def evaluate(self, value: JsonValue, index: int, *, page: JsonObject) -> JsonValue:
        """Evaluate a literal parameter's expressions for one item.

        Args:
            value: As the file has it.
            index: The item's.
            page: What ``$pageCount``, ``$request`` and ``$response`` say.
        """
        wanted = {"value": value}
        (by_text,) = await self._evaluate(wanted, [index], page=page)
        filled = fill_in(wanted, by_text)
        return filled.get("value") if isinstance(filled, dict) else None

    def _wanted(self) -> JsonObject:
        rules = self.state.definition.kinds[self.node.name].parameters
        return select_evaluated(self.node.parameters, rules)

    async def _evaluate(
        self, wanted: JsonObject, indexes: list[int], *, page: JsonObject | None = None
    ) -> list[dict[str, JsonObject]]:
        expressions = {
            expression.text: expression.template
            for expression in find_expressions(wanted)
            if not expression.is_static
        }
        if not expressions or not indexes:
            return [{} for _ in indexes]
        templates = list(expressions.values())
        rows = await self._call(
            {"op": "evaluate", "items": indexes, "templates": templates}, page=page
        )
        return [dict(zip(expressions, row, strict=True)) for row in rows]

    async def _call(self, request: JsonObject, *, page: JsonObject | None = None) -> Any:
        """Tell the sandbox what it does not know yet, and ask it."""
        state = self.state
        if state.definition.needs_history:
            unsent, state.unsent = state.unsent, []
            count = sum(len(b) for name, run in unsent for b in state.outputs[name][run].branches)
            request["outputs"] = await self.work_out(
                _describe_outputs, state.outputs, unsent, items=count
            )
        request["call"] = {
            "input": await self.work_out(_describe_items, self.inputs or [[]]),
            "source": self.sources,
            "node": {
                "id": self.node.id,
                "name": self.node.name,
                "version": self.node.type_version,
                "parameters": self.node.parameters,
            },
            "runIndex": len(state.outputs.get(self.node.name, ())),
            "contexts": state.node_contexts,
            "page": page,
        }
        return await state.session.call(request)


def describe_script_error(answer: JsonObject) -> str:
    """Return a script's error as a sentence without its stack."""
    line = answer.get("line")
    place = f" (line {line})" if line else ""
    return f"the code failed: {answer['error']}{place}"


def _describe_outputs(
    outputs: dict[str, list[NodeOutput]], unsent: list[tuple[str, int]]
) -> list[JsonObject]:
    described: list[JsonObject] = []
    for name, run in unsent:
        output = outputs[name][run]
        record = {"source": output.sources, "branches": _describe_items(output.branches)}
        data = msgspec.json.encode(record).decode()
        described.append({"node": name, "run": run, "data": data})
    return described


def _describe_items(branches: Branches) -> list[list[JsonObject]]:
    return [[item_record(item) for item in branch] for branch in branches]
