from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.storage.page_gaps import PageGaps

MARK = b"CANARY"


def grow(path: Path, seed: int) -> sqlite3.Connection:
    """Fill tables and indexes in disorder, update some rows and delete every one with a canary."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, who TEXT, content TEXT)")
    connection.execute("CREATE INDEX by_who ON rows (who, id)")
    chance = random.Random(seed)
    marked: list[str] = []
    connection.execute("BEGIN")
    for number in range(6_000):
        row_id = f"{chance.getrandbits(128):032x}"
        word = "CANARY" if chance.random() < 0.5 else "kept"
        content = f"{word} {number} " * chance.choice([1, 3, 10, 80, 400])
        connection.execute("INSERT INTO rows VALUES (?, ?, ?)", (row_id, word + row_id, content))
        if chance.random() < 0.3:
            longer = content * 2 if chance.random() < 0.5 else content[:20]
            connection.execute("UPDATE rows SET content = ? WHERE id = ?", (longer, row_id))
        if word == "CANARY":
            marked.append(row_id)
    connection.execute("COMMIT")
    chance.shuffle(marked)
    connection.execute("BEGIN")
    connection.executemany("DELETE FROM rows WHERE id = ?", [(row_id,) for row_id in marked])
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return connection


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_what_secure_delete_leaves_is_found_and_zeroed(tmp_path: Path, seed: int):
    path = tmp_path / "rows.sqlite3"
    with closing(grow(path, seed)) as connection:
        assert MARK in path.read_bytes()
        kept = connection.execute("SELECT * FROM rows ORDER BY id").fetchall()
        gaps = PageGaps(path)
        pages = gaps.find()
        assert gaps.wipe(pages) == len(pages) > 0
        assert MARK not in path.read_bytes()
        assert gaps.find() == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT * FROM rows ORDER BY id").fetchall() == kept


def test_a_page_that_is_no_tree_is_left_alone(tmp_path: Path):
    path = tmp_path / "rows.sqlite3"
    grow(path, 1).close()
    content = bytearray(path.read_bytes())
    page = bytes(range(1, 250)) * 20
    content += b"\x07" + page[:4095]  # of an unknown type
    content += b"\x0d\0\0\xff\xff\0\0\0" + page[:4088]  # more cells than fit
    path.write_bytes(content)
    gaps = PageGaps(path)
    last = len(content) // 4096
    assert not {last - 1, last - 2} & set(gaps.find())
    assert gaps.wipe([last - 2, last - 1]) == 0
    assert path.read_bytes() == bytes(content)


def test_a_database_that_moves_its_pages_is_left_alone(tmp_path: Path):
    path = tmp_path / "rows.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = FULL")
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, content TEXT)")
        connection.execute("INSERT INTO rows VALUES (1, 'x'), (2, 'y')")
    assert PageGaps(path).find() == []
