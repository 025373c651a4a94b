"""Compares the embedded runner with a real n8n: same files, same inputs, same rows, same answers.

Run as ``python -m tests.workflows.real_n8n CACHE_FOLDER``; exits 1 at a difference. Owns the
comparison; installing and driving n8n is left to ``n8n_server``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from appliance.domain.ids import TenantId
from appliance.egress import EgressClient
from appliance.errors import ApplianceError
from appliance.workflows.bundled import (
    load_bundled,
    load_data_tables,
    load_demo_config,
    load_demo_rows,
)
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.data_tables import InMemoryDataTables
from tests.fakes.echo_server import echo_server
from tests.workflows.bundled_cases import ORDER_CASES, PRODUCT_CASES, booking_cases, further_cases
from tests.workflows.conformance_cases import conformance_workflows, record_answers, with_echo
from tests.workflows.n8n_server import N8nServer, install, run_n8n

BUNDLED = Path(__file__).parents[2] / "bundled-workflows"
TENANT = TenantId("compared")
ZONE = "Asia/Jerusalem"
_MASKS = [
    (re.compile(r"[BCRT]-[A-Z0-9]{7}"), "<reference>"),
    (re.compile(r"\bW\d{6}\b"), "<order number>"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<echo>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)"), "<moment>"),
]


class _MachineClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def bundled_calls(now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a workflow's name and a webhook body, in the order to send them."""
    config = load_demo_config(BUNDLED)
    local = now.astimezone(ZoneInfo(ZONE))
    cases = {
        "get_order_status": ORDER_CASES,
        "check_inventory": PRODUCT_CASES,
        "book_appointment": booking_cases(local),
        **further_cases(local),
    }
    for tool, inputs in cases.items():
        for number, case in enumerate(inputs):
            context = {
                "tenant_id": TENANT,
                "conversation_id": "c-1",
                "call_id": f"{tool}-{number}",
                "tool": tool,
                "time_zone": ZONE,
            }
            body = {**case, "_context": context}
            if tool in config:
                body["_config"] = config[tool]
            yield tool, body


def bundled_rows(now: datetime | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the demo shop's rows as both runners get them."""
    return load_demo_rows(BUNDLED, now or datetime.now(UTC), time_zone=ZONE)


async def run_embedded(
    exports: dict[str, dict[str, Any]],
    calls: list[tuple[str, dict[str, Any]]],
    rows: dict[str, list[dict[str, Any]]],
) -> list[Any]:
    """Answer every call with the embedded runner, on tables of its own."""
    clock = _MachineClock()
    tables = InMemoryDataTables(clock)
    for table in load_data_tables(BUNDLED):
        await tables.ensure_table(TENANT, table.name, table.columns)
        await tables.insert_rows(TENANT, table.name, rows[table.name])
    by_id = {export["id"]: export for export in exports.values()}

    async def find_workflow(reference: str) -> dict[str, Any] | None:
        return by_id.get(reference) or exports.get(reference)

    http = EgressClient(allow=["127.0.0.1"])
    runner = WorkflowRunner(tables, http, clock, find_workflow=find_workflow)
    answers = []
    for name, body in calls:
        try:
            run = await runner.run(exports[name], body, tenant_id=TENANT, time_zone="UTC")
            answers.append((run.status_code, run.output))
        except ApplianceError as exc:
            answers.append((500, {"error": exc.message}))
    runner.close()
    await http.aclose()
    return answers


def run_real(
    server: N8nServer,
    calls: list[tuple[str, dict[str, Any]]],
    rows: dict[str, list[dict[str, Any]]],
) -> list[Any]:
    """Answer every call with the real n8n, on the same rows."""
    for table in load_data_tables(BUNDLED):
        columns = [{"name": column.name, "type": column.type} for column in table.columns]
        server.make_table(table.name, columns, rows[table.name])
    return [server.call(name, body) for name, body in calls]


def is_same(embedded: Any, real: Any) -> bool:
    """Say whether two answers agree; of failures only that both failed."""
    if min(embedded[0], real[0]) >= httpx.codes.BAD_REQUEST:
        return True
    return bool(_masked(embedded) == _masked(real))


def _masked(answer: Any) -> Any:
    text = json.dumps(answer[1], sort_keys=True, ensure_ascii=False)
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return answer[0], json.loads(text)


def main() -> int:
    """Compare everything and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path, help="where n8n is installed, once")
    parser.add_argument("--verbose", action="store_true", help="show the answers that agree too")
    parser.add_argument(
        "--record", action="store_true", help="keep n8n's answers for the tests that run without it"
    )
    parser.add_argument(
        "--only", default="", help="compare just the workflows whose names begin with this"
    )
    arguments = parser.parse_args()
    folder = install(arguments.cache.resolve())
    now = datetime.now(UTC)
    exports: dict[str, dict[str, Any]] = {
        tool.tool_name: tool.workflow for tool in load_bundled(BUNDLED)
    }
    exports |= {export["name"]: export for export, _ in conformance_workflows()}
    calls = list(bundled_calls(now))
    rows = bundled_rows(now)
    with (
        echo_server() as url,
        tempfile.TemporaryDirectory(prefix="n8n-compare-") as home,
        run_n8n(folder, Path(home), list(exports.values())) as server,
    ):
        for export, inputs in conformance_workflows():
            calls += [(export["name"], with_echo(body, url)) for body in inputs]
        calls = [call for call in calls if call[0].startswith(arguments.only)]
        embedded = asyncio.run(run_embedded(exports, calls, rows))
        real = run_real(server, calls, rows)
    if arguments.record:
        record_answers([(name, answer) for (name, _), answer in zip(calls, real, strict=True)])
    different = failed = 0
    agreed: list[bool] = []
    for (name, body), ours, theirs in zip(calls, embedded, real, strict=True):
        is_agreed = is_same(ours, theirs)
        agreed.append(is_agreed)
        different += not is_agreed
        failed += theirs[0] >= httpx.codes.BAD_REQUEST
        if arguments.verbose or not is_agreed:
            print("agreed" if is_agreed else "DIFFERENT", name, _shown(body))
            print("  embedded", _shown(ours))
            print("  n8n     ", _shown(theirs))
    for line in build_table(exports, [name for name, _ in calls], agreed):
        print(line)
    print(
        f"{len(calls)} calls of {len(exports)} workflows compared ({failed} made n8n fail), "
        f"{different} differ."
    )
    return 1 if different else 0


def build_table(
    exports: dict[str, dict[str, Any]], called: list[str], agreed: list[bool]
) -> list[str]:
    """Return a line for each node and version: in how many compared calls it was, and differed."""
    counts: dict[tuple[str, float], list[int]] = {}
    for name, is_agreed in zip(called, agreed, strict=True):
        for kind in {(n["type"], float(n["typeVersion"])) for n in exports[name]["nodes"]}:
            count = counts.setdefault(kind, [0, 0])
            count[0] += 1
            count[1] += not is_agreed
    return ["node                              version   calls  differ"] + [
        f"{node_type:34}{version:>7g}{calls:>8}{differ:>8}"
        for (node_type, version), (calls, differ) in sorted(counts.items())
    ]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
