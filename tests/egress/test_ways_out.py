"""Every way out, tried with every address of ``vectors``, beside a canary that nobody may touch.

The canary listens on this machine's two own addresses. A vector counts as refused only when the
caller is told so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import cycle
from pathlib import Path

import pytest

from appliance.domain.ids import ConversationId, ToolId
from appliance.domain.tool import TenantTool, Tool, ToolCall
from appliance.egress import EgressClient
from appliance.egress.addresses import Address
from appliance.errors import ApplianceError, InvalidInput, Rejected
from appliance.integrations.access_tokens import AccessTokens
from appliance.integrations.http_system import HttpSystems
from appliance.integrations.mcp import McpKind
from appliance.integrations.rest import RestKind
from appliance.ports.outbound_http import OutboundRequest
from appliance.ports.tool_executor import ToolContext
from appliance.tools.n8n_webhook import WebhookExecutor
from tests.egress.vectors import (
    HOSTS,
    LOCATIONS,
    VECTORS,
    as_url,
    fill,
    resolve_to_this_machine,
)
from tests.fakes.clock import SettableClock
from tests.fakes.credentials import HeldCredentials
from tests.fakes.integrations import AT, TENANT, ScriptedIntegrations, build_endpoint
from tests.fakes.integrations import build_integration as connect
from tests.fakes.loopback_http import Exchange, Handler, LoopbackHttp
from tests.fakes.shop_databases import build_kind
from tests.workflows.workflow_runs import node, open_bench

MEASURES = Path(__file__).parents[2] / "docs" / "measures.md"
OPENED = "127.0.0.9"
"""The one address of these tests that may be reached."""
STATUSES = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Door:
    """A client that may reach nothing but ``OPENED``, and the canary's port."""

    client: EgressClient
    port: int


Way = Callable[[Door], Awaitable[list[str]]]
"""Tries one way out with every vector; returns those that were not refused."""


class Canary:
    """A server on both of this machine's own addresses, at the same port."""

    def __init__(self, v4: LoopbackHttp, v6: LoopbackHttp) -> None:
        self._servers = (v4, v6)
        self.port = v4.port

    @property
    def hits(self) -> int:
        return sum(server.connections for server in self._servers)


async def greet(exchange: Exchange) -> None:
    await exchange.respond_json(200, {"ok": True}, headers=[("Connection", "close")])
    exchange.cut()


@asynccontextmanager
async def open_canary(port: int = 0) -> AsyncIterator[Canary]:
    async with (
        LoopbackHttp(greet, port=port) as v4,
        LoopbackHttp(greet, host="::1", port=v4.port) as v6,
    ):
        yield Canary(v4, v6)


@asynccontextmanager
async def open_door(*allow: str, canary: Canary, resolver=resolve_to_this_machine):
    client = EgressClient(allow, resolver=resolver)
    try:
        yield Door(client, canary.port)
    finally:
        await client.aclose()


@asynccontextmanager
async def open_site(handler: Handler) -> AsyncIterator[LoopbackHttp]:
    async with LoopbackHttp(handler, host=OPENED) as site:
        yield site


async def collect(
    vectors: Sequence[str], port: int, ask: Callable[[str], Awaitable[object]], *codes: str
) -> list[str]:
    """Return the vectors for which ``ask`` did not raise a refusal of one of ``codes``."""
    passed = []
    for vector in fill(vectors, port):
        try:
            await ask(vector)
        except Rejected as refusal:
            if refusal.code in (codes or ("egress_denied",)):
                continue
        except ApplianceError:
            pass
        passed.append(vector)
    return passed


def get(url: str, **more) -> OutboundRequest:
    return OutboundRequest(method="GET", url=url, timeout_s=5.0, max_redirects=3, **more)


async def by_send(door: Door) -> list[str]:
    return await collect(VECTORS, door.port, lambda url: door.client.send(get(url)))


async def by_stream(door: Door) -> list[str]:
    async def ask(url: str) -> None:
        async with door.client.stream(get(url)):
            pass

    return await collect(VECTORS, door.port, ask)


async def by_socket(door: Door) -> list[str]:
    async def ask(host: str) -> None:
        (await door.client.connect(host, door.port, timeout_s=5)).close()

    return await collect(HOSTS, door.port, ask)


async def by_driver(door: Door) -> list[str]:
    return await collect(HOSTS, door.port, lambda host: door.client.judge(host, door.port))


async def by_webhook_tool(door: Door) -> list[str]:
    async def find_secret(tenant_id: object) -> str:
        return "whsec"

    executor = WebhookExecutor(
        door.client,
        SettableClock(),
        credentials=HeldCredentials(),
        integrations=ScriptedIntegrations(),
        signing_secret=find_secret,
    )
    tool = Tool(
        id=ToolId("t"),
        tool_name="ask",
        description="Ask",
        parameters_schema={"type": "object"},
        created_at=AT,
    )

    async def ask(url: str) -> None:
        tenant_tool = TenantTool(
            tenant_id=TENANT, tool=tool, executor="n8n_webhook", webhook_url=url
        )
        context = ToolContext(tenant_id=TENANT, conversation_id=ConversationId("c"))
        call = ToolCall(id="call", name="ask", arguments={})
        outcome = await executor.execute(tenant_tool, call, context)
        assert outcome.is_success or outcome.error
        if not outcome.is_success:
            raise Rejected(outcome.error or "", code="failed")

    return await collect(VECTORS, door.port, ask, "failed")


async def by_http_request_node(door: Door) -> list[str]:
    with open_bench(http=door.client) as bench:

        async def ask(url: str) -> None:
            # As the body's text: a workflow's address may come from what a visitor said.
            await bench.run_nodes(
                node("Call", "httpRequest", 4.2, {"url": "={{ $json.url }}"}), items=[{"url": url}]
            )

        return await collect([url for url in VECTORS if url], door.port, ask, "workflow_failed")


async def by_send_email_node(door: Door) -> list[str]:
    mail = {"fromEmail": "a@example.org", "toEmail": "b@example.net", "subject": "s", "text": "t"}
    with open_bench(connections=door.client) as bench:

        async def ask(host: str) -> None:
            place = {"host": host, "port": str(door.port), "secure": "false"}
            named = bench.keep("smtp", "mail", host, **place)
            await bench.run_nodes(node("Mail", "emailSend", 2.1, mail, credentials=named))

        return await collect(HOSTS, door.port, ask, "workflow_failed")


async def by_rest_integration(door: Door) -> list[str]:
    clock = SettableClock()
    kind = RestKind(HttpSystems(door.client, clock), AccessTokens(door.client, clock), clock)

    async def ask(url: str) -> None:
        for config in (
            {"base_url": url, "auth": "bearer", "api_key": "key"},
            {
                "base_url": f"http://{OPENED}:1",
                "auth": "oauth2",
                "token_url": url,
                "client_id": "c",
                "client_secret": "s",
            },
        ):
            try:
                system = kind.open(connect(config))
            except InvalidInput:
                continue
            outcome = await system.call(build_endpoint(url_template=""), {})
            tested = await system.test()
            assert not outcome.is_success
            assert not tested.is_success
        raise Rejected("all failed", code="failed")

    return await collect(VECTORS, door.port, ask, "failed")


async def by_database(door: Door, engine: str) -> list[str]:
    kind = build_kind(door.client, None)

    async def ask(host: str) -> None:
        config = {
            "engine": engine, "host": host, "port": door.port, "database": "d", "username": "u",
            "password": "p", "timeout_s": 5,
        }  # fmt: skip
        try:
            system = kind.open(connect(config, integration_type="database"))
        except InvalidInput as exc:
            raise Rejected("no host", code="failed") from exc
        outcome = await system.call(build_endpoint(url_template="", query="SELECT 1"), {})
        tested = await system.test()
        assert not outcome.is_success
        assert not tested.is_success
        raise Rejected("all failed", code="failed")

    return await collect(HOSTS, door.port, ask, "failed")


async def by_postgresql_integration(door: Door) -> list[str]:
    return await by_database(door, "postgresql")


async def by_mysql_integration(door: Door) -> list[str]:
    return await by_database(door, "mysql")


async def by_mcp_integration(door: Door) -> list[str]:
    async def tell(integration: object, offers: object) -> None:
        pass

    kind = McpKind(door.client, {}, tell, SettableClock())

    async def ask(url: str) -> None:
        try:
            system = kind.open(connect({"url": url}, integration_type="mcp", id=url))
        except InvalidInput as refusal:
            raise Rejected("no address", code="failed") from refusal
        tested = await system.test()
        if not tested.is_success:
            raise Rejected(tested.message, code="failed")

    passed = await collect(VECTORS, door.port, ask, "failed")
    await kind.aclose()
    return passed


WAYS: dict[str, Way] = {
    "send": by_send,
    "stream": by_stream,
    "connect": by_socket,
    "judge": by_driver,
    "webhook tool": by_webhook_tool,
    "HTTP Request node": by_http_request_node,
    "Send Email node": by_send_email_node,
    "rest integration": by_rest_integration,
    "PostgreSQL integration": by_postgresql_integration,
    "MySQL integration": by_mysql_integration,
    "MCP integration": by_mcp_integration,
}


@pytest.mark.parametrize("way", WAYS)
async def test_no_vector_passes_and_the_canary_is_never_touched(way: str) -> None:
    async with open_canary() as canary, open_door(OPENED, canary=canary) as door:
        assert await WAYS[way](door) == []
        assert canary.hits == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_the_canary_would_notice(host: str) -> None:
    """The same request does reach it where the operator opened it."""
    async with open_canary() as canary, open_door("127.0.0.1", "::1", canary=canary) as door:
        [url] = fill([as_url(host)], canary.port)
        assert (await door.client.send(get(url))).status == 200
        assert canary.hits == 1


@pytest.mark.parametrize("status", STATUSES)
async def test_no_redirect_leads_to_the_canary(status: int) -> None:
    """What of it is not refused is a path on the very site that redirects."""
    async with open_canary() as canary, open_door(OPENED, canary=canary) as door:
        unfit = {"\r", "\n", "\x00"}  # a header cannot hold them
        places = [
            place for place in fill((*VECTORS, *LOCATIONS), canary.port) if not unfit & set(place)
        ]

        async def redirect(exchange: Exchange) -> None:
            number = exchange.request.target.removeprefix("/start/")
            if number.isdecimal():
                await exchange.respond(status, headers=[("Location", places[int(number)])])
            else:
                await exchange.respond(200)

        async with open_site(redirect) as site:
            starts = [f"{site.url}/start/{number}" for number in range(len(places))]
            by_send = await collect(starts, 0, lambda url: door.client.send(get(url)))
            by_stream = await collect(starts, 0, lambda url: leave_stream(door.client, url))
            assert by_send == by_stream
            assert len(by_send) < 20
        assert canary.hits == 0


async def leave_stream(client: EgressClient, url: str) -> None:
    async with client.stream(get(url)):
        pass


@pytest.mark.parametrize("ask", ["send", "stream", "connect"])
async def test_a_name_that_changes_its_address_at_every_question_never_gets_there(
    ask: str,
) -> None:
    """It is harmless whenever it is judged, and the canary's when it is asked once more."""
    answers = cycle([OPENED, "127.0.0.1", OPENED, "::1"])
    asked = []

    async def rebind(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address(next(answers))]

    async with (
        open_site(greet) as site,
        open_canary(site.port) as canary,
        open_door(OPENED, canary=canary, resolver=rebind) as door,
    ):
        url, refused = f"http://rebound.example:{site.port}/", 0
        for _ in range(40):
            try:
                match ask:
                    case "send":
                        await door.client.send(get(url))
                    case "stream":
                        await leave_stream(door.client, url)
                    case _:
                        found = await door.client.connect("rebound.example", site.port, timeout_s=5)
                        found.close()
            except Rejected:
                refused += 1
        assert (len(asked), refused) == (40, 20)
        assert canary.hits == 0


async def test_a_credential_stays_with_its_host_even_where_everything_is_open() -> None:
    bound = ("bound.example",)

    async with (
        open_canary() as canary,
        open_door("0.0.0.0/0", "::/0", canary=canary) as door,
    ):
        client, codes = door.client, ("egress_denied", "credential_bound")
        refused_urls = await collect(
            VECTORS, door.port, lambda url: client.send(get(url, credential_hosts=bound)), *codes
        )
        refused_hosts = await collect(
            HOSTS,
            door.port,
            lambda host: client.judge(host, door.port, credential_hosts=bound),
            *codes,
        )
        assert refused_urls == refused_hosts == []
        assert canary.hits == 0


def test_the_corpus_is_as_large_as_the_documentation_says() -> None:
    assert len(VECTORS) >= 200
    assert len(set(VECTORS)) == len(VECTORS)
    assert f"{len(VECTORS)} addresses" in MEASURES.read_text(encoding="utf-8")
