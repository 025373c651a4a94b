"""A machine whose clock jumps a day, as after a dead battery or a wrong time server."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from tests.http.clients import Operator, Visitor, read_demo_key
from tests.http.running_server import FROM_CHECKOUT, RunningServer, wait_until
from tests.http.slow_ollama import ANSWER, GatedOllama, say_answer, use_ollama
from tests.http.stored_rows import read_rows

LIBRARY_NAME = "faketime/libfaketimeMT.so.1"
TOLERANCE_S = 60


class Clock:
    """The server's wall clock, ahead of this machine's by what was last set; time goes on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(timedelta(0))

    @property
    def settings(self) -> dict[str, str]:
        """What makes a program read this clock; its monotonic one stays true, as on a machine."""
        library = next(Path("/usr/lib").rglob(LIBRARY_NAME))
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, ahead: timedelta) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{ahead.total_seconds():+.0f}")
        draft.replace(self._file)


def jump_and_wait(server: RunningServer, clock: Clock, ahead: timedelta) -> None:
    """Let the clock jump and return once the server lives in the new time."""
    clock.set(ahead)

    def has_jumped() -> bool:
        operator = Operator(server)
        operator.http.close()
        issued = jwt.decode(operator.tokens["access_token"], options={"verify_signature": False})
        return abs(issued["iat"] - time.time() - ahead.total_seconds()) < TOLERANCE_S

    wait_until(has_jumped, timeout_s=20, what="the jump of the clock")


def check_sessions(server: RunningServer, visitor: Visitor, operator: Operator) -> None:
    """Check that visitor and operator go on as if nothing had happened."""
    session, said = visitor.session_id, visitor.history()
    reply = visitor.ask("Are you there?", message_id="again")
    assert reply["session_id"] == session
    assert visitor.ask("Are you there?", message_id="again") == reply
    assert [message["id"] for message in visitor.history()[:-2]] == [item["id"] for item in said]
    refresh = {"refresh_token": operator.tokens["refresh_token"]}
    answer = operator.http.post("/refresh", json=refresh)
    assert answer.status_code == 200, answer.text
    operator.tokens = answer.json()
    operator.http.headers["Authorization"] = f"Bearer {operator.tokens['access_token']}"
    assert operator.call("GET", "/me")["username"] == "admin"
    rows = read_rows(server.database, "SELECT created_at FROM messages")
    assert len({str(at)[:10] for (at,) in rows}) == 2, "the server's clock did not jump"


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["forward", "back"])
async def test_a_jump_loses_no_session_and_no_turn(tmp_path: Path, jump: timedelta):
    clock = await asyncio.to_thread(Clock, tmp_path)
    async with GatedOllama(say_answer) as ollama:
        settings = {**use_ollama(ollama), **clock.settings}
        server = RunningServer(tmp_path, settings=settings, program=FROM_CHECKOUT)
        await asyncio.to_thread(server.start)
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        operator = await asyncio.to_thread(Operator, server)
        asking = asyncio.create_task(asyncio.to_thread(visitor.ask, "Is it warm?"))
        await asyncio.wait_for(ollama.has_chat.wait(), 10)
        await asyncio.to_thread(jump_and_wait, server, clock, jump)
        ollama.gate.set()
        reply = await asyncio.wait_for(asking, 10)
        assert reply["message"]["content"] == ANSWER
        await asyncio.to_thread(check_sessions, server, visitor, operator)
        await asyncio.to_thread(server.stop)
        clock.set(timedelta(0))  # after a jump forward, all rows are of the future now
        await asyncio.to_thread(server.start)
        assert await asyncio.to_thread(visitor.say, "And now?") == ANSWER
        assert len(await asyncio.to_thread(visitor.history)) == 6
        await asyncio.to_thread(server.stop)
        operator.http.close()
        visitor.http.close()
