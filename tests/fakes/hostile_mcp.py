"""An MCP server of the older generation that answers calls of its tools as badly as it is told.

Owns what it does on a loopback port; it is written out by hand, since the SDK would not let it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.fakes.loopback_http import Exchange

Reply = Callable[[Exchange, dict[str, Any]], Awaitable[None]]


def older(reply: Reply, tools: Any = None) -> Any:
    """Return a server of the older generation that calls of tools are answered by ``reply``."""
    offered = tools or [{"name": "find", "inputSchema": {"type": "object"}}]

    async def handle(exchange: Exchange) -> None:
        if exchange.request.method != "POST":
            await exchange.respond(405)
            return
        asked = exchange.request.json()
        match asked.get("method"):
            case "server/discover":
                await exchange.respond(400)
            case "initialize":
                info = {"name": "x", "version": "1"}
                capabilities: dict[str, Any] = {"tools": {}}
                answer = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": capabilities,
                    "serverInfo": info,
                }
                await exchange.respond_json(200, result_of(asked, answer))
            case "tools/list":
                await exchange.respond_json(200, result_of(asked, {"tools": offered}))
            case "tools/call":
                await reply(exchange, asked)
            case _:
                await exchange.respond(202)

    return handle


def result_of(asked: dict[str, Any], result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": asked["id"], "result": result}


DONE = {"content": [{"type": "text", "text": "done"}]}


async def reply_well(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond_json(200, result_of(asked, DONE))


async def reply_to_another(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond_json(200, {**result_of(asked, DONE), "id": 4_711})


async def reply_endlessly(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.start(200, content_type="text/event-stream")
    line = {"jsonrpc": "2.0", "method": "notifications/message",
            "params": {"level": "info", "data": "x" * 1_000}}  # fmt: skip
    while True:
        await exchange.chunk(f"event: message\ndata: {json.dumps(line)}\n\n".encode())
        await asyncio.sleep(0)


async def reply_at_length(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond_json(200, result_of(asked, {"content": [
        {"type": "text", "text": "x" * 10_000_000}]}))  # fmt: skip


async def reply_in_one_event(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.start(200, content_type="text/event-stream")
    for _ in range(10_000):
        await exchange.chunk(b"data: " + b"x" * 1_000)


async def reply_with_nonsense(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond(200, b"<html>internal</html>")


async def reply_deeply(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond(200, b"[" * 100_000)


async def reply_and_ask(exchange: Exchange, asked: dict[str, Any]) -> None:
    """Ask for a model, the visitor and the disk before answering."""
    await exchange.start(200, content_type="text/event-stream")
    for number, method in enumerate(("sampling/createMessage", "elicitation/create", "roots/list")):
        line = {"jsonrpc": "2.0", "id": f"s-{number}", "method": method, "params": {
            "messages": [], "maxTokens": 5, "message": "Your password?",
            "requestedSchema": {"type": "object", "properties": {}}}}  # fmt: skip
        await exchange.chunk(f"event: message\ndata: {json.dumps(line)}\n\n".encode())
    await exchange.chunk(f"event: message\ndata: {json.dumps(result_of(asked, DONE))}\n\n".encode())
    await exchange.end()


async def redirect_away(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond(307, headers=[("Location", "http://127.0.0.2:9/mcp")])


async def reply_with_a_failure(exchange: Exchange, asked: dict[str, Any]) -> None:
    said = [{"type": "text", "text": "hunter2"}]
    await exchange.respond_json(200, result_of(asked, {"content": said, "isError": True}))


async def refuse_the_key(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond(401, b"hunter2")


async def be_elsewhere(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.respond(404, b"hunter2")


async def be_silent(exchange: Exchange, asked: dict[str, Any]) -> None:
    await exchange.wait_for_disconnect()


async def cut(exchange: Exchange, asked: dict[str, Any]) -> None:
    exchange.cut()
