"""The type ``mcp`` against a real server of both generations, and against hostile ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.domain.integration import Endpoint, StoredIntegration, ToolOffer, UnfitOffer
from appliance.domain.mcp_server import McpProgram
from appliance.domain.tool import ToolOutcome
from appliance.egress import EgressClient
from appliance.errors import InvalidInput, UpstreamError
from appliance.integrations.mcp import McpKind
from tests.fakes.clock import SettableClock
from tests.fakes.hostile_mcp import (
    Reply,
    cut,
    older,
    redirect_away,
    reply_and_ask,
    reply_at_length,
    reply_deeply,
    reply_endlessly,
    reply_in_one_event,
    reply_to_another,
    reply_well,
    reply_with_nonsense,
)
from tests.fakes.integrations import build_endpoint, build_integration
from tests.fakes.loopback_http import Exchange, LoopbackHttp
from tests.fakes.mcp_server import INJECTION, TOKEN, McpHttpServer, open_mcp_server


@dataclass
class Bench:
    """The real type, what it may reach, and what it told."""

    kind: McpKind
    told: list[Sequence[ToolOffer]] = field(default_factory=list)

    def connect(self, url: str, **config: Any) -> StoredIntegration:
        given = {"url": url, "timeout_s": 10, **config}
        return build_integration(given, integration_type="mcp")

    async def offers(self, integration: StoredIntegration) -> dict[str, ToolOffer]:
        system = self.kind.open(integration)
        return {offer.name: offer for offer in await system.list_offers()}  # type: ignore[attr-defined]

    async def call(
        self, integration: StoredIntegration, offer: ToolOffer, /, **arguments: Any
    ) -> ToolOutcome:
        return await self.kind.open(integration).call(approved(offer), arguments)


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not is_true():  # noqa: ASYNC110 - nothing tells of what others were told
            await asyncio.sleep(0.01)


def approved(offer: ToolOffer, **more: Any) -> Endpoint:
    fields = {"url_template": "", "method": "POST", "risk": offer.risk, **more}
    return build_endpoint(
        endpoint_name=offer.tool_name, offer=offer, approved=offer.fingerprint, **fields
    )


@asynccontextmanager
async def open_bench(*allow: str) -> AsyncIterator[Bench]:
    http = EgressClient(allow)
    told: list[Sequence[ToolOffer]] = []

    async def tell(integration: StoredIntegration, offers: Sequence[ToolOffer]) -> None:
        told.append(offers)

    program = McpProgram(command="/nowhere/at-all", tenants=["somebody"])
    given = McpProgram(command="/nowhere/at-all", tenants=["*"])
    kind = McpKind(http, {"theirs": program, "broken": given}, tell, SettableClock())
    try:
        yield Bench(kind, told)
    finally:
        await kind.aclose()
        await http.aclose()


def signed(server: McpHttpServer, bench: Bench, **config: Any) -> StoredIntegration:
    return bench.connect(server.url, auth="bearer", api_key=TOKEN, **config)


@pytest.mark.parametrize(("options", "version"), [((), "2026-07-28"), (("older",), "2025-11-25")])
async def test_both_generations_are_spoken(options: tuple[str, ...], version: str) -> None:
    async with open_mcp_server(*options) as server, open_bench(server.authority) as bench:
        integration = signed(server, bench)
        tested = await bench.kind.open(integration).test()
        assert tested.message == f"The server speaks MCP {version} and offers 10 tools."
        offers = await bench.offers(integration)
        outcome = await bench.call(integration, offers["get_stock"], sku="A")
        assert (outcome.is_success, outcome.output) == (True, {"sku": "A", "amount": 7})
        assert outcome.sent == {"sku": "A"}
        mapped = approved(offers["get_stock"], response_mapping="amount")
        assert (await bench.kind.open(integration).call(mapped, {"sku": "A"})).output == 7

        failed = await bench.call(integration, offers["fail"])
        assert (failed.is_success, failed.failure) == (False, "unknown")
        assert "secret internals" not in str(failed)
        flood = await bench.call(integration, offers["flood"])
        assert "larger than 1000000 bytes" in (flood.error or "")
        both = asyncio.gather(
            bench.call(integration, offers["flood"]),
            bench.call(integration, offers["get_stock"], sku="B"),
        )
        assert [outcome.is_success for outcome in await both] == [False, True]
        hanging = await bench.call(signed(server, bench, timeout_s=0.5), offers["hang"])
        assert (hanging.failure, hanging.error) == (
            "unknown",
            "The system did not answer in time. Whether it did what it was asked is not known.",
        )

        assert (await bench.call(integration, offers["turn"])).is_success
        await until(lambda: bench.told)
        said = {offer.name: offer.description for offer in bench.told[-1]}
        assert said["get_stock"] == INJECTION
        turned = await bench.call(integration, offers["get_stock"], sku="A")
        assert (turned.is_success, turned.failure) == (False, "not_available")
        assert "approve it again" in (turned.error or "")


async def test_a_server_that_was_restarted_is_asked_again(tmp_path: Any) -> None:
    """It has forgotten the session; nothing was done, so the call is made in a new one."""
    async with open_mcp_server("older") as server, open_bench(server.authority) as bench:
        integration = signed(server, bench)
        offers = await bench.offers(integration)
        server.process.kill()
        await server.process.wait()
        async with open_mcp_server("older", port=server.port):
            outcome = await bench.call(integration, offers["get_stock"], sku="A")
    assert outcome.is_success, outcome


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"auth": "none"}, "/mcp", "refused the stored credential (401)"),
        ({"auth": "bearer", "api_key": "wrong"}, "/mcp", "refused the stored credential (401)"),
        ({"auth": "bearer", "api_key": TOKEN}, "/else", "no MCP server at this address (404)"),
    ],
)
async def test_a_test_says_precisely_what_it_found(
    config: dict[str, Any], path: str, words: str
) -> None:
    async with open_mcp_server() as server, open_bench(server.authority) as bench:
        url = f"http://{server.authority}{path}"
        result = await bench.kind.open(bench.connect(url, **config)).test()
    assert not result.is_success
    assert words in result.message
    assert "internal" not in result.message


async def test_an_address_that_is_not_allowed_is_named_and_not_touched() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond_json(200, {})

    async with LoopbackHttp(answer) as canary, open_bench() as bench:
        result = await bench.kind.open(bench.connect(f"{canary.url}/mcp")).test()
        assert "CSAI_EGRESS_ALLOW" in result.message
        assert canary.connections == 0


async def test_a_program_that_does_not_start_or_is_not_given() -> None:
    async with open_bench() as bench:
        broken = build_integration({"program": "broken"}, integration_type="mcp")
        result = await bench.kind.open(broken).test()
        assert "cannot be started" in result.message
        assert "nowhere" not in result.message
        theirs = build_integration({"program": "theirs"}, integration_type="mcp")
        with pytest.raises(InvalidInput):
            bench.kind.open(theirs)


@pytest.mark.parametrize(
    ("reply", "failure", "words"),
    [
        (reply_to_another, "unknown", "in time"),
        (reply_endlessly, "unknown", "larger than"),
        (reply_at_length, "unknown", "larger than"),
        (reply_in_one_event, "unknown", ""),
        (reply_with_nonsense, "unknown", ""),
        (reply_deeply, "unknown", ""),
        (redirect_away, "not_available", "redirects elsewhere"),
        (cut, "unknown", "broke off"),
    ],
)
async def test_a_hostile_server_costs_one_call(reply: Reply, failure: str, words: str) -> None:
    async with (
        LoopbackHttp(older(reply)) as server,
        open_bench(f"127.0.0.1:{server.port}") as bench,
    ):
        integration = bench.connect(f"{server.url}/mcp", timeout_s=3)
        offers = await bench.offers(integration)
        async with asyncio.timeout(8):
            outcome = await bench.call(integration, offers["find"])
        assert (outcome.is_success, outcome.failure) == (False, failure), outcome
        assert words in (outcome.error or "")
        assert "internal" not in (outcome.error or "")
        server.handler = older(reply_well)
        again = await bench.call(integration, offers["find"])
        assert again.output == "done", again


async def test_nothing_is_offered_to_a_server_that_asks() -> None:
    async with (
        LoopbackHttp(older(reply_and_ask)) as server,
        open_bench(f"127.0.0.1:{server.port}") as bench,
    ):
        integration = bench.connect(f"{server.url}/mcp")
        offers = await bench.offers(integration)
        assert (await bench.call(integration, offers["find"])).output == "done"
        await until(lambda: sum(b'"error"' in seen.body for seen in server.requests) == 3)
    [started] = [seen.json() for seen in server.requests if b'"initialize"' in seen.body]
    assert started["params"]["capabilities"] == {}
    answers = [seen.json() for seen in server.requests if b'"s-' in seen.body]
    assert all("result" not in answer for answer in answers)


async def test_a_listing_without_end_is_cut_and_a_broken_one_is_told() -> None:
    many = [{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(500)]
    async with (
        LoopbackHttp(older(reply_well, many)) as server,
        open_bench(f"127.0.0.1:{server.port}") as bench,
    ):
        assert len(await bench.offers(bench.connect(f"{server.url}/mcp"))) == 200
    async with (
        LoopbackHttp(older(reply_well, {"name": 1})) as server,
        open_bench(f"127.0.0.1:{server.port}") as bench,
    ):
        with pytest.raises(UpstreamError, match="as it should"):
            await bench.offers(bench.connect(f"{server.url}/mcp"))


GOOD = {"name": "find", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize(
    ("odd", "name", "reason"),
    [
        ({"name": "odd"}, "odd", "Its inputSchema is missing"),
        ({"name": "odd", "inputSchema": {"type": "strin"}}, "odd", "Its inputSchema is"),
        ({"name": "odd", "inputSchema": "internal"}, "odd", "Its inputSchema is"),
        ({**GOOD, "name": "odd", "description": 7}, "odd", "Its description is"),
        ({**GOOD, "name": 7}, "tool 2", "Its name is"),
        ("internal", "tool 2", "not as MCP has it"),
    ],
)
async def test_one_odd_tool_is_refused_and_the_others_can_be_used(
    odd: Any, name: str, reason: str
) -> None:
    async with (
        LoopbackHttp(older(reply_well, [GOOD, odd])) as server,
        open_bench(f"127.0.0.1:{server.port}") as bench,
    ):
        integration = bench.connect(f"{server.url}/mcp")
        tested = await bench.kind.open(integration).test()
        assert tested.is_success
        assert tested.message.endswith("offers 1 tools; 1 more cannot be used.")
        offers = await bench.offers(integration)
        unfit = offers.pop(name)
        assert isinstance(unfit, UnfitOffer)
        assert reason in unfit.reason
        assert "internal" not in unfit.reason
        assert list(offers) == ["find"]
        assert (await bench.call(integration, offers["find"])).output == "done"


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", b"<html>internal</html>"),
        (204, "text/html", b""),
        (202, "text/plain", b""),
        (200, "application/json", b'{"internal'),
        (200, "application/json", '{"x":"שלום"}'.encode("windows-1255")),
    ],
)
async def test_what_is_no_server_of_the_kind_is_told_so(
    status: int, content_type: str, body: bytes
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(status, body, content_type=content_type)

    async with (
        LoopbackHttp(answer) as server,
        open_bench(f"127.0.0.1:{server.port}") as bench,
    ):
        result = await bench.kind.open(bench.connect(f"{server.url}/mcp")).test()
    assert not result.is_success
    assert result.message == (
        "The server does not speak MCP as it should. The operator should check its address."
    )


async def test_only_what_was_offered_can_be_an_endpoint() -> None:
    offer = ToolOffer(
        name="find", tool_name="find", description="", parameters_schema={}, fingerprint="f"
    )
    config = {"url": "https://mcp.example/mcp"}
    async with open_bench() as bench:
        bench.kind.check_endpoint(approved(offer, response_mapping="a.b"), config)
        for wrong in (
            build_endpoint(),
            approved(offer, url_template="/x"),
            approved(offer, query="q"),
            approved(offer, response_mapping="a["),
        ):
            with pytest.raises(InvalidInput):
                bench.kind.check_endpoint(wrong, config)
        with pytest.raises(InvalidInput):
            await bench.kind.open(bench.connect("https://mcp.example/mcp")).describe(None)
