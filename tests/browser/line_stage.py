"""The scene of ``tests.browser.bad_line``: a shop's page, a bad line, a real server, a model.

Owns putting them up and what the model says; who visits is left to ``line_visit``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.shop_page import ShopServer, open_shop
from tests.fakes.background import Background
from tests.fakes.cutting_proxy import CuttingProxy, Fault, draw_fault
from tests.fakes.loopback_http import Exchange, SeenRequest
from tests.fakes.ollama_server import STREAM_TYPE, FakeOllama, Say, Step
from tests.http.clients import Operator, Shop
from tests.http.running_server import RunningServer
from tests.http.slow_ollama import use_ollama

FAULT_SHARE = 0.6
"""Of the requests; a line on which nothing gets through shows nothing."""
WORDS = ("dough", "oven", "flour", "שמרים", "crumb", "קמח", "לחם", "proof", "butter", "חלה", "malt")


class PacedOllama(FakeOllama):
    """Writes answers that are never alike, in pieces that come at uneven times.

    ``said`` are the answers by their question.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__(self.answer)
        self.rng = rng
        self.said: dict[str, list[str]] = {}

    def answer(self, body: dict[str, Any]) -> Step:
        """Answer the newest question."""
        words = (f" {self.rng.choice(WORDS)}" for _ in range(self.rng.randint(3, 40)))
        pieces = ("Yes,", *words, f" 😀 {spell(self.rng)}.")
        self.said.setdefault(body["messages"][-1]["content"], []).append("".join(pieces))
        return Say(text=pieces)

    async def _stream(self, exchange: Exchange, lines: Sequence[bytes], *, ends: bool) -> None:
        await exchange.start(200, content_type=STREAM_TYPE)
        pause_s = self.rng.choice((0.0, 0.0, 0.002, 0.02))
        for line in lines:
            await asyncio.sleep(pause_s)
            await exchange.chunk(line)
        await exchange.end()


def spell(rng: random.Random) -> str:
    """Return letters that come up once."""
    return "".join(rng.choice("abcdefghijkmnpqrstuvwxyz") for _ in range(12))


class Line:
    """Which requests meet which fault: some of the chat's, while it ``is_bad``."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.is_bad = False

    def choose(self, request: SeenRequest) -> Fault | None:
        """Decide about one request."""
        if not self.is_bad or not request.path.startswith("/chat/"):
            return None
        return draw_fault(self._rng) if self._rng.random() < FAULT_SHARE else None


class Stage:
    """A shop's page, the bad line and the server behind it."""

    def __init__(
        self,
        browser: Browser,
        server: RunningServer,
        proxy: CuttingProxy,
        line: Line,
        ollama: PacedOllama,
        site: ShopServer,
    ) -> None:
        self.browser = browser
        self.server = server
        self.proxy = proxy
        self.line = line
        self.ollama = ollama
        self.operator = Operator(server)
        self.shop: Shop = self.operator.make_shop("Line Shop", allowed_origins=[site.origin])
        self.site = site
        script = f'<script async src="{proxy.url}/widget.js" data-api-key="{self.shop.api_key}">'
        site.snippet = f"{script}</script>"

    def count_conversations(self) -> int:
        """Return how many the server has."""
        path = f"/conversations?tenant_id={self.shop.id}&limit=200"
        count, cursor = 0, ""
        while True:
            found = self.operator.call("GET", path + cursor)
            count += len(found["items"])
            if not found["next_cursor"]:
                return count
            cursor = f"&cursor={found['next_cursor']}"


@contextmanager
def open_stage(browser: Browser, folder: Path, seed: int) -> Iterator[Stage]:
    """Put everything up; the line is good until it is told otherwise."""
    background = Background()
    line = Line(random.Random(seed))
    ollama = PacedOllama(random.Random(seed + 1))
    with background.serve(ollama), RunningServer(folder, settings=use_ollama(ollama)) as server:
        server.expect("origin_refused", "turn_", "client", "stream")
        proxy = CuttingProxy(server.ports[0], line.choose)
        background.run(proxy.__aenter__())
        try:
            with open_shop() as site:
                stage = Stage(browser, server, proxy, line, ollama, site)
                yield stage
                stage.operator.http.close()
        finally:
            background.run(proxy.__aexit__(None, None, None))
