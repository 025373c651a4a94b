"""Which parameters n8n's nodes have, for the test that none of them is passed over in silence.

Owns reading them from n8n's own list of nodes and keeping names, defaults and type versions,
nothing else of it:
``python -m tests.workflows.n8n_parameters …/n8n-nodes-base/dist/types/nodes.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.workflows.registry import NodeKind, find_kind, supported_types

KEPT = Path(__file__).parent / "n8n-parameters.json"
_PREFIX = "n8n-nodes-base."


def read_parameters(node_list: Path) -> dict[str, dict[str, Any]]:
    """Return, by node type, every parameter of the versions that run here with its default."""
    listed = json.loads(node_list.read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = {}
    for node_type in supported_types():
        kind = find_kind(node_type)
        assert kind is not None
        by_path: dict[str, Any] = {}
        for description in listed:
            if description["name"] == node_type.removeprefix(_PREFIX) and _runs(kind, description):
                for path, default in _walk(description["properties"], ""):
                    if path not in by_path or not by_path[path]:
                        by_path[path] = default
        found[node_type] = dict(sorted(by_path.items()))
    return found


def read_versions(node_list: Path) -> dict[str, list[float]]:
    """Return, by node type, every version that n8n has of the nodes that run here."""
    found: dict[str, set[float]] = {node_type: set() for node_type in supported_types()}
    for description in json.loads(node_list.read_text(encoding="utf-8")):
        versions = found.get(_PREFIX + description["name"])
        if versions is not None:
            version = description["version"]
            versions.update(version if isinstance(version, list) else [version])
    return {node_type: sorted(versions) for node_type, versions in found.items()}


def _runs(kind: NodeKind, description: dict[str, Any]) -> bool:
    version = description["version"]
    return any(kind.supports(v) for v in (version if isinstance(version, list) else [version]))


def _walk(properties: list[dict[str, Any]], path: str) -> Iterator[tuple[str, Any]]:
    for described in properties:
        name = path + described["name"]
        if described["type"] == "notice":
            continue
        options = described.get("options", [])
        if described["type"] == "collection":
            yield from _walk(options, f"{name}.")
        elif described["type"] == "fixedCollection":
            for group in options:
                yield from _walk(group["values"], f"{name}.{group['name']}.")
        else:
            yield name, described.get("default")


if __name__ == "__main__":
    node_list = Path(sys.argv[1])
    found = {"versions": read_versions(node_list), "parameters": read_parameters(node_list)}
    KEPT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
