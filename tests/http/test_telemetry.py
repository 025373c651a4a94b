"""Spans of a running server, as the operator's collector gets them."""

from __future__ import annotations

import asyncio

from tests.fakes.otlp_collector import OtlpCollector
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import serving

CANARY = "marmalade-canary"


async def test_a_turn_is_exported_by_names_and_numbers_at_the_latest_when_the_server_stops(
    tmp_path,
):
    async with OtlpCollector() as collector:
        async with serving(tmp_path, settings={"CSAI_OTLP_ENDPOINT": collector.url}) as server:
            visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
            await asyncio.to_thread(visitor.ask, f"{CANARY}! Where is my order 12345?")
            reply = await asyncio.to_thread(visitor.ask, "Where is my order 12345?")
            visitor.http.close()
        first, root = [span for span in collector.spans if span.parentSpanId is None]
        children = [span for span in collector.spans if span.traceId == root.traceId]
        children.remove(root)
        assert first.traceId != root.traceId
        assert root.name == "invoke_agent csai-appliance"
        assert root.facts["gen_ai.conversation.id"] == reply["conversation_id"]
        assert {span.facts["gen_ai.operation.name"] for span in children} == {
            "chat",
            "execute_tool",
        }
        assert {span.parentSpanId for span in children} == {root.spanId}
        assert all(
            int(root.startTimeUnixNano) <= int(span.startTimeUnixNano)
            and int(span.endTimeUnixNano) <= int(root.endTimeUnixNano)
            for span in children
        )
        sent = b"".join(request.body for request in collector.http.requests)
        for secret in (CANARY, visitor.api_key, reply["session_id"]):
            assert secret.encode() not in sent
