"""Every parameter of every node, set to anything at all: a run ends, and never by a broken server.

Each export either is refused at import, or fails by the workflow's own error, or runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.ports.data_tables import Column
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.workflows.registry import NodeKind, find_kind, supported_types
from tests.workflows.workflow_runs import (
    TENANT,
    Bench,
    export_of,
    node,
    open_bench,
    split_items,
    webhook,
)

WORDS = [
    "abc", "", " ", "-1", "1e999", "NaN", "0x10", "null", "[1,2]", '{"a":1}', "[" * 5_000, "a.b",
    "__proto__", "a,b", "rules", "expression", "input2", "json", "=", "={{ $json }}",
    "={{ $json.a }}", "={{ undefined }}", "={{ nothing.at.all }}", "={{ throw 1 }}",
    "={{ '\\ud800' }}", "={{ [1, [2]] }}", "={{ 1e400 }}", "={{ -5 }}", "={{ new Date(NaN) }}",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2, 2.5, 1e308, -1e308, 10**20, 100_000_000, 2**31, 2**63]
KEYS = ["a", "values", "rules", "conditions", "operator", "type", "operation", "name", "value",
        "parameters", "leftValue", "rightValue", "version", "output", "mode"]  # fmt: skip
JUNK = st.recursive(
    st.sampled_from([None, True, False, *WORDS, *NUMBERS]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
ITEMS = {"items": [{"a": 1, "b": {"c": [1, "x"]}}, {"a": "two"}]}


class AnsweringHttp:
    async def send(self, request: OutboundRequest) -> OutboundResponse:
        body = b"[" * 5_000 if "deep" in request.url else b'[{"a": 1}, 2]'
        return OutboundResponse(status=200, headers={"content-type": "application/json"}, body=body)


@pytest.fixture(scope="module")
def tough_bench() -> Iterator[Bench]:
    with open_bench(http=AnsweringHttp()) as bench:
        columns = [Column(name="a", type="number"), Column(name="b", type="string")]
        asyncio.run(bench.tables.ensure_table(TENANT, "abc", columns))
        yield bench


def spots(kind: NodeKind) -> list[str]:
    """Return every declared parameter and every collection on the way to one."""
    found = {"parameters_of_another_node"}
    for name in kind.parameters:
        parts = name.split(".")
        found.update(".".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(found)


def put(parameters: dict[str, Any], path: str, value: Any) -> None:
    *before, last = path.split(".")
    for part in before:
        parameters = parameters.setdefault(part, {})
        if not isinstance(parameters, dict):
            return
    parameters[last] = value


def outcome(bench: Bench, export: dict[str, Any]) -> str:
    """Return the error that a run or its import ended with, or an empty text."""
    try:
        asyncio.run(bench.run(export, ITEMS))
    except ApplianceError as exc:
        return exc.message
    return ""


@pytest.mark.parametrize("node_type", supported_types())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_parameter_breaks_the_runner(tough_bench, node_type, data):
    kind = find_kind(node_type)
    assert kind is not None
    parameters: dict[str, Any] = {"dataTableId": "abc"} if "dataTableId" in kind.parameters else {}
    for path in data.draw(st.lists(st.sampled_from(spots(kind)), min_size=1, max_size=3)):
        put(parameters, path, data.draw(JUNK))
    version = data.draw(st.sampled_from([kind.min_version, kind.max_version]))
    export = export_of([webhook(), split_items(), node("Tried", node_type, version, parameters)])
    assert "something unexpected" not in outcome(tough_bench, export)
