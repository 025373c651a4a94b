"""What ``docs/faults.md`` promises of failing tools, with hostile webhooks on loopback ports."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import get_args

import pytest
import structlog

from appliance.agent.tool_runs import ToolRuns, TurnTally, build_result_text
from appliance.domain.ids import TenantId
from appliance.domain.tool import Risk, ToolCall, ToolOutcome
from appliance.domain.tool_failures import FailureKind, build_failure_text
from appliance.egress import EgressClient
from appliance.ports.tool_executor import ToolContext
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.result_rendering import tell_failure
from appliance.tasks import TaskGroup
from appliance.tools.n8n_webhook import WebhookExecutor
from tests.fakes.clock import SettableClock
from tests.fakes.credentials import HeldCredentials
from tests.fakes.integrations import ScriptedIntegrations
from tests.fakes.shops import build_tenant_tool
from tests.fakes.webhook_server import (
    Answer,
    Hang,
    HangUp,
    Reply,
    WebhookServer,
    reply_json,
    reply_unregistered,
)
from tests.faults.fault_table import read_tool_tables

FAULTS, KINDS = read_tool_tables().webhooks, read_tool_tables().kinds
TENANT = TenantId("t")
SECRETS = (
    "db01.internal",
    "10.0.0.7",
    "hunter2",
    "Traceback",
    "HTTP",
    "127.0.0",
    "<",
    "500",
    "n8n",
)
TRACE = (
    b"<html><h1>HTTP 500</h1><pre>Traceback (most recent call last): psycopg.connect("
    b"'postgres://root:hunter2@db01.internal:5432') 10.0.0.7</pre></html>"
)
FOR_PEOPLE = {"success": False, "message": "We are closed on Mondays."}
FOR_PROGRAMMERS = {"success": False, "message": "Traceback: password hunter2 at db01.internal"}
ANSWERS: Mapping[str, Answer] = {
    "redirect (307)": Reply(status=307, headers=[("Location", "http://10.0.0.7/")]),
    "redirect (302)": Reply(status=302, headers=[("Location", "http://10.0.0.7/")]),
    "nothing listens (404)": reply_unregistered(),
    "credential refused (401)": Reply(status=401, body=TRACE, content_type="text/html"),
    "nothing found, with words (404)": reply_json(FOR_PEOPLE, 404),
    "refused, with words (422)": reply_json(FOR_PEOPLE, 422),
    "refused, for programmers (400)": reply_json(FOR_PROGRAMMERS, 400),
    "too many requests (429)": Reply(status=429, body=TRACE),
    "an HTML page with a stack trace (500)": Reply(500, TRACE, content_type="text/html"),
    "overloaded (503)": Reply(status=503, body=TRACE),
    "silence until the deadline": Hang(),
    "connection lost": HangUp(),
    "NaN in JSON": Reply(body=b'{"price": NaN}'),
    "JSON nested 5,000 deep": Reply(body=b"[" * 5_000),
    "a picture": Reply(body=b"\x89PNG", content_type="image/png"),
    "broken JSON": Reply(body=b'{"at": "db01.internal'),
    "a web page in place of a result": Reply(body=TRACE, content_type="text/html"),
    "an answer of 10 MB": Reply(body=b"x" * 10_000_000, content_type="text/plain"),
}


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


async def find_secret(tenant_id: TenantId) -> str:
    return "whsec_hunter2"


async def play(fault: str, risk: Risk) -> ToolOutcome:
    """Return what the agent makes of a call to a webhook with this fault."""
    async with WebhookServer([ANSWERS.get(fault, Reply())]) as server:
        url, allowed = server.url, [server.authority]
        if fault != "connection refused":
            return await call(url, [] if fault == "address not allowed" else allowed, risk)
    return await call(url, allowed, risk)


async def call(url: str, allowed: list[str], risk: Risk) -> ToolOutcome:
    http, clock = EgressClient(allowed), SettableClock()
    executor = WebhookExecutor(
        http,
        clock,
        credentials=HeldCredentials(),
        integrations=ScriptedIntegrations(),
        signing_secret=find_secret,
        sleep=no_wait,
    )
    runs = ToolRuns(
        executors={"n8n_webhook": executor},
        turn_store=None,  # type: ignore[arg-type]  # there is no conversation to log in
        clock=clock,
        tasks=TaskGroup(),
    )
    tool = build_tenant_tool(
        TENANT, "cancel_order", risk=risk, executor="n8n_webhook", webhook_url=url,
        custom_config={"timeout_s": 0.5},
    )  # fmt: skip
    asked = ToolCall(id="c1", name="cancel_order", arguments={})
    outcomes = await runs.run_all(
        [asked], {"cancel_order": tool}, ToolContext(tenant_id=TENANT), TurnTally(), lambda _: None
    )
    await http.aclose()
    return outcomes["c1"]


def test_every_row_is_played_and_every_kind_explained() -> None:
    assert {row[0] for row in FAULTS} == {*ANSWERS, "connection refused", "address not allowed"}
    assert [row[0].strip("`") for row in KINDS] == list(get_args(FailureKind))


@pytest.mark.parametrize(
    ("fault", "reading", "writing", "sentence"), FAULTS, ids=[row[0] for row in FAULTS]
)
async def test_a_failing_webhook_is_told_as_the_table_says(
    fault: str, reading: str, writing: str, sentence: str
) -> None:
    risks: tuple[tuple[Risk, str], ...] = (("read", reading), ("write", writing))
    for risk, kind in risks:
        with structlog.testing.capture_logs() as logs:
            outcome = await play(fault, risk)
        assert f"`{outcome.failure}`" == kind
        assert [(line["event"], line["failure"]) for line in logs] == [
            ("tool_failed", outcome.failure)
        ]
        assert outcome.error is not None
        assert re.sub(r"127\.0\.0\.1:\d+", "HOST:PORT", outcome.error) == sentence
        text = build_result_text(outcome)
        assert [word for word in SECRETS if word in text] == []
        assert ("We are closed on Mondays." in text) == ("with words" in fault)
        for book in load_phrasebooks().values():
            told = tell_failure(text, book, "")
            assert [word for word in SECRETS if word in told] == []


@pytest.mark.parametrize(("kind", "changed", "sentence"), KINDS)
def test_builtin_says_what_the_table_says(kind: str, changed: str, sentence: str) -> None:
    name: FailureKind = kind.strip("`")  # type: ignore[assignment]
    told = tell_failure(build_failure_text(name), load_phrasebooks()["en"], "")
    assert told.strip() == sentence
    assert (changed == "nobody can tell") == (name == "unknown")
