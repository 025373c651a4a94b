"""``python -m tests.bench.retention``: delete a million old messages while visitors chat.

Owns filling the database, and the figures: how long it takes, how long its steps hold the writer,
and what a visitor notices. Needs minutes and a gigabyte.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from appliance.domain.ids import hash_token
from tests.bench.report import write_line
from tests.bench.rows import p50, p95
from tests.http.clients import Operator, Visitor, read_demo_key
from tests.http.running_server import FROM_CHECKOUT, RunningServer, run_csai

MESSAGES_PER_CONVERSATION = 8
QUIET_TURNS = 1_000
OLD_DAYS = (31, 90)
NEW_SHARE = 10
"""Beside ten old messages there is one that stays."""

WORDS = ("order", "pizza", "delivery", "address", "tomorrow", "refund", "size", "invoice", "shop")


def fill(database: Path, old_messages: int) -> None:
    """Write conversations straight into the tables: turn by turn it would take hours."""
    chance = random.Random(1)
    now = datetime.now(UTC)
    with closing(sqlite3.connect(database)) as connection:
        (tenant_id,) = connection.execute("SELECT id FROM tenants LIMIT 1").fetchone()
        count = old_messages // MESSAGES_PER_CONVERSATION
        starts = [now - timedelta(days=chance.uniform(*OLD_DAYS)) for _ in range(count)]
        starts += [now - timedelta(days=chance.uniform(0, 20)) for _ in range(count // NEW_SHARE)]
        starts.sort()
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, len(starts), 5_000):
            some = starts[first : first + 5_000]
            with connection:
                for start in some:
                    _write_conversation(connection, chance, tenant_id, start)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _write_conversation(
    connection: sqlite3.Connection, chance: random.Random, tenant_id: str, start: datetime
) -> None:
    found = _new_id(start)
    at = _write_time(start)
    connection.execute(
        "INSERT INTO conversations (id, tenant_id, session_hash, channel, status, user_identifier,"
        " page_url, started_at, last_message_at, message_count, last_seq, input_tokens,"
        " output_tokens, fencing_token)"
        " VALUES (?, ?, ?, 'widget', 'open', ?, ?, ?, ?, 8, 8, 1, 1, 4)",
        (
            found,
            tenant_id,
            hash_token(found),
            f"visitor-{found[-4:]}",
            "https://shop.example/p/1",
            at,
            at,
        ),
    )
    connection.executemany(
        "INSERT INTO messages (id, tenant_id, conversation_id, seq, role, content, is_error,"
        " input_tokens, output_tokens, created_at, client_message_id, turn_state, reply)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, 10, 5, ?, ?, ?, ?)",
        [
            (
                _new_id(start + timedelta(seconds=20 * seq)), tenant_id, found, seq,
                "user" if seq % 2 else "assistant",
                " ".join(chance.choices(WORDS, k=chance.randrange(5, 60))),
                _write_time(start + timedelta(seconds=20 * seq)),
                f"m{seq}" if seq % 2 else None, "done" if seq % 2 else None,
                '{"message":{"id":"x","content":""},"model":"builtin"}' if seq % 2 else None,
            )
            for seq in range(1, MESSAGES_PER_CONVERSATION + 1)
        ],
    )  # fmt: skip


def _new_id(at: datetime) -> str:
    """Return an id as of then: UUIDv7 begins with the milliseconds."""
    return str(UUID(f"{int(at.timestamp() * 1000):012x}7{secrets.randbits(76):019x}"))


def _write_time(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def measure_alone(messages: int, folder: Path) -> None:
    """Fill, and delete by the command while no server runs."""
    server = RunningServer(folder, program=FROM_CHECKOUT)
    server.start()
    server.stop()
    fill(server.database, messages)
    started = time.perf_counter()
    command = ("retention", "--data-dir", str(server.data_dir))
    done = run_csai(*command, home=folder / "home", settings=server.settings, timeout_s=3_600)
    write_line(f"{time.perf_counter() - started:.0f} s by the command alone: {done.stdout.strip()}")
    write_line(next(line for line in done.stderr.splitlines() if "retention_finished" in line))


def chat(visitor: Visitor, stop: threading.Event, at_least: int) -> Iterator[float]:
    """Ask again and again and yield how long each answer took, in milliseconds."""
    number = 0
    while number < at_least or not stop.is_set():
        if number % 4 == 0:
            visitor.session_id = None
        started = time.perf_counter()
        visitor.ask("When are you open?")
        yield (time.perf_counter() - started) * 1000
        number += 1


def measure(messages: int, archive: Path | None, folder: Path) -> None:
    """Fill, serve, chat, delete, and write the figures."""
    settings = {} if archive is None else {"CSAI_ARCHIVE_URL": str(archive)}
    server = RunningServer(folder, settings=settings, program=FROM_CHECKOUT)
    server.start()
    server.stop()
    started = time.perf_counter()
    fill(server.database, messages)
    size_mb = server.database.stat().st_size / 1e6
    write_line(
        f"{messages:,} old messages in {size_mb:,.0f} MB, "
        f"{time.perf_counter() - started:.0f} s to fill"
    )
    with server:
        owner, visitor = Operator(server), Visitor(server, read_demo_key(server))
        over = threading.Event()
        over.set()
        list(chat(visitor, over, 50))
        quiet = list(chat(visitor, over, QUIET_TURNS))
        over.clear()
        started = time.perf_counter()
        owner.call("POST", "/maintenance/retention", status=202)
        ended_s = 0.0

        def watch() -> None:
            nonlocal ended_s
            while owner.call("GET", "/maintenance/retention")["state"] == "running":
                time.sleep(0.5)
            ended_s = time.perf_counter() - started
            over.set()

        watching = threading.Thread(target=watch)
        watching.start()
        busy = list(chat(visitor, over, 0))
        watching.join()
        state = owner.call("GET", "/maintenance/retention")
    report = state["report"]
    deleted = sum(tenant["messages"] for tenant in report["tenants"])
    objects = sum(tenant["archive_objects"] for tenant in report["tenants"])
    write_line(f"{deleted:,} deleted in {ended_s:.0f} s, {objects:,} archive objects")
    write_line(
        f"{report['steps']:,} steps, {report['slow_steps']} above 50 ms within their transaction, "
        f"the longest {report['longest_hold_ms']:.1f} ms"
    )
    write_line(
        f"chat quiet  p50 {p50(quiet):6.1f}  p95 {p95(quiet):6.1f} ms of {len(quiet):,} turns"
    )
    write_line(f"chat beside p50 {p50(busy):6.1f}  p95 {p95(busy):6.1f} ms of {len(busy):,} turns")
    write_line(f"p95 beside is {p95(busy) / p95(quiet):.2f} × quiet; slowest {max(busy):.0f} ms")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retention", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--archive", action="store_true", help="archive to a folder first")
    parser.add_argument("--alone", action="store_true", help="without a server and visitors")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="csai-retention-") as name:
        folder = Path(name)
        if given.alone:
            measure_alone(given.messages, folder / "server")
            return 0
        measure(given.messages, folder / "archive" if given.archive else None, folder / "server")
    return 0


if __name__ == "__main__":
    sys.exit(main())
