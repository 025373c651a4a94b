from __future__ import annotations

import sqlite3

import pytest

from appliance.storage.statements import Script, build_statement, marks, run_on_sqlite


def test_a_statement_is_written_once_for_both_databases():
    statement = build_statement("SELECT a FROM t WHERE b = ?1 AND c = ?2", locks="t")
    assert statement.sqlite == "SELECT a FROM t WHERE b = ?1 AND c = ?2"
    assert statement.postgres == "SELECT a FROM t WHERE b = $1 AND c = $2 FOR UPDATE OF t"
    assert marks(3) == "?1, ?2, ?3"


def test_a_script_is_sent_the_rows_of_its_statements():
    insert = build_statement("INSERT INTO t VALUES (?1)")
    list_all = build_statement("SELECT a FROM t WHERE a > ?1 ORDER BY a")

    def script() -> Script[list[int]]:
        for number in (3, 1, 2):
            yield insert, (number,)
        rows = yield list_all, (1,)
        return [row[0] for row in rows]

    raw = sqlite3.connect(":memory:")
    raw.execute("CREATE TABLE t (a)")
    assert run_on_sqlite(raw, script()) == [2, 3]
    raw.close()


def test_what_a_statement_raises_ends_the_script():
    ended: list[str] = []

    def script() -> Script[None]:
        try:
            yield build_statement("SELECT nothing FROM nowhere"), ()
        finally:
            ended.append("here")

    raw = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError):
        run_on_sqlite(raw, script())
    raw.close()
    assert ended == ["here"]
