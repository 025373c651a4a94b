"""What a power loss may take: nothing that was acknowledged, and never half of anything."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.domain.ids import TenantId
from appliance.storage.database import Database
from tests.contract.turn_store_contract import OpenedTurnStore
from tests.fakes.clock import SettableClock
from tests.fakes.sqlite_database import build_tenant
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import RunningServer, wait_until

pytestmark = pytest.mark.on_sqlite

TRACED = "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg"
LOG = "csai.sqlite3-wal>"
LOG_HEADER = 32
FRAME_HEADER = 24
PAGE = 4096
TURNS = 4
TENANT = TenantId("0198c0de-0000-7000-8000-000000000001")


def read_calls(trace: Path) -> list[tuple[int, str, str]]:
    """Return thread, name and text of the calls, each where it begins; a sync where it has ended.

    What is sent is known to have left at the earliest when the call begins, what is synced to be
    safe at the latest when it returns.
    """
    calls = []
    pending: dict[int, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        found = re.match(r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>.*)$", line)
        if found is None:
            continue
        thread, name, text = int(found[1]), found[2] or found[4], found[3]
        if name not in ("fsync", "fdatasync"):
            if text is not None:
                calls.append((thread, name, text))
        elif text is not None and text.endswith("<unfinished ...>"):
            pending[thread] = text
        elif line.endswith("= 0"):
            calls.append((thread, name, text if text is not None else pending.pop(thread)))
    return calls


def find_position(
    calls: list[tuple[int, str, str]], name: str, *parts: str, after: int = -1
) -> int:
    """Return where the first call of this kind behind ``after`` is."""
    for position, (_, called, text) in enumerate(calls):
        if position > after and re.fullmatch(name, called) and all(part in text for part in parts):
            return position
    raise AssertionError(f"There is no {name} with {parts} behind {after}.")


def test_what_is_acknowledged_was_synced_before(tmp_path: Path):
    trace = tmp_path / "trace.txt"
    strace = ("strace", "-D", "-f", "-y", "-s", "6000", "-o", str(trace), "-e", TRACED)
    with RunningServer(tmp_path, launcher=strace) as server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("hello")
        events = visitor.stream("canary: when are you open?")
        answer_id = events[-2].data["message"]["id"]
        visitor.http.close()
    wait_until(lambda: "+++ exited with 0 +++" in trace.read_text(), timeout_s=30, what="strace")
    calls = read_calls(trace)
    asked = find_position(calls, "pwrite64", LOG, "canary: when")
    told = find_position(calls, "write|writev|sendto|sendmsg", "event: session", after=asked)
    synced = find_position(calls, "fsync|fdatasync", LOG, after=asked)
    assert asked < synced < told
    last_frame = max(
        position
        for position, (_, name, text) in enumerate(calls[:told])
        if name == "pwrite64" and LOG in text
    )
    assert last_frame < synced, "the sync came before all of the commit was written"

    answered = find_position(calls, "pwrite64", LOG, answer_id, after=synced)
    replied = find_position(calls, "write|writev|sendto|sendmsg", answer_id, after=synced)
    assert answered < find_position(calls, "fsync|fdatasync", LOG, after=answered) < replied


class CutDatabase:
    """A database whose log was kept at each acknowledgement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.acknowledged: list[tuple[int, str]] = []
        """How long the log was, and the message that was acknowledged then, in their order."""

    @property
    def path(self) -> Path:
        return self.folder / "csai.sqlite3"

    @property
    def log(self) -> Path:
        return self.folder / "csai.sqlite3-wal"

    def note(self, message_id: str) -> None:
        self.acknowledged.append((self.log.stat().st_size, message_id))

    def cut(self, folder: Path, size: int) -> Path:
        """Return a copy whose log ends after ``size`` bytes."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(self.folder / "before.sqlite3", folder / self.path.name)
        (folder / self.log.name).write_bytes((self.folder / "log").read_bytes()[:size])
        return folder / self.path.name


@pytest.fixture
async def cut_database(tmp_path: Path) -> CutDatabase:
    """A few turns of two visitors, all in the log, as a power loss finds them."""
    found = CutDatabase(tmp_path / "whole")
    clock = SettableClock()
    database = await Database.open(found.path, clock, tmp_path / "secrets.key")
    await database.tenants.add(build_tenant(clock, TENANT))
    await database.close()
    shutil.copy(found.path, found.folder / "before.sqlite3")
    database = await Database.open(found.path, clock, tmp_path / "secrets.key")

    async def read_no_usage(_: TenantId) -> dict[tuple[str, str, str], dict[str, int]]:
        raise NotImplementedError

    turns = OpenedTurnStore(database.turn_store, clock, TENANT, TenantId(""), read_no_usage)
    for turn in range(TURNS):
        for visitor in ("s1", "s2"):
            session = visitor if turn else None
            accepted = await turns.begin("question", session=session, new_session=visitor)
            found.note(accepted.user_message_id)
            reply = await turns.finish(accepted, "answer")
            found.note(reply.message.id)
    shutil.copy(found.log, found.folder / "log")
    await database.close()
    return found


def read_cuts(log: Path) -> Iterator[int]:
    """Return every frame's end, and a place within each."""
    frame = FRAME_HEADER + PAGE
    count, rest = divmod(log.stat().st_size - LOG_HEADER, frame)
    assert rest == 0
    yield 0
    yield LOG_HEADER
    for number in range(count):
        begin = LOG_HEADER + number * frame
        yield from (begin + frame // 2, begin + frame)


def test_a_log_cut_anywhere_holds_what_was_acknowledged_by_then_and_nothing_half(
    tmp_path: Path, cut_database: CutDatabase
):
    order = [message_id for _, message_id in cut_database.acknowledged]
    kept_counts = []
    for size in read_cuts(cut_database.folder / "log"):
        path = cut_database.cut(tmp_path / "cut", size)
        safe = [message_id for length, message_id in cut_database.acknowledged if length <= size]
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",), size
            assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
            kept = {row[0] for row in raw.execute("SELECT id FROM messages")}
            counted = raw.execute("SELECT coalesce(sum(message_count), 0) FROM conversations")
            assert counted.fetchone() == (len(kept),)
            done = raw.execute("SELECT count(*) FROM messages WHERE turn_state = 'done'").fetchone()
            used = raw.execute("SELECT coalesce(sum(messages), 0) FROM api_usage").fetchone()
            assert used == (2 * done[0],)
        assert kept == set(order[: len(kept)]), f"no prefix at {size}"
        assert set(safe) <= kept, f"lost at {size}"
        kept_counts.append(len(kept))
    assert kept_counts == sorted(kept_counts)
    assert kept_counts[-1] == len(order) == 4 * TURNS
