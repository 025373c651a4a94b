"""Workflows that try one node or rule each, with inputs: the embedded runner and n8n must agree."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.workflows.expression_cases import EXPRESSION_CASES, SAMPLE

FOLDER = Path(__file__).parent / "conformance"
ANSWERS = Path(__file__).parent / "conformance-answers.json"


def with_echo(body: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a body whose ``echo`` is the address of the echo server, where it has one."""
    return {**body, "echo": url} if "echo" in body else body


def conformance_workflows() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return every workflow with the bodies to call it with."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        found.append((case["workflow"], case["inputs"]))
    found.append((expression_workflow(), [SAMPLE]))
    return found


def record_answers(answers: list[tuple[str, tuple[int, Any]]]) -> None:
    """Keep n8n's answers to the conformance inputs, by workflow, in the order of its inputs.

    Those of workflows that were not called stay.
    """
    before = load_answers()
    called = {name for name, _ in answers}
    kept: dict[str, list[Any]] = {
        export["name"]: [] if export["name"] in called else before.get(export["name"], [])
        for export, _ in conformance_workflows()
    }
    for name, answer in answers:
        if name in kept:
            kept[name].append(list(answer))
    lines = [f" {json.dumps(name)}: {json.dumps(kept[name], ensure_ascii=False)}" for name in kept]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def load_answers() -> dict[str, list[Any]]:
    """Return n8n's answers as recorded: ``[status, body]`` per input, by workflow."""
    answers: dict[str, list[Any]] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return answers


def expression_workflow() -> dict[str, Any]:
    """Return a workflow whose Set node evaluates every expression of ``EXPRESSION_CASES``."""
    kinds = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
    assignments = [
        {
            "id": f"e{number}",
            "name": f"e{number}",
            "value": f"={expression}",
            "type": kinds.get(type(expected), "object"),
        }
        for number, (expression, expected) in enumerate(EXPRESSION_CASES)
    ]
    webhook = {"httpMethod": "POST", "path": "expressions", "responseMode": "lastNode"}
    first = {"assignments": [{"id": "d", "name": "data", "value": "={{ $json.body }}",
                              "type": "object"}]}  # fmt: skip
    nodes = [
        _node("Webhook", "webhook", 2.1, 0, {**webhook, "options": {}}, webhookId="expressions"),
        _node("Sample", "set", 3.4, 1, {"assignments": first, "options": {}}),
        _node("Spread", "set", 3.4, 2, {"mode": "raw", "jsonOutput": "={{ $json.data }}",
                                        "options": {}}),
        _node("Evaluate", "set", 3.4, 3, {"assignments": {"assignments": assignments},
                                          "options": {}}),
    ]  # fmt: skip
    names = [node["name"] for node in nodes]
    connections = {
        origin: {"main": [[{"node": target, "type": "main", "index": 0}]]}
        for origin, target in pairwise(names)
    }
    return {
        "id": "testExpressions",
        "name": "expressions",
        "nodes": nodes,
        "connections": connections,
        "settings": {"executionOrder": "v1"},
    }


def _node(
    name: str, kind: str, version: float, column: int, parameters: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "id": name.lower(),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [column * 220, 0],
        "parameters": parameters,
        **more,
    }
