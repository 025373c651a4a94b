"""One server and its data folder, on which it is killed and started again.

Owns the order of deaths, starts and comparisons; what must hold is left to ``promises``, what
visitors do to ``visitors``.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx

from tests.crash.journal import Journal, Message
from tests.crash.plan import Kill
from tests.crash.promises import check_changes, check_everything
from tests.crash.stored_state import StoredState
from tests.crash.surroundings import (
    Shop,
    UnhurriedModel,
    answer_obediently,
    book_by_webhook,
    open_shops,
)
from tests.crash.visitors import Mood, Visitor
from tests.fakes.webhook_server import WebhookServer
from tests.http.running_server import RunningServer
from tests.loopback import DIRECT

VISITORS_PER_SHOP = 3
UNASSIGNED_PORTS = range(15_000, 32_000)
"""Below those that Linux gives to connections on their way out."""
POLL_S = 0.005
REACH_S = {"load": 20.0, "leaving": 20.0, "renewal": 45.0, "stop": 30.0}
"""How long a failpoint may take to be reached; then the server is killed without it."""
START_S = 30.0
END_S = 60.0
THOROUGH_EVERY = 25
HISTORIES = 3
EXPECTED_LOG = (
    "failpoint_armed",
    "turns_recovered",
    "turn_failed",
    "tool_failed",
    "_spawn_asgi_worker",
)
"""``tool_failed`` tells of writes whose end is not known. The last is Granian's word when
connections outlast the deadline of a stop."""


def find_lasting_ports() -> tuple[int, int]:
    """Return two free ports that no outgoing connection gets while the server is dead."""
    found: list[int] = []
    # Not of the run's own choices: two runs side by side must not look in the same places.
    candidates = random.SystemRandom().sample(UNASSIGNED_PORTS, 100)
    for port in candidates:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == 2:
            return found[0], found[1]
    raise AssertionError("No two ports are free.")


class PromiseBroken(Exception):
    """A promise did not hold; ``lines`` say which and where."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


class Arena:
    """Kills one server after another on ``folder``.

    Args:
        folder: Holds the data folder and what the servers say.
        kills: The deaths, in order.
        rng: Decides what the plan leaves open.
        on_death: Called after each death.
        database_url: Of a Postgres database of this arena's own, instead of SQLite.
    """

    def __init__(
        self,
        folder: Path,
        kills: Sequence[Kill],
        rng: random.Random,
        *,
        on_death: Callable[[], None] = lambda: None,
        database_url: str | None = None,
    ) -> None:
        self.folder = folder
        self.journal = Journal()
        self.deaths: Counter[str] = Counter()
        self.restarts_s: list[float] = []
        self.checks = 0
        self._kills = kills
        self._rng = rng
        self._on_death = on_death
        self._database_url = database_url
        self._mood = Mood()
        self._shops: list[Shop] = []

    @property
    def state(self) -> StoredState:
        """The database."""
        return StoredState(self._server.database)

    async def run(self, *, deadline: float = float("inf")) -> None:
        """Do all the killing, or as much as there is time for until ``deadline`` (monotonic).

        Raises:
            PromiseBroken: Something did not hold.
        """
        self.folder.mkdir(parents=True)
        async with (
            UnhurriedModel(answer_obediently) as model,
            WebhookServer(respond=partial(book_by_webhook, self.journal)) as webhook,
        ):
            settings = {
                "CSAI_OLLAMA_URL": model.url,
                "CSAI_EGRESS_ALLOW": webhook.authority,
                "CSAI_DATABASE_URL": self._database_url or "",
            }
            self._server = RunningServer(self.folder, settings=settings)
            self._server.ports = find_lasting_ports()
            self._server.expect(*EXPECTED_LOG)
            await asyncio.to_thread(self._server.start)
            visitors: list[asyncio.Task[None]] = []
            try:
                self._shops = await asyncio.to_thread(open_shops, self._server, webhook.url)
                self._server.kill()
                visitors = [
                    asyncio.create_task(self._build_visitor(shop).live())
                    for shop in self._shops
                    for _ in range(VISITORS_PER_SHOP)
                ]
                for kill in self._kills:
                    if time.monotonic() > deadline:
                        break
                    await self._live_and_die(kill)
                    self._check_visitors(visitors)
                await self._end(visitors)
            finally:
                self._server.kill()
                for visitor in visitors:
                    visitor.cancel()
                await asyncio.gather(*visitors, return_exceptions=True)

    def _build_visitor(self, shop: Shop) -> Visitor:
        rng = random.Random(self._rng.random())
        return Visitor(shop, self._server.base_url, self.journal, self._mood, rng)

    async def _live_and_die(self, kill: Kill) -> None:
        self._server.settings["CSAI_FAILPOINT"] = kill.setting
        launched = time.monotonic()
        self._server.launch()
        if kill.situation == "start":
            await self._died_within(self._rng.uniform(0.05, 1.0))
            self._note_death(kill, is_planned=True)
            return
        if not await self._has_started(launched):
            self._note_death(kill, is_planned=bool(kill.failpoint))
            return
        await self._compare()
        self._mood.wants_slow_answers = kill.situation == "renewal"
        self._mood.wants_leaving = kill.situation == "leaving"
        self._mood.is_open.set()
        has_died = await self._let_it_die(kill)
        self._mood.is_open.clear()
        self._note_death(kill, is_planned=has_died or kill.failpoint is None)

    async def _let_it_die(self, kill: Kill) -> bool:
        """Give visitors the server until it dies; false when it did not by itself."""
        if kill.situation == "moment":
            return await self._died_within(self._rng.uniform(0.0, 0.8))
        if kill.situation == "stop":
            await asyncio.sleep(self._rng.uniform(0.1, 0.4))
            self._server.process.send_signal(signal.SIGTERM)
        return await self._died_within(REACH_S[kill.situation])

    async def _has_started(self, launched: float) -> bool:
        """Wait for the greeting; false when the server has died before."""
        while self._server.process.poll() is None:
            if self._server.has_greeted():
                self.restarts_s.append(time.monotonic() - launched)
                return True
            if time.monotonic() > launched + START_S:
                raise PromiseBroken([f"the server did not start within {START_S} s"])
            await asyncio.sleep(POLL_S)
        return False

    async def _died_within(self, limit_s: float) -> bool:
        deadline = time.monotonic() + limit_s
        while self._server.process.poll() is None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_S)
        return True

    def _note_death(self, kill: Kill, *, is_planned: bool) -> None:
        """End the server if it lives still, and note what it died of."""
        self._server.kill()
        code = self._server.process.returncode
        loud = self._server.unexpected()
        if code != -signal.SIGKILL or loud:
            raise PromiseBroken([f"{kill}: the server ended with {code}", *loud])
        name = kill.failpoint or f"a random {kill.situation}"
        self.deaths[name if is_planned else f"{name}, not reached"] += 1
        self._server.forget_output()
        self._on_death()

    async def _compare(self, *, is_last: bool = False) -> None:
        """Compare what is stored with what is promised and with what visitors were told."""
        self.checks += 1
        is_thorough = is_last or self.checks % THOROUGH_EVERY == 0
        changed = self.journal.take_changed()
        if is_thorough:
            broken = await asyncio.to_thread(check_everything, self.state, self.journal)
        else:
            broken = await asyncio.to_thread(check_changes, self.state, self.journal, changed)
        if not is_last:
            some = self._rng.sample(changed, min(HISTORIES, len(changed)))
            broken += await self._compare_histories(some)
        if broken:
            raise PromiseBroken(broken)

    async def _compare_histories(self, told: Sequence[Message]) -> list[str]:
        """Return what of these messages and answers a visitor does not see in the history."""
        broken: list[str] = []
        keys = {shop.name: shop.api_key for shop in self._shops}
        async with httpx.AsyncClient(base_url=self._server.base_url, **DIRECT) as client:
            for message in told:
                answer = await client.get(
                    f"/chat/history/{message.session_id}?limit=200",
                    headers={"X-API-Key": keys[message.shop]},
                )
                seen = {(one["id"], one["content"]) for one in answer.json().get("messages", ())}
                known = (
                    {(message.user_message_id, message.text)}
                    if message.user_message_id
                    else (set())
                )
                if message.reply_id:
                    known.add((message.reply_id, message.reply_text))
                if not known <= seen:
                    broken.append(
                        f"the visitor of message {message.id} does not see {known - seen}"
                    )
        return broken

    def _check_visitors(self, visitors: Sequence[asyncio.Task[None]]) -> None:
        for visitor in visitors:
            if visitor.done():
                visitor.result()
                raise PromiseBroken(["a visitor has left for good"])

    async def _end(self, visitors: Sequence[asyncio.Task[None]]) -> None:
        """Let every visitor have the last message answered, stop the server and compare all."""
        self._server.settings["CSAI_FAILPOINT"] = ""
        launched = time.monotonic()
        self._server.launch()
        if not await self._has_started(launched):
            raise PromiseBroken(["the last start failed", self._server.output()])
        await self._compare()
        self._mood.wants_slow_answers = False
        self._mood.is_ending = True
        self._mood.is_open.set()
        _, waiting = await asyncio.wait(visitors, timeout=END_S)
        if waiting:
            raise PromiseBroken([f"{len(waiting)} visitors got no answer within {END_S} s"])
        for visitor in visitors:
            visitor.result()
        await asyncio.to_thread(self._server.stop)
        await self._compare(is_last=True)
