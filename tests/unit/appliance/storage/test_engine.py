from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import JSON, bindparam, literal, select
from sqlalchemy.exc import StatementError

from appliance.storage.engine import decode_json, encode_json, open_reader, open_writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "database" / "csai.sqlite3"


def pragma(raw: sqlite3.Connection, name: str) -> object:
    return raw.execute(f"PRAGMA {name}").fetchone()[0]


def test_what_is_committed_is_synced_and_references_hold(path: Path):
    connection = open_writer(path)
    assert pragma(connection.raw, "journal_mode") == "wal"
    assert pragma(connection.raw, "synchronous") == 2  # FULL
    assert pragma(connection.raw, "foreign_keys") == 1
    connection.close()


def test_files_are_private(path: Path):
    connection = open_writer(path)
    connection.raw.execute("CREATE TABLE t (x)")
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("csai.sqlite3", "csai.sqlite3-wal", "csai.sqlite3-shm"), 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    connection.close()


def test_sqlalchemy_begins_and_ends_no_transaction(path: Path):
    connection = open_writer(path)
    connection.raw.execute("CREATE TABLE t (x)")
    connection.raw.execute("BEGIN IMMEDIATE")
    connection.sql.exec_driver_sql("INSERT INTO t VALUES (1)")
    assert connection.raw.in_transaction
    connection.raw.execute("ROLLBACK")
    assert connection.raw.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()


def test_an_error_does_not_tell_what_was_to_be_stored(path: Path):
    connection = open_writer(path)
    with pytest.raises(StatementError) as caught:
        connection.sql.execute(select(bindparam("said", type_=JSON)), {"said": "secret \ud83c"})
    assert "secret" not in str(caught.value)
    connection.close()


def test_a_reader_cannot_write(path: Path):
    writer = open_writer(path)
    writer.raw.execute("CREATE TABLE t (x)")
    reader = open_reader(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.raw.execute("INSERT INTO t VALUES (1)")
    reader.close()
    writer.close()


def test_a_reader_makes_no_database(path: Path):
    path.parent.mkdir()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_reader(path)
    assert list(path.parent.iterdir()) == []


def test_like_minds_the_case_and_lower_knows_every_alphabet(path: Path):
    connection = open_writer(path)
    asked = select(literal("ŁÓDŹ").ilike("łó%"), literal("ŁÓDŹ").like("łó%"))
    assert connection.sql.execute(asked).one() == (True, False)
    assert connection.raw.execute("SELECT 'A' LIKE 'a', lower(NULL), lower(7)").fetchone() == (
        0, None, 7,
    )  # fmt: skip
    connection.close()


def test_json_is_stored_as_compact_text():
    value = {"z": ["é", None, 1.5], "a": True}
    assert encode_json(value) == '{"z":["é",null,1.5],"a":true}'
    assert decode_json(encode_json(value)) == value
