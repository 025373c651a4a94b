"""An n8n export, read into structs and checked for what cannot run here.

Owns the file format; which nodes exist is asked of ``appliance.workflows.registry``, and running is
left to ``appliance.workflows.engine``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from appliance.domain.json_types import JsonObject
from appliance.errors import FieldError, InvalidInput
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import MAX_OUTPUTS, NodeKind, find_kind
from appliance.workflows.time_zones import load_zone_table

OnError = Literal["stopWorkflow", "continueRegularOutput", "continueErrorOutput"]
MAX_NODES = 1_000
MAX_INPUTS = 64
MAX_LINKS = 1_000
"""The most connections that leave one node."""
_DATES = re.compile(r"\$(?:now|today)\b|toDateTime|\b(?:DateTime|Duration|Interval)\b")
_FORMATS = re.compile(r"\bIntl\b|\btoLocale")
IGNORED_TYPES = frozenset({"n8n-nodes-base.stickyNote"})
START_ORDER = ("webhook", "manualTrigger", "scheduleTrigger", "executeWorkflowTrigger")
CALLED_ORDER = ("executeWorkflowTrigger", "manualTrigger")


class CredentialName(Struct, frozen=True):
    """A stored credential as an export names it; ``id`` is n8n's own and means nothing here."""

    name: str
    id: str | int | None = None


class Node(Struct, kw_only=True, frozen=True, rename="camel"):
    """One node, as the export has it; ``position`` decides the order of parallel branches.

    ``credentials`` names one stored credential per kind of credential.
    """

    name: str
    type: str
    id: str = ""
    type_version: float = 1
    parameters: JsonObject = field(default_factory=dict)
    credentials: dict[str, CredentialName] = field(default_factory=dict)
    position: tuple[float, float] = (0.0, 0.0)
    disabled: bool = False
    on_error: OnError | None = None
    continue_on_fail: bool = False
    retry_on_fail: bool = False
    max_tries: int = 3
    wait_between_tries: int = 1000
    execute_once: bool = False
    always_output_data: bool = False

    @property
    def short_type(self) -> str:
        """The type without its package."""
        return self.type.rpartition(".")[2]

    @property
    def given(self) -> Parameters:
        """The parameters as the file has them, for those that cannot hold expressions."""
        return Parameters(self.parameters)

    @property
    def error_policy(self) -> OnError:
        """What a failure of this node does to the workflow."""
        if self.on_error is not None:
            return self.on_error
        return "continueRegularOutput" if self.continue_on_fail else "stopWorkflow"


class Link(Struct, frozen=True):
    """A connection's far end: a node by name, and which of its inputs."""

    node: str
    type: str = "main"
    index: int = 0


class Settings(Struct, frozen=True, rename="camel"):
    """The export's settings that change how it runs."""

    execution_order: str = "v1"
    timezone: str | None = None


class _Export(Struct, kw_only=True, rename="camel"):
    nodes: list[Node]
    connections: dict[str, dict[str, list[list[Link] | None]]] = field(default_factory=dict)
    name: str = "Workflow"
    id: str | int | None = None
    settings: Settings | None = None


class WorkflowDefinition(Struct, kw_only=True, frozen=True, dict=True):
    """A workflow that can run here.

    ``links`` holds, per node and output, where that output leads. ``input_counts`` holds how many
    inputs of a node are connected. ``called`` is where it starts when another workflow executes
    it. ``text`` is the export's parameters, for cheap searches.
    """

    id: str
    name: str
    nodes: dict[str, Node]
    kinds: dict[str, NodeKind]
    links: dict[str, list[list[Link]]]
    input_counts: dict[str, int]
    start: str
    called: str | None
    settings: Settings
    text: str

    @property
    def webhook_path(self) -> str | None:
        """The path of the Webhook node it starts with, if that is how it starts."""
        node = self.nodes[self.start]
        if node.short_type != "webhook":
            return None
        return node.given.text("path") or None

    @cached_property
    def has_dates(self) -> bool:
        """Whether its scripts are expected to use Luxon."""
        return _DATES.search(self.text) is not None

    @cached_property
    def has_formats(self) -> bool:
        """Whether its scripts are expected to write dates or numbers as a language does."""
        return _FORMATS.search(self.text) is not None

    @cached_property
    def needs_history(self) -> bool:
        """Whether anything in it may look at the output of an earlier node."""
        return any(mark in self.text for mark in ("$(", "$node", "$items"))

    @property
    def node_names(self) -> list[str]:
        """The nodes' names in the order of the export."""
        return list(self.nodes)


def parse_definition(export: JsonObject) -> WorkflowDefinition:
    """Read an n8n export.

    Raises:
        InvalidInput: It is no workflow (``validation_failed``), or holds nodes, versions or modes
            that cannot run here (``unsupported_node``, all named in the message and ``errors``).
    """
    parsed = _parse(export)
    nodes = _unique_nodes(parsed.nodes)
    links = _checked_links(parsed.connections, nodes)
    kinds = _supported_kinds(nodes.values())
    return WorkflowDefinition(
        id=str(parsed.id or ""),
        name=parsed.name,
        nodes=nodes,
        kinds=kinds,
        links=links,
        input_counts=_input_counts(links),
        start=_find_start(nodes),
        called=_find_first(nodes, CALLED_ORDER),
        settings=_checked_settings(parsed.settings or Settings()),
        text=msgspec.json.encode([node.parameters for node in nodes.values()]).decode(),
    )


def _parse(export: JsonObject) -> _Export:
    for required in ("nodes", "connections"):
        if required not in export:
            raise InvalidInput(
                f"This is no n8n workflow: it has no {required!r}.",
                errors=[FieldError(required, "is missing; export the workflow from n8n as a file")],
            )
    present = {
        key: value
        for key, value in export.items()
        if key in {"nodes", "connections", "name", "id", "settings"} and value is not None
    }
    try:
        return msgspec.convert(_tidied(present), _Export, strict=False)
    except msgspec.ValidationError as exc:
        reason, _, path = str(exc).partition(" - at `")
        where = path.rstrip("`").removeprefix("$.") or "nodes"
        raise InvalidInput(
            f"This is no n8n workflow: {reason} (at {where}).", errors=[FieldError(where, reason)]
        ) from exc


def _checked_settings(settings: Settings) -> Settings:
    zone = settings.timezone
    if zone and zone != "DEFAULT" and load_zone_table(zone) is None:
        raise InvalidInput(
            f"The workflow's time zone {zone!r} does not exist.",
            errors=[FieldError("settings.timezone", f"{zone!r} is no IANA time zone")],
        )
    return settings


def _tidied(export: JsonObject) -> JsonObject:
    """Drop the nulls that older exports hold instead of leaving a field out."""
    nodes: Any = export.get("nodes")
    if not isinstance(nodes, list):
        return export
    return {**export, "nodes": [_tidied_node(node) for node in nodes]}


def _tidied_node(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if value is not None}
    if isinstance(credentials := kept.get("credentials"), dict):  # oldest exports hold only names
        kept["credentials"] = {
            kind: {"name": chosen} if isinstance(chosen, str) else chosen
            for kind, chosen in credentials.items()
        }
    return kept


def _unique_nodes(nodes: list[Node]) -> dict[str, Node]:
    unique: dict[str, Node] = {}
    if len(nodes) > MAX_NODES:
        raise InvalidInput(
            f"The workflow has {len(nodes)} nodes, over {MAX_NODES}; split it into several.",
            errors=[FieldError("nodes", f"holds more than {MAX_NODES}")],
        )
    for node in nodes:
        if node.type in IGNORED_TYPES:
            continue
        if node.name in unique:
            raise InvalidInput(
                f"Two nodes are named {node.name!r}; names must be unique.",
                errors=[FieldError("nodes", f"{node.name!r} occurs twice")],
            )
        unique[node.name] = node
    return unique


def _checked_links(
    connections: dict[str, dict[str, list[list[Link] | None]]], nodes: dict[str, Node]
) -> dict[str, list[list[Link]]]:
    links: dict[str, list[list[Link]]] = {}
    for origin, by_type in connections.items():
        outputs = [list(output or ()) for output in by_type.get("main", [])]
        ends = [link for output in outputs for link in output]
        _check_bounds(origin, outputs, ends)
        unknown = [name for name in (origin, *(end.node for end in ends)) if name not in nodes]
        if ends and unknown:
            raise InvalidInput(
                f"A connection names the node {unknown[0]!r}, which does not exist.",
                errors=[FieldError(f"connections.{origin}", f"no node named {unknown[0]!r}")],
            )
        if ends:
            links[origin] = outputs
    return links


def _check_bounds(origin: str, outputs: list[list[Link]], ends: list[Link]) -> None:
    problem = ""
    if len(outputs) > MAX_OUTPUTS + 1:  # one more: a node's errors leave by an output of their own
        problem = f"leads from output {len(outputs) - 1}, over {MAX_OUTPUTS}"
    for end in ends:
        if not 0 <= end.index < MAX_INPUTS:
            problem = f"leads to input {end.index}; inputs are 0 to {MAX_INPUTS - 1}"
    if len(ends) > MAX_LINKS:
        problem = f"has {len(ends)} connections, over {MAX_LINKS}"
    if problem:
        raise InvalidInput(
            f"Node {origin!r} {problem}.",
            errors=[FieldError(f"connections.{origin}", problem)],
        )


def _supported_kinds(nodes: Iterable[Node]) -> dict[str, NodeKind]:
    kinds: dict[str, NodeKind] = {}
    problems: list[FieldError] = []
    for node in nodes:
        kind = find_kind(node.type)
        if node.disabled and kind is None:
            continue
        if kind is None:
            problems.append(FieldError(f"nodes.{node.name}", f"{node.type} cannot run here"))
        elif not node.disabled and not kind.supports(node.type_version):
            problems.append(
                FieldError(
                    f"nodes.{node.name}",
                    f"{node.type} version {node.type_version:g} cannot run here; known versions "
                    f"are {kind.min_version:g} to {kind.max_version:g}",
                )
            )
        else:
            kinds[node.name] = kind
            if not node.disabled:
                problems += [
                    FieldError(f"nodes.{node.name}", f"{node.type}: {problem}")
                    for problem in kind.find_problems(node)
                ]
    if problems:
        named = "; ".join(f"{p.field.removeprefix('nodes.')!r} ({p.message})" for p in problems)
        raise InvalidInput(
            f"The embedded runner cannot run these nodes: {named}.",
            code="unsupported_node",
            errors=problems,
        )
    return kinds


def _find_start(nodes: dict[str, Node]) -> str:
    found = _find_first(nodes, START_ORDER)
    if found is None:
        raise InvalidInput(
            "The workflow has no enabled trigger to start from: a Webhook, or a Manual, Schedule "
            "or Execute Workflow Trigger.",
            errors=[FieldError("nodes", "add a Webhook node")],
        )
    return found


def _find_first(nodes: dict[str, Node], short_types: Sequence[str]) -> str | None:
    enabled = [node for node in nodes.values() if not node.disabled]
    ranked = (node for kind in short_types for node in enabled if node.short_type == kind)
    return next((node.name for node in ranked), None)


def _input_counts(links: dict[str, list[list[Link]]]) -> dict[str, int]:
    inputs: dict[str, int] = {}
    for outputs in links.values():
        for output in outputs:
            for link in output:
                inputs[link.node] = max(inputs.get(link.node, 0), link.index + 1)
    return inputs
