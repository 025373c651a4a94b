from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.domain.integration import ToolOffer
from appliance.integrations.mcp import sessions
from appliance.integrations.mcp.sessions import KeptSessions


class FakeSession:
    """As much of a session as keeping it needs."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    async def list_offers(self) -> dict[str, ToolOffer]:
        return {}


class Openings:
    """Opens sessions and remembers those that were opened and ended."""

    def __init__(self) -> None:
        self.opened: list[FakeSession] = []
        self.ended = 0
        self.told = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        session = FakeSession()
        self.opened.append(session)
        try:
            yield session
        finally:
            self.ended += 1

    async def tell(self, offers: dict[str, ToolOffer]) -> None:
        self.told.set()


async def get(kept: KeptSessions, key: str, version: str, open_: Any, tell: Any) -> Any:
    async with kept.use(key, version, open_, tell) as got:
        return got


async def test_a_session_is_opened_once_and_kept() -> None:
    kept, openings = KeptSessions(), Openings()
    got = await asyncio.gather(*(get(kept, "a", "1", openings.open, openings.tell) for _ in "abc"))
    assert len(openings.opened) == 1
    assert sorted(was_open for _, was_open in got) == [False, True, True]
    await get(kept, "b", "1", openings.open, openings.tell)
    assert len(openings.opened) == 2
    await kept.aclose()
    assert openings.ended == 2


async def test_a_changed_connection_gets_a_session_of_its_own() -> None:
    kept, openings = KeptSessions(), Openings()
    await get(kept, "a", "1", openings.open, openings.tell)
    _, was_open = await get(kept, "a", "2", openings.open, openings.tell)
    assert (was_open, len(openings.opened)) == (False, 2)
    await kept.aclose()
    assert openings.ended == 2


async def test_what_opening_raises_reaches_everybody_and_is_tried_again() -> None:
    @asynccontextmanager
    async def fail() -> AsyncIterator[Any]:
        raise OSError("no such program")
        yield

    kept, openings = KeptSessions(), Openings()
    for _ in range(2):
        with pytest.raises(OSError, match="no such program"):
            await get(kept, "a", "1", fail, openings.tell)
    await get(kept, "a", "1", openings.open, openings.tell)
    await kept.aclose()
    assert openings.ended == 1


async def test_one_that_never_opens_is_left() -> None:
    @asynccontextmanager
    async def hang() -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield

    kept, openings = KeptSessions(), Openings()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await get(kept, "a", "1", hang, openings.tell)
    kept.drop("a")
    async with asyncio.timeout(5):
        await kept.aclose()


async def test_a_change_is_told() -> None:
    kept, openings = KeptSessions(), Openings()
    session, _ = await get(kept, "a", "1", openings.open, openings.tell)
    session.changed.set()
    async with asyncio.timeout(5):
        await openings.told.wait()
    await kept.aclose()


async def test_idle_sessions_end_and_there_are_never_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    kept, openings = KeptSessions(), Openings()
    for key in "abc":
        await get(kept, key, "1", openings.open, openings.tell)
    await asyncio.sleep(0)
    await get(kept, "b", "1", openings.open, openings.tell)
    assert len(openings.opened) == 3
    monkeypatch.setattr(sessions, "IDLE_S", 0.01)
    await get(kept, "d", "1", openings.open, openings.tell)
    async with asyncio.timeout(5):
        while openings.ended < 3:  # noqa: ASYNC110 - the ending task tells nobody
            await asyncio.sleep(0.01)
    await kept.aclose()
    assert openings.ended == len(openings.opened)


async def test_one_that_failed_somebody_stays_for_those_who_use_it() -> None:
    kept, openings = KeptSessions(), Openings()
    async with kept.use("a", "1", openings.open, openings.tell):
        kept.drop("a")
        await get(kept, "a", "1", openings.open, openings.tell)
        assert (len(openings.opened), openings.ended) == (2, 0)
    async with asyncio.timeout(5):
        while openings.ended < 1:  # noqa: ASYNC110 - the ending task tells nobody
            await asyncio.sleep(0.01)
    async with kept.use("b", "1", openings.open, openings.tell):
        kept.drop("b")
        await kept.aclose()
    assert openings.ended == len(openings.opened) == 3
