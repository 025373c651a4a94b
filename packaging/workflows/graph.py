"""What a workflow is written with: nodes, their code, and the links between them.

Owns the form of an n8n export; the workflows themselves are in ``flows``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

CODE = Path(__file__).parent / "code"
SHIPPED = Path(__file__).parents[2] / "bundled-workflows"
_INCLUDE = re.compile(r"^// @include (\w+)\n", re.M)
_OPTIONAL = re.compile(r"\[[^\[\]]*\]")
_PLACE = re.compile(r"\{(\w+)\}")
_SPACE = uuid.UUID("6a1b1f0e-1f0a-5d0e-9f5c-2c9f0b8a7d11")
_GRID = 220
_TYPES = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Flow:
    """A workflow in the making. Nodes are linked in the order in which they are added."""

    def __init__(self, name: str, settings: Json) -> None:
        self.name = name
        self.nodes: list[Json] = []
        self.links: dict[str, list[list[Json]]] = {}
        self._last: tuple[str, int] | None = None
        self.add(
            "Webhook",
            "webhook",
            2.1,
            {
                "httpMethod": "POST",
                "path": name,
                "responseMode": "responseNode",
                "options": {},
            },
            webhookId=self._id("webhook"),
        )
        self.add(
            "Settings",
            "set",
            3.4,
            {
                "mode": "manual",
                "duplicateItem": False,
                "assignments": {"assignments": [self._setting(*pair) for pair in settings.items()]},
                "includeOtherFields": False,
                "options": {},
            },
            notes="What the shop can change: here, or in the tool's configuration, which wins.",
            notesInFlow=True,
        )

    def add(self, node: str, kind: str, version: float, parameters: Json, **more: Any) -> Flow:
        """Add a node behind the last one."""
        self.nodes.append(
            {
                "id": self._id(node),
                "name": node,
                "type": f"n8n-nodes-base.{kind}",
                "typeVersion": version,
                "position": [_GRID * len(self.nodes), 0],
                "parameters": parameters,
                **more,
            }
        )
        if self._last is not None:
            self.link(self._last[0], node, self._last[1])
        self._last = (node, 0)
        return self

    def code(self, node: str, file: str, **constants: Any) -> Flow:
        """Add a Code node with a file of ``code``, what it includes, and constants of its own."""
        head = "".join(
            f"const {name} = {value};\n"
            for name, value in (
                (
                    name,
                    value
                    if isinstance(value, Expression)
                    else json.dumps(value, ensure_ascii=False),
                )
                for name, value in constants.items()
            )
        )
        return self.add(
            node,
            "code",
            2,
            {
                "mode": "runOnceForAllItems",
                "language": "javaScript",
                "jsCode": head + read_code(file),
            },
        )

    def gate(self, node: str, test: str = "$json.go") -> Flow:
        """Add an If node; what follows stands behind its true side."""
        return self.add(
            node,
            "if",
            2.3,
            {
                "conditions": {
                    "options": {
                        "caseSensitive": True,
                        "leftValue": "",
                        "typeValidation": "strict",
                        "version": 3,
                    },
                    "conditions": [
                        {
                            "id": self._id(f"{node} condition"),
                            "leftValue": f"={{{{ {test} }}}}",
                            "rightValue": "",
                            "operator": {
                                "type": "boolean",
                                "operation": "true",
                                "singleValue": True,
                            },
                        }
                    ],
                    "combinator": "and",
                },
                "options": {},
            },
        )

    def find(
        self,
        node: str,
        table: str,
        *conditions: tuple[str, str, str],
        match: str = "all",
        limit: int | None = None,
        is_ordered: bool = False,
    ) -> Flow:
        """Add a node that reads rows; without conditions, all of them."""
        parameters: Json = {**_rows("get", table, conditions, match), "returnAll": limit is None}
        if limit is not None:
            parameters["limit"] = limit
        if is_ordered:
            parameters |= {"orderBy": True, "orderByColumn": "id", "orderByDirection": "ASC"}
        return self.add(node, "dataTable", 1.1, parameters, alwaysOutputData=True)

    def save(self, node: str, table: str, columns: Sequence[str]) -> Flow:
        """Add a node that inserts a row of the item's fields of these names."""
        parameters = {
            **_rows("insert", table, (), "all"),
            **_values(table, {name: f"={{{{ $json.{name} }}}}" for name in columns}),
        }
        return self.add(node, "dataTable", 1.1, parameters)

    def change(
        self, node: str, table: str, values: Json, *conditions: tuple[str, str, str]
    ) -> Flow:
        """Add a node that sets values in the rows that fit."""
        parameters = {**_rows("update", table, conditions, "all"), **_values(table, values)}
        return self.add(node, "dataTable", 1.1, parameters, alwaysOutputData=True)

    def remove(self, node: str, table: str, *conditions: tuple[str, str, str]) -> Flow:
        """Add a node that deletes the rows that fit."""
        return self.add(
            node,
            "dataTable",
            1.1,
            _rows("deleteRows", table, conditions, "all"),
            alwaysOutputData=True,
        )

    def respond(self, node: str = "Respond", **options: Any) -> Flow:
        """Add a node that answers with its item."""
        return self.add(
            node,
            "respondToWebhook",
            1.5,
            {
                "respondWith": "firstIncomingItem",
                "options": options,
            },
        )

    def behind(self, node: str, output: int = 0) -> Flow:
        """Go on behind another node: 1 is the false side of an If."""
        self._last = (node, output)
        return self

    def link(self, origin: str, target: str, output: int = 0) -> Flow:
        """Lead from one node to another."""
        outputs = self.links.setdefault(origin, [])
        while len(outputs) <= output:
            outputs.append([])
        outputs[output].append({"node": target, "type": "main", "index": 0})
        return self

    def export(self) -> Json:
        """Return the workflow as n8n exports it."""
        return {
            "id": "csai" + "".join(part.title() for part in self.name.split("_")),
            "name": self.name,
            "nodes": self.nodes,
            "connections": {origin: {"main": outputs} for origin, outputs in self.links.items()},
            "settings": {"executionOrder": "v1"},
        }

    def _id(self, what: str) -> str:
        return str(uuid.uuid5(_SPACE, f"{self.name}/{what}"))

    def _setting(self, name: str, value: Any) -> Json:
        kind = _TYPES[type(value)]
        written = json.dumps(value, ensure_ascii=False) if kind in ("array", "object") else value
        return {"id": self._id(f"setting {name}"), "name": name, "value": written, "type": kind}


class Expression(str):
    """JavaScript that a constant is set to as it stands."""


def read_code(file: str) -> str:
    """Return a file of ``code`` with what it includes in place."""
    source = (CODE / f"{file}.js").read_text(encoding="utf-8")
    return _INCLUDE.sub(
        lambda found: (CODE / "shared" / f"{found[1]}.js").read_text(encoding="utf-8"), source
    ).rstrip("\n")


def _rows(
    operation: str, table: str, conditions: Sequence[tuple[str, str, str]], match: str
) -> Json:
    found: Json = {
        "resource": "row",
        "operation": operation,
        "dataTableId": {"__rl": True, "mode": "name", "value": table},
    }
    if conditions:
        found["matchType"] = "allConditions" if match == "all" else "anyCondition"
        found["filters"] = {
            "conditions": [
                {"keyName": name, "condition": test, "keyValue": value}
                for name, test, value in conditions
            ]
        }
    return found | {"options": {}} if operation != "get" else found


def _values(table: str, values: Json) -> Json:
    types = load_columns()[table]
    return {
        "columns": {
            "mappingMode": "defineBelow",
            "value": values,
            "matchingColumns": [],
            "schema": [
                {
                    "id": name,
                    "displayName": name,
                    "required": False,
                    "defaultMatch": False,
                    "display": True,
                    "type": types[name],
                    "readOnly": False,
                    "removed": False,
                }
                for name in values
            ],
            "attemptToConvertTypes": False,
            "convertFieldsToString": False,
        }
    }


@cache
def load_columns() -> dict[str, dict[str, str]]:
    """Return the types of the columns of each table that the workflows use."""
    tables = json.loads((SHIPPED / "data-tables.json").read_text(encoding="utf-8"))["tables"]
    return {
        table["name"]: {column["name"]: column["type"] for column in table["columns"]}
        for table in tables
    }


@cache
def load_places(tool: str) -> dict[str, list[str]]:
    """Return the fields without which each sentence of a tool's results cannot be told."""
    text = (SHIPPED / f"{tool}.tool.json").read_text(encoding="utf-8")
    sentences = json.loads(text)["parameters_schema"]["x-results"]["sentences"]
    return {
        code: _PLACE.findall(_OPTIONAL.sub("", texts["en"])) for code, texts in sentences.items()
    }
