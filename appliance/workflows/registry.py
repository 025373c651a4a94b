"""Which nodes can run here: found by walking ``appliance.workflows.nodes``.

Owns the shape of a node kind and the walk, which the frozen build uses too for its hidden imports;
what a node does is in its own module.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct, field

from appliance.errors import Rejected
from appliance.workflows.items import Branches
from appliance.workflows.parameter_rules import Rules, find_parameter_problems

if TYPE_CHECKING:
    from appliance.workflows.definition import Node
    from appliance.workflows.node_context import NodeContext


MAX_OUTPUTS = 256
"""The most regular outputs of a node."""


def _no_problems(_node: Node) -> list[str]:
    return []


def _one(_node: Node) -> int:
    return 1


class NodeKind(Struct, frozen=True, kw_only=True):
    """How nodes of one type run.

    ``parameters`` declares all that the node reads or passes over on purpose; an import with any
    other is refused. ``check`` returns what else in a node cannot run here, one phrase each.
    ``outputs`` says how many regular outputs a node has, ``required_inputs`` how many of a node's
    several inputs must hold data before it runs.
    """

    type: str
    min_version: float
    max_version: float
    run: Callable[[NodeContext], Awaitable[Branches]]
    parameters: Rules = field(default_factory=dict)
    check: Callable[[Node], list[str]] = _no_problems
    outputs: Callable[[Node], int] = _one
    required_inputs: Callable[[Node], int] = _one

    def supports(self, version: float) -> bool:
        """Say whether a node of this type version can run."""
        return self.min_version <= version <= self.max_version

    def find_problems(self, node: Node) -> list[str]:
        """Return what in a node cannot run here, one phrase each."""
        try:
            outputs = self.outputs(node)
            own = self.check(node)
        except Rejected as exc:
            return [exc.message]
        if outputs > MAX_OUTPUTS:
            own = [*own, f"{outputs} outputs, over {MAX_OUTPUTS}"]
        return find_parameter_problems(node.parameters, self.parameters) + own


def node_module_names() -> list[str]:
    """Return the modules that hold nodes, for the registry and for the frozen build."""
    from appliance.workflows import nodes

    names = [f"{nodes.__name__}.{found.name}" for found in pkgutil.iter_modules(nodes.__path__)]
    return sorted(names)


@cache
def _kinds() -> dict[str, NodeKind]:
    kinds: dict[str, NodeKind] = {}
    for module_name in node_module_names():
        kind: NodeKind = importlib.import_module(module_name).KIND
        kinds[kind.type] = kind
    return kinds


def find_kind(node_type: str) -> NodeKind | None:
    """Return how nodes of ``node_type`` run, or ``None`` where they cannot."""
    return _kinds().get(node_type)


def supported_types() -> list[str]:
    """Return every node type that can run here, sorted."""
    return sorted(_kinds())
