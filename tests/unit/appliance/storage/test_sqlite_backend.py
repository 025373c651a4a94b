from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from appliance.storage.sqlite_backend import SqliteBackend

CANARY = "a sentence that nobody may find again"


async def test_scrubbing_leaves_nothing_of_deleted_rows_in_the_files(tmp_path: Path):
    backend = await SqliteBackend.open(tmp_path / "csai.sqlite3")
    insert = text("INSERT INTO settings (name, value) VALUES ('n', :value)")
    await backend.transactions.write(
        lambda connection: connection.execute(insert, {"value": CANARY * 500})
    )
    assert CANARY.encode() in read_files(tmp_path)
    await backend.transactions.write(
        lambda connection: connection.execute(text("DELETE FROM settings"))
    )
    await backend.scrub()
    assert CANARY.encode() not in read_files(tmp_path)
    await backend.close()


async def test_a_server_on_its_own_file_is_alone(tmp_path: Path):
    backend = await SqliteBackend.open(tmp_path / "csai.sqlite3")
    async with backend.alone() as is_alone:
        assert is_alone
    await backend.health()
    await backend.close()


def read_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())
