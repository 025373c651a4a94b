"""A short run of the harness in which every point kills once, and that it can find anything."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from appliance.failpoints import NAMES
from tests.crash.arena import Arena
from tests.crash.command import Run
from tests.crash.journal import Journal
from tests.crash.plan import SCENES, build_plan, share_out
from tests.crash.promises import check_everything
from tests.crash.stored_state import StoredState

RANDOM_KILLS = 3
SEED = 11


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run without a broken promise; its data lies where it was."""
    folder = tmp_path_factory.mktemp("crash")
    run = Run(folder, kills=len(NAMES) + RANDOM_KILLS, seed=SEED)
    asyncio.run(run.run())
    return run


@pytest.fixture(scope="module")
def arena(ended: Run) -> Arena:
    return max(ended.arenas, key=lambda arena: len(arena.journal.messages))


def test_every_point_kills_and_no_promise_breaks(ended: Run):
    deaths = ended.deaths
    assert deaths.total() == len(NAMES) + RANDOM_KILLS
    assert {name: deaths[name] for name in NAMES if deaths[name] < 1} == {}
    journals = [arena.journal for arena in ended.arenas]
    for count in ("acknowledged", "answered", "cut off", "sent again", "sent at once", "left"):
        assert sum(journal.counts[count] for journal in journals) > 0, count
    assert any(booking.is_told_done for one in journals for booking in one.bookings.values())
    assert any(journal.webhook_calls for journal in journals)
    assert all(message.reply_id for journal in journals for message in journal.messages.values())
    messages = sum(len(journal.messages) for journal in journals)
    assert f"{messages} messages, {messages} acknowledged" in "\n".join(ended.describe())


@pytest.fixture
def copy(arena: Arena, tmp_path: Path) -> Path:
    """The database as the run has left it, to be spoilt."""
    original = arena.state.place
    assert isinstance(original, Path)
    return Path(shutil.copy(original, tmp_path / "copy.sqlite3"))


def find_broken(copy: Path, journal: Journal) -> str:
    return "\n".join(check_everything(StoredState(copy), journal))


def spoil(copy: Path, statement: str) -> None:
    with closing(sqlite3.connect(copy)) as connection, connection:
        assert connection.execute(statement).rowcount > 0, "nothing was spoilt"


def test_what_was_left_alone_is_in_order(copy: Path, arena: Arena):
    assert find_broken(copy, arena.journal) == ""


ANSWERED = "WHERE turn_state = 'done' AND reply IS NOT NULL"
ONE = "(SELECT id FROM {} LIMIT 1)"
SPOILT = {
    "a lost message": (
        f"DELETE FROM messages WHERE id = (SELECT id FROM messages {ANSWERED} LIMIT 1)",
        "is stored 0 times",
    ),
    "a lost answer": (
        "DELETE FROM messages WHERE id = (SELECT reply ->> '$.message.id' FROM messages "
        f"{ANSWERED} LIMIT 1)",
        "one answer per message",
    ),
    "a changed message": (
        f"UPDATE messages SET content = content || '!' WHERE id = (SELECT id FROM messages "
        f"{ANSWERED} LIMIT 1)",
        "instead of",
    ),
    "a changed answer": (
        "UPDATE messages SET content = content || '!' WHERE id = (SELECT reply ->> "
        f"'$.message.id' FROM messages {ANSWERED} LIMIT 1)",
        "is not stored as the visitor has read it",
    ),
    "a message that is forgotten to be answered": (
        "UPDATE messages SET turn_state = 'failed', error_code = 'x' WHERE id = "
        f"(SELECT id FROM messages {ANSWERED} LIMIT 1)",
        "which its reply contradicts",
    ),
    "a turn left running": (
        f"UPDATE messages SET turn_state = 'running' WHERE id = (SELECT id FROM messages {ANSWERED}"
        " LIMIT 1)",
        "no turn is left running",
    ),
    "a lease": (
        "UPDATE conversations SET lease_message_id = 'm', lease_until = '2026-01-01T00:00:00Z'"
        f" WHERE id = {ONE.format('conversations')}",
        "no lease is left",
    ),
    "a message counted twice": (
        "UPDATE conversations SET message_count = message_count + 1"
        f" WHERE id = {ONE.format('conversations')}",
        "counters are those of the messages",
    ),
    "a conversation of another session": (
        "UPDATE conversations SET session_hash = 'x' WHERE id = "
        f"(SELECT conversation_id FROM messages {ANSWERED} LIMIT 1)",
        "is in another session",
    ),
    "tokens that nobody used": (
        "UPDATE messages SET input_tokens = input_tokens + 1 WHERE id = "
        f"(SELECT id FROM messages {ANSWERED} LIMIT 1)",
        "input_tokens",
    ),
    "a lost conversation": (
        f"DELETE FROM conversations WHERE id = (SELECT conversation_id FROM messages {ANSWERED}"
        " LIMIT 1)",
        "foreign_key_check",
    ),
    "a lost booking": (
        "DELETE FROM data_table_rows WHERE cells ->> '$.name' = (SELECT parameters ->> '$.name' "
        "FROM tool_executions WHERE tool_name = 'book_appointment' AND is_success AND "
        "response ->> '$.reference' LIKE 'B-%' LIMIT 1)",
        "was told of a booking that was done 0 times",
    ),
    "a lost execution": (
        f"DELETE FROM tool_executions WHERE id = {ONE.format('tool_executions')}",
        "tool_calls",
    ),
    **{
        f"usage with one more of {column}": (
            f"UPDATE api_usage SET {column} = {column} + 1 WHERE rowid = "
            "(SELECT rowid FROM api_usage LIMIT 1)",
            f" {column}, the rows say",
        )
        for column in (
            *("conversations", "messages", "tool_calls"),
            *("input_tokens", "output_tokens"),
        )
    },
}


@pytest.mark.parametrize(("statement", "found"), SPOILT.values(), ids=SPOILT)
def test_what_is_spoilt_is_found(copy: Path, arena: Arena, statement: str, found: str):
    spoil(copy, statement)
    assert found in find_broken(copy, arena.journal)


def read_row(copy: Path, query: str) -> dict[str, Any]:
    with closing(sqlite3.connect(copy)) as connection:
        connection.row_factory = sqlite3.Row
        return dict(connection.execute(query).fetchone())


def insert_row(copy: Path, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()]
        )


def test_a_doubled_answer_is_found(copy: Path, arena: Arena):
    answer = read_row(
        copy, "SELECT * FROM messages WHERE role = 'assistant' AND tool_calls IS NULL LIMIT 1"
    )
    insert_row(copy, "messages", answer | {"id": "doubled", "seq": 10_000})
    assert "answer doubled belongs to 0 messages" in find_broken(copy, arena.journal)


def test_a_message_in_two_conversations_is_found(copy: Path, arena: Arena):
    message = read_row(copy, "SELECT * FROM messages WHERE role = 'user' LIMIT 1")
    other = read_row(
        copy, f"SELECT id FROM conversations WHERE id <> '{message['conversation_id']}' LIMIT 1"
    )
    doubled = message | {"id": "doubled", "seq": 10_000, "conversation_id": other["id"]}
    insert_row(copy, "messages", doubled)
    assert "is stored 2 times" in find_broken(copy, arena.journal)


def test_a_write_that_ran_twice_is_found(copy: Path, arena: Arena):
    execution = read_row(
        copy, "SELECT * FROM tool_executions WHERE tool_name = 'book_appointment' AND is_success"
    )
    insert_row(copy, "tool_executions", execution | {"id": "e", "call_id": "c", "ledger_key": None})
    assert "ran book_appointment 2 times" in find_broken(copy, arena.journal)


def test_a_second_booking_is_found(copy: Path, arena: Arena):
    row = read_row(
        copy,
        "SELECT row.* FROM data_table_rows AS row JOIN data_tables ON id = table_id"
        " WHERE name = 'bookings' AND cells LIKE '%Rina%' LIMIT 1",
    )
    insert_row(copy, "data_table_rows", row | {"row_id": 1_000_000})
    broken = find_broken(copy, arena.journal)
    assert f"{json.loads(row['cells'])['name']!r} is booked 2 times" in broken


def test_a_damaged_file_is_found(copy: Path, arena: Arena):
    index = "SELECT rootpage FROM sqlite_schema WHERE name = 'ix_messages_conversation_id_seq'"
    page = read_row(copy, index)["rootpage"]
    size = read_row(copy, "PRAGMA page_size")["page_size"]
    with copy.open("r+b") as file:
        file.seek(page * size - 64)
        file.write(bytes(64))
    assert "the file is whole" in find_broken(copy, arena.journal)


def test_a_file_that_cannot_be_read_is_found(copy: Path, arena: Arena):
    copy.write_bytes(bytes(100_000))
    assert "cannot be read" in find_broken(copy, arena.journal)


@pytest.fixture
def journal() -> Journal:
    return Journal()


def build_reply(content: str = "Hello.", reply_id: str = "r1", conversation_id: str = "c1") -> Any:
    return {
        "session_id": "vs_1",
        "conversation_id": conversation_id,
        "message": {"id": reply_id, "content": content},
    }


@pytest.mark.parametrize(
    "other",
    [build_reply("Goodbye."), build_reply(reply_id="r2"), build_reply(conversation_id="c2")],
    ids=["another text", "another answer", "another conversation"],
)
def test_a_visitor_who_reads_two_answers_is_heard(journal: Journal, other: Any):
    message = journal.write_message("Shop", "Hi")
    journal.answer(message, build_reply())
    journal.answer(message, build_reply())
    assert journal.contradictions == []
    journal.answer(message, other)
    assert journal.contradictions != []


def test_the_plan_follows_from_the_seed_and_reaches_every_point():
    plan = build_plan(1000, random.Random(5))
    assert plan == build_plan(1000, random.Random(5))
    assert plan != build_plan(1000, random.Random(6))
    assert {kill.failpoint for kill in plan[: len(NAMES)]} == set(NAMES) == set(SCENES)
    assert {kill.situation for kill in plan} >= {"moment", "start"}
    for arenas in (1, 2, 3):
        shares = share_out(plan, arenas)
        assert len(shares) == arenas
        assert sorted(map(str, chain(*shares))) == sorted(map(str, plan))


def test_postgres_has_no_log_to_fold():
    plan = build_plan(200, random.Random(5), has_checkpoints=False)
    assert not [kill for kill in plan if "checkpoint" in str(kill)]
