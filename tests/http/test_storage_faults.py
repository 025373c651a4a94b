"""What becomes of visitors when the disk is full, or the database locked or damaged."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.fakes.small_disk import SmallDisk, small_disk
from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import RunningServer, build_environment, run_csai, wait_until
from tests.http.stored_rows import read_rows
from tests.loopback import DIRECT

pytestmark = pytest.mark.on_sqlite

DISK_BYTES = 4 * 1024 * 1024
QUESTION = "When are you open?"
PAGE = 4096
VISITORS = 6
LOCK_PATIENCE_S = 6.5
QUICK_S = 0.2
BLOCKED_S = 1.5
"""Far below what the lock is waited for, and above what a busy machine does to one request."""

SERVE = ("serve", "--port", "0", "--admin-port", "0", "--llm-provider", "builtin", "--data-dir")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk:
        yield disk


@pytest.fixture
def server(tmp_path: Path, disk: SmallDisk) -> RunningServer:
    """A server, not started, whose data folder is on the small disk."""
    server = RunningServer(tmp_path, launcher=disk.launcher)
    server.data_dir = disk.place / "data"
    server.expect("storage_full", "cache_failed", "checkpoint_failed", "traces_not_kept")
    return server


def test_a_full_disk_stops_writing_only_and_only_while_it_is_full(
    server: RunningServer, disk: SmallDisk
):
    with server:
        visitor = Visitor(server, read_demo_key(server))
        operator = Operator(server)
        visitor.ask("hello")
        said = visitor.history()
        disk.fill()
        for _ in range(3):
            problem = check_problem(visitor.post(QUESTION), 507, "storage_full")
            assert "Free some space" in problem["detail"]
        answer = visitor.post(QUESTION, message_id="later")
        assert (answer.status_code, answer.headers["Retry-After"]) == (507, "5")
        check_problem(operator.http.post("/tenants", json={"name": "Shop"}), 507, "storage_full")
        assert visitor.history() == said
        assert visitor.http.get("/api/config").status_code == 200
        assert visitor.http.get("/health").status_code == 200
        assert operator.call("GET", "/tenants")["items"]
        assert operator.call("GET", "/logs")["items"]
        disk.free()
        assert "11:00" in visitor.say(QUESTION, message_id="later")
        assert [role for role, _ in visitor.lines()] == ["user", "assistant"] * 2
        health = visitor.http.get("/health").json()
        assert health["status"] == "ok", health
        log = (disk.seen / "data" / "logs" / "csai.log").read_text()
        assert "storage_full" in log
        operator.http.close()
        visitor.http.close()


def test_what_was_acknowledged_while_the_disk_ran_full_is_kept(
    server: RunningServer, disk: SmallDisk
):
    """The disk runs full anywhere: at the message, in the middle of its turn, at the answer."""
    acknowledged: dict[str, str] = {}
    refused: list[tuple[Visitor, str]] = []
    server.expect("turn_failed", "turn_failure_not_stored", "turns_recovered", "traces_not_kept")
    with server:
        key = read_demo_key(server)
        visitors = [Visitor(server, key) for _ in range(VISITORS)]
        for number, visitor in enumerate(visitors):
            visitor.ask("hello")
            disk.fill(but_bytes=(9 * number + 4) * PAGE)
            for turn in range(4):
                name = f"m-{number}-{turn}"
                answer = visitor.post(QUESTION, message_id=name)
                if answer.status_code == 200:
                    acknowledged[name] = answer.json()["message"]["id"]
                else:
                    # 409: it could not even be written that the turn before has failed.
                    assert answer.status_code in (507, 409), answer.text
                    assert answer.headers["Retry-After"]
                    refused.append((visitor, name))
            disk.free()
    assert acknowledged, "it was full too early to see anything"
    assert refused, "it was not full"
    with server:
        for visitor, name in refused:
            again = visitor.ask(QUESTION, message_id=name)
            acknowledged[name] = again["message"]["id"]
        check_whole(disk, acknowledged)
    for visitor in visitors:
        visitor.http.close()


def check_whole(disk: SmallDisk, acknowledged: dict[str, str]) -> None:
    """Check that each message has its one answer, and that all sums fit."""
    database = disk.seen / "data" / "database" / "csai.sqlite3"
    asked = read_rows(
        database,
        "SELECT client_message_id, count(*) FROM messages"
        " WHERE client_message_id LIKE 'm-%' AND turn_state = 'done' GROUP BY 1",
    )
    assert dict(asked) == dict.fromkeys(acknowledged, 1)
    answers = read_rows(database, "SELECT id FROM messages WHERE role = 'assistant'")
    assert set(acknowledged.values()) <= {row[0] for row in answers}
    (counted,) = read_rows(database, "SELECT sum(message_count) FROM conversations")
    (used,) = read_rows(database, "SELECT sum(messages) FROM api_usage")
    assert counted == used == (2 * (len(acknowledged) + VISITORS),)
    assert read_rows(database, "PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_loses_nothing_over_a_restart(server: RunningServer, disk: SmallDisk):
    with server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("hello")
        said = visitor.history()
        disk.fill()
        check_problem(visitor.post(QUESTION), 507, "storage_full")
    with server:
        assert visitor.history() == said
        check_problem(visitor.post(QUESTION), 507, "storage_full")
        disk.free()
        assert "11:00" in visitor.say(QUESTION)
        visitor.http.close()


def test_a_first_start_on_a_full_disk_is_refused_clearly(tmp_path: Path, disk: SmallDisk):
    disk.fill()
    arguments = [*SERVE, str(disk.place / "data")]
    ended = subprocess.run(
        [*disk.launcher, sys.executable, "-m", "appliance", *arguments],
        env=build_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode in (1, 5)
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "ree some space" in ended.stderr


@pytest.mark.alone
def test_a_database_locked_from_outside_is_waited_for_but_nobody_else_waits(tmp_path: Path):
    server = RunningServer(tmp_path)
    server.expect("storage_busy", "traces_not_kept")
    with server, ThreadPoolExecutor(4) as threads:
        visitor, other = (Visitor(server, read_demo_key(server)) for _ in range(2))
        visitor.ask("hello")
        other.ask("hello")
        with closing(sqlite3.connect(server.database, isolation_level=None)) as outside:
            outside.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            waiting = [threads.submit(one.post, QUESTION) for one in (visitor, other)]
            waits: list[float] = []
            with httpx.Client(base_url=server.base_url, **DIRECT) as http:
                while not all(future.done() for future in waiting):
                    asked = time.monotonic()
                    assert http.get("/health").status_code == 200
                    history = http.get(
                        f"/chat/history/{visitor.session_id}",
                        headers={"X-API-Key": visitor.api_key},
                    )
                    assert len(history.json()["messages"]) == 2
                    waits.append((time.monotonic() - asked) / 2)
                    time.sleep(0.02)
            assert time.monotonic() - started < LOCK_PATIENCE_S
            for future in waiting:
                check_problem(future.result(), 503, "storage_busy")
                assert future.result().headers["Retry-After"] == "5"
            assert max(waits) < BLOCKED_S
            assert sorted(waits)[len(waits) * 9 // 10] < QUICK_S
            held_up = threads.submit(visitor.post, QUESTION)
            time.sleep(0.5)
            assert not held_up.done()
            outside.execute("ROLLBACK")
            assert held_up.result(5).status_code == 200
        assert "11:00" in other.say(QUESTION)
        for one in (visitor, other):
            one.http.close()


def spoil(database: Path) -> None:
    """Overwrite every page but the first."""
    with database.open("r+b") as file:
        for offset in range(PAGE, database.stat().st_size, PAGE):
            file.seek(offset)
            file.write(b"\xa5" * PAGE)


def test_a_database_that_is_damaged_while_in_use_is_told_and_ends_nothing(tmp_path: Path):
    server = RunningServer(tmp_path)
    with server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("hello")
    server.expect("is damaged", "checkpoint_failed", "rollback_failed", "turn_failed")
    with server:
        spoil(server.database)
        answer = visitor.http.get(f"/chat/history/{visitor.session_id}")
        problem = check_problem(answer, 503, "storage_unavailable")
        assert "csai backup restore" in problem["detail"]
        assert str(server.data_dir) not in answer.text
        assert httpx.get(f"{server.base_url}/widget.js", **DIRECT).status_code == 200
        wait_until(lambda: "is damaged" in server.output(), timeout_s=20, what="a clear log")
        visitor.http.close()


@pytest.mark.parametrize("damage", ["cut", "pages"])
def test_a_damaged_database_ends_a_start_with_1_and_nothing_is_changed(tmp_path: Path, damage: str):
    with RunningServer(tmp_path) as server:
        pass
    if damage == "cut":
        server.database.write_bytes(server.database.read_bytes()[: 3 * PAGE])
    else:
        spoil(server.database)
    before = server.database.read_bytes()
    ended = run_csai(*SERVE, str(server.data_dir), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert str(server.database) in ended.stderr
    assert "csai backup restore" in ended.stderr
    assert server.database.read_bytes() == before
    assert [path.name for path in server.database.parent.iterdir()] == [server.database.name]
