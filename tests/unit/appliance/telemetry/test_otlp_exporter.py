"""Exporting to a collector that is there, away, slow or broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.trace import StoredTrace, TraceStep
from appliance.egress import EgressClient
from appliance.errors import Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.telemetry import otlp_exporter
from appliance.telemetry.otlp_exporter import OtlpExporter
from tests.fakes.clock import SettableClock
from tests.fakes.otlp_collector import Behaviour, OtlpCollector, answer, break_off, hang


def build_trace(message_id: str = "m1") -> StoredTrace:
    return StoredTrace(
        tenant_id=TenantId("t1"),
        conversation_id=ConversationId("c1"),
        message_id=MessageId(message_id),
        created_at=SettableClock().now(),
        steps=(TraceStep(kind="outcome", at_ms=1.0, detail={"state": "done"}),),
    )


@asynccontextmanager
async def exporting(
    endpoint: str, *, gather_s: float = 0.0, http: EgressClient | None = None
) -> AsyncGenerator[OtlpExporter, None]:
    http = http or EgressClient(trusted=[endpoint])
    exporter = OtlpExporter(http, endpoint, gather_s=gather_s, first_wait_s=0.001)
    yield exporter
    await exporter.aclose()
    await http.aclose()


def told(collector: OtlpCollector) -> list[str]:
    return [span.facts["csai.message.id"] for span in collector.spans]


async def arrival(collector: OtlpCollector) -> None:
    await asyncio.wait_for(collector.has_spans.wait(), 10)


async def test_turns_that_come_together_are_sent_together() -> None:
    async with OtlpCollector() as collector, exporting(f"{collector.url}/") as exporter:
        for name in "abc":
            exporter.export(build_trace(name))
        await arrival(collector)
        assert told(collector) == ["a", "b", "c"]
        assert len(collector.http.requests) == 1
        assert collector.http.requests[0].headers["user-agent"].startswith("csai-appliance/")


async def test_what_waits_is_sent_at_the_end() -> None:
    async with OtlpCollector() as collector:
        async with exporting(collector.url, gather_s=3_600) as exporter:
            for number in range(otlp_exporter.BATCH + 1):
                exporter.export(build_trace(str(number)))
        assert len(told(collector)) == otlp_exporter.BATCH + 1
        exporter.export(build_trace("late"))
        assert "late" not in told(collector)


@pytest.mark.parametrize(
    "trouble",
    [answer(503), answer(429, b"slow down"), break_off],
    ids=["overloaded", "throttled", "garbage"],
)
async def test_a_collector_in_trouble_is_tried_again_and_gets_all(trouble: Behaviour) -> None:
    with capture_logs() as logs:
        async with (
            OtlpCollector(then=[trouble] * 3) as collector,
            exporting(collector.url) as exporter,
        ):
            exporter.export(build_trace("a"))
            exporter.export(build_trace("b"))
            await arrival(collector)
            assert told(collector) == ["a", "b"]
    assert [log["event"] for log in logs] == ["spans_not_exported", "spans_exported_again"]
    assert "CSAI_OTLP_ENDPOINT" in logs[0]["error"]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500])
async def test_what_a_collector_refuses_is_dropped_and_said_once(status: int) -> None:
    with capture_logs() as logs:
        async with (
            OtlpCollector(then=[answer(status), answer(status)]) as collector,
            exporting(collector.url) as exporter,
        ):
            for name in "ab":
                collector.has_heard.clear()
                exporter.export(build_trace(name))
                await asyncio.wait_for(collector.has_heard.wait(), 10)
            exporter.export(build_trace("c"))
            await arrival(collector)
            assert told(collector)[-1] == "c"
            assert "a" not in told(collector)
    assert [log["event"] for log in logs] == ["spans_not_exported", "spans_exported_again"]
    assert str(status) in logs[0]["error"]


async def test_an_answer_that_means_nothing_is_taken_for_an_acceptance() -> None:
    async with OtlpCollector(then=[answer(200, b"\xff{not json")]) as collector:
        with capture_logs() as logs:
            async with exporting(collector.url) as exporter:
                exporter.export(build_trace())
        assert (len(collector.http.requests), logs) == (1, [])


async def test_a_collector_that_is_away_gets_the_newest_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp_exporter, "MAX_WAITING", 10)
    has_failed = asyncio.Event()

    class Watched(EgressClient):
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            try:
                return await super().send(request)
            except Unavailable:
                has_failed.set()
                raise

    async with OtlpCollector() as placeholder:
        port, url = placeholder.http.port, placeholder.url
    with capture_logs() as logs:
        async with exporting(url, http=Watched(trusted=[url])) as exporter:
            for number in range(100):
                exporter.export(build_trace(str(number)))
            await asyncio.wait_for(has_failed.wait(), 10)
            async with OtlpCollector(port=port) as collector:
                await arrival(collector)
                assert told(collector) == [str(number) for number in range(90, 100)]
    assert [log["event"] for log in logs] == ["spans_not_exported", "spans_exported_again"]
    assert logs[1]["dropped_turns"] == 90


async def test_a_collector_that_hangs_holds_up_neither_turns_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp_exporter, "FLUSH_S", 0.01)
    loop = asyncio.get_running_loop()
    async with OtlpCollector(then=[hang] * 3) as collector:
        with capture_logs() as logs:
            async with exporting(collector.url) as exporter:
                exporter.export(build_trace())
                await asyncio.wait_for(collector.has_heard.wait(), 10)
                began = loop.time()
                for _ in range(100):
                    exporter.export(build_trace())
        assert [(log["event"], log["turns"]) for log in logs] == [("spans_dropped", 101)]
        assert loop.time() - began < otlp_exporter.SEND_TIMEOUT_S / 2
        assert not collector.spans


async def test_only_the_operators_collector_is_reached_and_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with OtlpCollector() as proxy, OtlpCollector() as collector:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with exporting(collector.url) as exporter:
            exporter.export(build_trace())
        assert (len(collector.spans), proxy.http.connections) == (1, 0)
