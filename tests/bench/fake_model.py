"""A model server that answers at once: Ollama's protocol, 20 tokens, the question's nonce in them.

Owns what is said and when, and a webhook receiver for tool calls; run as a process of its own:
``python -m tests.bench.fake_model --port N``. What a visitor's message may ask for:

=====================  =========================================================================
``n`` + 12 hex digits  the nonce; it is one of the answer's tokens
``delay=300ms``        the first token comes that much later
``pace=50ms``          that much time between tokens, of which there are then 400
``use T with P=V``     the tool ``T`` is called with that argument; the answer repeats its result
=====================  =========================================================================

``tests.fakes.ollama_server`` is the faithful fake for tests. It costs 0.39 ms an answer and keeps
every request, this one 0.15 ms and nothing: a benchmark must not measure its own fake.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from typing import Any

import msgspec

from tests.bench.http_protocol import Connection, frame
from tests.bench.stdin_watch import run_until_stdin_ends

MODEL = "bench:latest"
TOKENS = 20
PACED_TOKENS = 400
REPEATED_RESULT_CHARS = 600
NONCE = re.compile(r"\bn[0-9a-f]{12}\b")
DELAY = re.compile(r"\bdelay=(\d+)ms\b")
PACE = re.compile(r"\bpace=(\d+)ms\b")
CALL = re.compile(r"\buse (\w+) with (\w+)=(\S+)")
RESULT = re.compile(r"\{.*\}", re.DOTALL)
WORD = " word"

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"
TAGS = {
    "models": [
        {
            "name": MODEL,
            "model": MODEL,
            "size": 2_600_000_000,
            "digest": "0" * 64,
            "details": {"format": "gguf", "family": "fake"},
            "capabilities": ["completion", "tools"],
            "context_length": 40_960,
        }
    ]
}
SHOWN = {
    "capabilities": ["completion", "tools"],
    "model_info": {"general.architecture": "fake", "fake.context_length": 40_960},
}


class Message(msgspec.Struct):
    role: str
    content: str = ""


class ChatBody(msgspec.Struct):
    messages: list[Message]
    stream: bool = True


def line(message: dict[str, Any], **ending: Any) -> bytes:
    """Return one line of a streamed answer."""
    chunk = {
        "model": MODEL,
        "created_at": "2026-11-20T09:00:00.000000Z",
        "message": {"role": "assistant", "content": "", **message},
        "done": bool(ending),
        **ending,
    }
    return msgspec.json.encode(chunk) + b"\n"


ENDING = {"done_reason": "stop", "prompt_eval_count": 120, "eval_count": TOKENS}
WORD_LINE = frame(line({"content": WORD}))
LAST_LINE = frame(line({}, **ENDING)) + STREAM_END


class FakeModel:
    """Answers every connection; ``hangups`` are the nonces of answers nobody waited for."""

    def __init__(self) -> None:
        self.hangups: dict[str, float] = {}
        self.chats = 0

    def handle(self, connection: Connection, method: str, path: str, body: bytes) -> None:
        """Answer one request."""
        match method, path:
            case "POST", "/api/chat":
                self.chat(connection, msgspec.json.decode(body, type=ChatBody))
            case "GET", "/api/tags":
                connection.respond(msgspec.json.encode(TAGS))
            case "POST", "/api/show":
                connection.respond(msgspec.json.encode(SHOWN))
            case "GET", "/api/version":
                connection.respond(b'{"version":"0.17.4"}')
            case "POST", "/webhook/order":
                connection.respond(self.order(msgspec.json.decode(body)))
            case "GET", "/bench/hangups":
                connection.respond(msgspec.json.encode(self.hangups))
            case _:
                connection.respond(b'{"error":"not found"}', status="404 Not Found")

    def order(self, parameters: dict[str, Any]) -> bytes:
        number = parameters["order_number"]
        return msgspec.json.encode({"found": True, "order_number": number, "status": "shipped"})

    def chat(self, connection: Connection, body: ChatBody) -> None:
        self.chats += 1
        last = body.messages[-1]
        asked = next((m.content for m in reversed(body.messages) if m.role == "user"), "")
        call = CALL.search(asked) if last.role != "tool" else None
        if call is not None:
            connection.write(STREAM_HEAD + frame(call_line(call)))
            connection.write(LAST_LINE)
            return
        repeated = RESULT.search(last.content) if last.role == "tool" else None
        told = repeated[0][:REPEATED_RESULT_CHARS] if repeated else ""
        found = NONCE.search(asked)
        nonce = found[0] if found else "none"
        if not body.stream:
            text = WORD * (TOKENS - 1) + f" {nonce} {told}"
            connection.respond(line({"content": text}, **ENDING))
            return
        first = frame(line({"content": f" {nonce} {told}"}))
        delay, pace = DELAY.search(asked), PACE.search(asked)
        if pace is not None:
            self.say_slowly(connection, nonce, first, int(pace[1]) / 1000)
        elif delay is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(int(delay[1]) / 1000, say, connection, first)
        else:
            say(connection, first)

    def say_slowly(self, connection: Connection, nonce: str, first: bytes, pace_s: float) -> None:
        """Send a token every ``pace_s`` and note when the caller hangs up before the end."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def hung_up() -> None:
            self.hangups[nonce] = time.monotonic()
            if timer is not None:
                timer.cancel()

        def go_on(left: int) -> None:
            nonlocal timer
            if left == 0:
                connection.on_lost = None
                connection.write(LAST_LINE)
                return
            connection.write(WORD_LINE)
            timer = loop.call_later(pace_s, go_on, left - 1)

        connection.on_lost = hung_up
        connection.write(STREAM_HEAD + first)
        timer = loop.call_later(pace_s, go_on, PACED_TOKENS - 1)


def say(connection: Connection, first: bytes) -> None:
    """Send the whole answer, each token in a packet of its own, as a model does."""
    connection.write(STREAM_HEAD + first)
    for _ in range(TOKENS - 1):
        connection.write(WORD_LINE)
    connection.write(LAST_LINE)


def call_line(call: re.Match[str]) -> bytes:
    function = {"index": 0, "name": call[1], "arguments": {call[2]: call[3]}}
    return line({"tool_calls": [{"function": function}]})


async def serve(port: int) -> None:
    """Serve until cancelled."""
    model = FakeModel()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(model.handle), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    run_until_stdin_ends(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
