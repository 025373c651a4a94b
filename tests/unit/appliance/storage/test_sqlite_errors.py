from __future__ import annotations

import os
import resource
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from appliance.errors import StorageError
from appliance.storage.engine import open_writer
from appliance.storage.sqlite_errors import is_busy, translate


def build_error(extended_code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("a message with a secret path")
    error.sqlite_errorcode = extended_code
    error.sqlite_errorname = "SQLITE_SOMETHING"
    return error


@pytest.mark.parametrize(
    ("extended_code", "code"),
    [
        (5, "storage_busy"),
        (517, "storage_busy"),  # SQLITE_BUSY_SNAPSHOT
        (6, "storage_busy"),
        (13, "storage_full"),
        (4874, "storage_full"),  # SQLITE_IOERR_SHMSIZE
        (778, "storage_unavailable"),  # SQLITE_IOERR_WRITE
        (10, "storage_unavailable"),
        (11, "storage_unavailable"),
        (26, "storage_unavailable"),
    ],
)
def test_each_error_gets_its_code(extended_code: int, code: str):
    error = build_error(extended_code)
    translated = translate(error)
    assert isinstance(translated, StorageError)
    assert translated.code == code
    assert translated.__cause__ is error
    assert "secret" not in translated.message
    assert is_busy(error) == (code == "storage_busy")


def test_the_message_says_what_to_look_at(tmp_path: Path):
    """Each made by SQLite itself."""
    path = tmp_path / "csai.sqlite3"
    with pytest.raises(sqlite3.Error) as gone:
        sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert "gone, or too many files are open" in str(translate(gone.value))

    connection = open_writer(path)
    connection.raw.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.Error) as read_only:
        connection.raw.execute("CREATE TABLE a (b)")
    assert "It may only be read" in str(translate(read_only.value))
    connection.close()


def test_too_many_open_files_are_told(tmp_path: Path):
    open_writer(tmp_path / "csai.sqlite3").close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        with pytest.raises(sqlite3.Error) as refused:
            sqlite3.connect(f"file:{tmp_path}/csai.sqlite3?mode=ro", uri=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert "too many files are open" in str(translate(refused.value))


def test_an_error_of_sqlalchemy_is_read_through(tmp_path: Path):
    connection = open_writer(tmp_path / "db" / "csai.sqlite3")
    with pytest.raises(Exception, match="no such table") as raised:
        connection.sql.execute(text("SELECT * FROM absent"))
    connection.close()
    translated = translate(raised.value)
    assert isinstance(translated, StorageError)
    assert "SQLITE_ERROR" in translated.message


def test_other_errors_stay_as_they_are():
    error = ValueError("mine")
    assert translate(error) is error
    assert not is_busy(error)
