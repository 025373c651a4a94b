"""The least that a chat endpoint can be: store a row, ask the model, hand its answer on.

Owns the measure of everything else: no accounts, memory, tools, limits or logs, on the same
server, framework, database and durability as the appliance. A ceiling, not a rival. Run as
``python -m tests.bench.floor_app --port N --model-url URL --database FILE``.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar import Litestar, Request, Response, get, post
from litestar.response import Stream
from pysqlite3 import dbapi2 as sqlite3

from tests.bench.stdin_watch import run_until_stdin_ends

MODEL = "bench:latest"
INSERT = "INSERT INTO messages (content) VALUES (?)"


class Body(msgspec.Struct):
    message: str


class Said(msgspec.Struct):
    content: str = ""


class Line(msgspec.Struct):
    message: Said
    done: bool = False


def open_database(path: str) -> Any:
    """Open a database that loses nothing it acknowledged."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, content TEXT)")
    return database


def build_app(model_url: str, database: Any) -> Litestar:
    """Return the application; ``database`` is written to on the event loop, which is cheapest."""
    limits = httpx.Limits(max_connections=1_000, max_keepalive_connections=100)
    client = httpx.AsyncClient(base_url=model_url, limits=limits, timeout=60, trust_env=False)

    def ask(message: str, *, stream: bool) -> dict[str, Any]:
        messages = [{"role": "user", "content": message}]
        return {"model": MODEL, "messages": messages, "stream": stream}

    async def events(message: str) -> AsyncGenerator[bytes, None]:
        async with client.stream("POST", "/api/chat", json=ask(message, stream=True)) as response:
            async for line in response.aiter_lines():
                said = msgspec.json.decode(line, type=Line)
                data = msgspec.json.encode({"text": said.message.content})
                yield b"event: delta\ndata: " + data + b"\n\n"
        yield b"event: done\ndata: {}\n\n"

    @get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @post("/chat/message", status_code=200)
    async def chat(request: Request[Any, Any, Any], data: Body) -> Response[Any]:
        database.execute(INSERT, (data.message,))
        if "text/event-stream" in request.headers.get("accept", ""):
            return Stream(events(data.message), media_type="text/event-stream")
        response = await client.post("/api/chat", json=ask(data.message, stream=False))
        said = msgspec.json.decode(response.content, type=Line)
        return Response({"message": {"content": said.message.content}})

    return Litestar([health, chat], openapi_config=None)


async def serve(port: int, model_url: str, database_path: str) -> None:
    """Serve until cancelled."""
    server = Server(
        build_app(model_url, open_database(database_path)),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=4_096,
        backpressure=20_000,
        log_enabled=False,
    )
    serving = asyncio.ensure_future(server.serve())
    try:
        await asyncio.shield(serving)
    finally:
        server.stop()
        await serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model-url", required=True)
    parser.add_argument("--database", required=True)
    given = parser.parse_args()
    run_until_stdin_ends(serve(given.port, given.model_url, given.database))


if __name__ == "__main__":
    main()
