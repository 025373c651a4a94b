from __future__ import annotations

import asyncio
import gzip
import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.ids import TenantId
from appliance.domain.tenant import RetentionSettings
from appliance.services.maintenance import DailyJob, MaintenanceSchedule
from appliance.services.pace import FIRST_ROWS, Pace
from appliance.services.retention import Progress
from appliance.storage.database import Database
from appliance.storage.tables import conversations, messages
from tests.contract.turn_store_contract import build_usage
from tests.fakes.clock import SettableClock
from tests.fakes.retention_victim import ROWS
from tests.fakes.sqlite_database import TemporaryDatabase, build_tenant
from tests.fakes.stored_history import StoredHistory, open_history

turns = st.fixed_dictionaries(
    {
        "session": st.sampled_from(["a", "b", "c", "d"]),
        "theirs": st.booleans(),
        "days": st.sampled_from([0, 0.3, 1, 9, 31, 70]),
        "tools": st.integers(0, 3),
        "model": st.sampled_from(["builtin", "qwen3:4b"]),
        "tokens": st.tuples(st.integers(0, 9999), st.integers(0, 999), st.integers(0, 99)),
        "cost": st.one_of(st.none(), st.integers(0, 10**9)),
        "ends": st.sampled_from(["finished", "finished", "failed", "running"]),
        "retention_behind": st.booleans(),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(turns, max_size=12))
def test_sums_are_the_same_before_and_after_to_the_token(history_of: list[dict[str, Any]]):
    async def check() -> None:
        async with open_history() as history:
            tools, usage = Counter[str](), None
            for turn in history_of:
                await take(history, turn)
                if turn["retention_behind"]:
                    usage, tools = await history.list_usage(), await history.sum_tools()
                    await history.build_retention(rows=3).run()
                    assert await history.list_usage() == usage
                    assert await history.sum_tools() == tools
            usage, tools = await history.list_usage(), await history.sum_tools()
            history.pass_days(200)
            await history.build_retention(rows=3).run()
            assert await history.list_usage() == usage
            assert await history.sum_tools() == tools
            leased = [row for row in await history.rows(conversations) if row.lease_message_id]
            left = {row.conversation_id for row in await history.rows(messages)}
            assert left == {row.id for row in leased}

    asyncio.run(check())


async def take(history: StoredHistory, turn: dict[str, Any]) -> None:
    """Carry out one turn, which may be left running."""
    history.pass_days(turn["days"])
    tenant_id = history.temporary.other_tenant_id if turn["theirs"] else history.tenant_id
    session = f"{turn['session']}-{tenant_id}"
    history.clock.advance(60)  # a running turn before it has lost its lease by now
    accepted = await history.ask(session, tenant_id=tenant_id)
    executions = history.build_executions(accepted, turn["tools"])
    usage = (build_usage("ollama", turn["model"], tokens=turn["tokens"], cost=turn["cost"]),)
    if turn["ends"] == "finished":
        await history.opened.finish(accepted, executions=executions, usage=usage)
    elif turn["ends"] == "failed":
        await history.opened.fail(accepted, executions=executions, usage=usage)


async def grow(folder: Path, conversation_count: int) -> set[str]:
    """Make an old database and return the ids of its messages."""
    clock = SettableClock()
    database = await Database.open(folder / "csai.sqlite3", clock, folder / "secrets.key")
    mine, theirs = build_tenant(clock, _tenant("mine")), build_tenant(clock, _tenant("theirs"))
    for tenant in (mine, theirs):
        await database.tenants.add(tenant)
    history = StoredHistory(TemporaryDatabase(database, clock, folder, mine.id, theirs.id))
    for number in range(conversation_count):
        tenant = theirs if number % 3 == 0 else mine
        await history.talk(f"s{number % 11}-{tenant.id}", tools=1, tenant_id=tenant.id)
    ids = await history.list_message_ids()
    await database.close()
    return ids


def _tenant(name: str) -> Any:
    return f"00000000-0000-7000-8000-{name:>012}"


def run_victim(folder: Path, kill_after: int) -> int:
    """Run retention in a process of its own and return its exit code."""
    command = [sys.executable, "-m", "tests.fakes.retention_victim", str(folder), str(kill_after)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def list_archived(folder: Path) -> list[str]:
    """Return the ids of all archived messages, as often as they are there."""
    return [
        json.loads(line)["id"]
        for place in folder.rglob("*.jsonl.gz")
        for line in gzip.decompress(place.read_bytes()).splitlines()
    ]


def list_stored(folder: Path) -> set[str]:
    """Return the ids of all messages in the database."""
    with closing(sqlite3.connect(folder / "csai.sqlite3")) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM messages")}


def test_killed_anywhere_each_message_is_kept_once(tmp_path: Path):
    """Killed after every step of the first batches, at once after each other."""
    ids = asyncio.run(grow(tmp_path, 30))
    for kill_after in (1, 2, 3, 5, 7):
        assert run_victim(tmp_path, kill_after) == -9
        archived = list_archived(tmp_path / "archive")
        assert len(archived) == len(set(archived))
        assert set(archived) | list_stored(tmp_path) == ids
    assert run_victim(tmp_path, 0) == 0
    archived = list_archived(tmp_path / "archive")
    assert sorted(archived) == sorted(ids)
    assert list_stored(tmp_path) == set()


def test_killed_at_a_random_moment_and_run_on_later(tmp_path: Path):
    """Between the runs a visitor comes back, and steps are of another size."""
    ids = asyncio.run(grow(tmp_path, 40))
    chance = random.Random(4)
    command = [sys.executable, "-m", "tests.fakes.retention_victim", str(tmp_path), "0"]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                process.wait(chance.uniform(0.3, 0.9))
            except subprocess.TimeoutExpired:
                process.kill()
        assert set(list_archived(tmp_path / "archive")) | list_stored(tmp_path) == ids
    assert run_victim(tmp_path, 0) == 0
    assert sorted(list_archived(tmp_path / "archive")) == sorted(ids)
    assert len(ids) > ROWS


async def test_erased_text_is_gone_from_every_file():
    """One shop keeps its messages and one does not; their rows lie between each other."""
    async with open_history() as history:
        await shorten(history, history.tenant_id, days=1)
        chance = random.Random(1)
        for number in range(160):
            word = "CANARY" if number % 2 else "kept"
            text = f"{word} {number} " * chance.choice([1, 5, 60, 400])
            await history.talk(
                f"{word} {chance.randrange(20)}",
                text,
                text,
                tenant_id=history.tenant_id if word == "CANARY" else history.other_tenant_id,
                user_identifier=f"{word} visitor",
                page_url=f"https://shop.example/{text[:500]}",
            )
        await history.cache.set(f"{history.tenant_id}:conversation:x", b"CANARY", ttl_s=60)
        folder = history.temporary.folder
        assert holds(folder, b"CANARY")
        history.pass_days(2)
        await history.build_retention().run()
        assert not holds(folder, b"CANARY")
        assert await history.count(messages) == 160


async def shorten(history: StoredHistory, tenant_id: TenantId, *, days: int) -> None:
    """Let a tenant keep its messages for some days only."""
    tenants = history.temporary.database.tenants
    tenant = await tenants.get(tenant_id)
    assert tenant is not None
    retention = RetentionSettings(message_days=days)
    await tenants.save(msgspec.structs.replace(tenant, retention=retention))


def holds(folder: Path, text: bytes) -> bool:
    """Say whether any file in the folder has the text in it."""
    return any(text in place.read_bytes() for place in folder.rglob("*") if place.is_file())


async def test_progress_counts_to_the_end():
    async with open_history() as history:
        for number in range(4):
            await history.talk(f"s{number}", tools=1)
        history.pass_days(100)
        seen: list[Progress] = []
        await history.build_retention(rows=3).run(on_progress=seen.append)
        assert seen[0] == Progress(0, 12)
        assert seen[-1] == Progress(12, 12)
        assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)


class HastyPace(Pace):
    """Grows at once to many rows; notes what each new kind of rows begins with."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self.begun: list[int] = []

    def begin_anew(self) -> None:
        super().begin_anew()
        self.begun.append(self.rows)
        self.rows = 900


async def test_each_tenant_and_each_kind_of_row_begins_with_a_small_step():
    async with open_history() as history:
        pace = HastyPace()
        await history.build_retention(pace=pace).run()
        tenants, kinds_of_content, leftovers = 2, 7, 3
        assert pace.begun == [FIRST_ROWS] * (tenants * kinds_of_content + leftovers)


async def test_no_message_goes_early_when_the_clock_jumps():
    async with open_history() as history:
        schedule = MaintenanceSchedule(
            jobs=[DailyJob(name="retention", run=lambda: run_once(history))],
            at=history.clock.now().time().replace(hour=3),
            settings=history.temporary.database.settings,
            clock=history.clock,
        )
        await schedule.run_due()
        await history.talk("s1")
        history.pass_days(1)
        assert await schedule.run_due() == ["retention"]
        history.clock.jump(40 * 86_400)
        assert await schedule.run_due() == []
        assert await history.count(messages) == 2
        history.clock.jump(-40 * 86_400)
        history.pass_days(1)
        await schedule.run_due()
        assert await history.count(messages) == 2


async def run_once(history: StoredHistory) -> None:
    await history.build_retention().run()
