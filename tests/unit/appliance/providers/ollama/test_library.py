from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.errors import NotFound, Rejected, Unavailable
from appliance.ports.model_library import PullProgress
from appliance.providers.ollama.http import OllamaHttp
from appliance.providers.ollama.library import OllamaLibrary
from tests.fakes.loopback_http import Exchange, Handler, LoopbackHttp
from tests.fakes.ollama_server import FakeOllama, Say


class Stage:
    def __init__(self, url: str) -> None:
        self.http = OllamaHttp(url, connect_timeout_s=2)
        self.changes = 0
        self.library = OllamaLibrary(self.http, self._note_change)

    def _note_change(self) -> None:
        self.changes += 1

    async def pull(self, model: str = "llama4:8b") -> list[PullProgress]:
        return [step async for step in self.library.pull(model)]


@asynccontextmanager
async def open_stage(handler: Handler | None = None) -> AsyncIterator[tuple[Stage, FakeOllama]]:
    async with FakeOllama(lambda _: Say()) as fake:
        if handler is None:
            stage = Stage(fake.url)
            yield stage, fake
        else:
            async with LoopbackHttp(handler) as server:
                stage = Stage(server.url)
                yield stage, fake
        await stage.http.aclose()


def send(body: bytes, status: int = 200) -> Handler:
    async def handle(exchange: Exchange) -> None:
        await exchange.respond(status, body, content_type="application/x-ndjson")

    return handle


async def test_a_model_is_got_piece_by_piece() -> None:
    async with open_stage() as (stage, fake):
        steps = await stage.pull()
        assert [model.name for model in fake.models] == ["qwen3:4b", "llama4:8b"]
    assert steps[-1] == PullProgress(status="success")
    assert PullProgress(status="pulling 0badc0de", completed_bytes=500, total_bytes=2_000) in steps
    assert stage.changes == 1


async def test_a_model_nobody_has_is_refused_with_where_to_look() -> None:
    async with open_stage() as (stage, _):
        with pytest.raises(Rejected, match=r"no model 'llama9'.*ollama\.com/library"):
            await stage.pull("llama9")


@pytest.mark.parametrize("status", [200, 500])
async def test_what_stops_it_is_told(status: int) -> None:
    full = b'{"error": "write /models/blobs: no space left on device"}\n'
    async with open_stage(send(full, status)) as (stage, _):
        with pytest.raises(Unavailable, match="no space left on device"):
            await stage.pull()


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"status": "\xf9"}\n', b'{"status": "pulling manifest"}\n', b""]
)
async def test_what_is_not_ollamas_or_breaks_off_is_unavailable(body: bytes) -> None:
    async with open_stage(send(body)) as (stage, _):
        with pytest.raises(Unavailable):
            await stage.pull()
        assert stage.changes == 0


async def test_a_model_is_removed() -> None:
    async with open_stage() as (stage, fake):
        await stage.library.delete("qwen3:4b")
        assert fake.models == []
        assert stage.changes == 1
        with pytest.raises(NotFound, match="Ollama has no model 'qwen3:4b'"):
            await stage.library.delete("qwen3:4b")
