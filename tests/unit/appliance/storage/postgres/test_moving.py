from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import insert

from appliance.errors import ApplianceError, ConfigurationError, StorageError
from appliance.storage import migrations
from appliance.storage.engine import open_for_copying, open_writer
from appliance.storage.postgres import moving
from appliance.storage.postgres.moving import copy_from_postgres, move_to_postgres
from appliance.storage.tables import metadata
from tests.fakes.filled_rows import build_row, dump_rows, fill_every_table
from tests.fakes.postgres_database import empty_postgres
from tests.fakes.postgres_server import running_postgres

ROWS = 4
MANY_ROWS = 150_000


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.sqlite3"
    connection = open_writer(path)
    migrations.upgrade(connection)
    for number in range(1, ROWS + 1):
        fill_every_table(connection.sql, mark="kept", number=number)
    connection.close()
    return path


def ignore(_: int) -> Callable[[int], None]:
    return lambda _: None


def dump(path: Path) -> list[str]:
    connection = open_for_copying(path, is_writable=False)
    lines = dump_rows(connection.raw)
    connection.close()
    return lines


async def list_tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return [row[0] for row in rows]


async def test_there_and_back_again_nothing_changes(url: str, source: Path, tmp_path: Path):
    told: list[int] = []

    def start(total: int) -> Callable[[int], None]:
        told.append(-total)
        return told.append

    moved = await asyncio.to_thread(move_to_postgres, source, url, on_start=start)
    assert moved == ROWS * len(metadata.tables)
    assert told[0] == -moved
    assert sum(told[1:]) == moved
    back = tmp_path / "back.sqlite3"
    assert await asyncio.to_thread(copy_from_postgres, url, back, on_start=ignore) == moved
    assert dump(back) == dump(source)


async def test_a_database_that_is_not_empty_is_left_alone(url: str, source: Path):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE customers (id int)")
    for replaces in (False, True):
        with pytest.raises(ConfigurationError, match="not empty"):
            await asyncio.to_thread(
                move_to_postgres, source, url, on_start=ignore, replaces=replaces
            )
    await connection.close()
    assert await list_tables(url) == ["customers"]


async def test_what_this_program_keeps_is_replaced_only_when_asked(url: str, source: Path):
    await asyncio.to_thread(move_to_postgres, source, url, on_start=ignore)
    with pytest.raises(ConfigurationError) as refused:
        await asyncio.to_thread(move_to_postgres, source, url, on_start=ignore)
    assert refused.value.code == "database_not_empty"
    moved = await asyncio.to_thread(move_to_postgres, source, url, on_start=ignore, replaces=True)
    assert moved == ROWS * len(metadata.tables)


async def test_a_move_that_breaks_leaves_nothing_behind(url: str, source: Path):
    connection = await asyncpg.connect(url)
    loop = asyncio.get_running_loop()

    def break_off(_: int) -> None:
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity" \
                 " WHERE datname = current_database() AND pid <> pg_backend_pid()"  # fmt: skip
        asyncio.run_coroutine_threadsafe(connection.execute(ending), loop).result(5)

    with pytest.raises(StorageError, match=r"cannot be reached\. Nothing was changed\."):
        await asyncio.to_thread(move_to_postgres, source, url, on_start=lambda _: break_off)
    await connection.close()
    assert await list_tables(url) == []


@pytest.mark.alone
async def test_a_server_that_hangs_ends_the_move(
    url: str, source: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moving, "STEP_TIMEOUT_S", 0.5)
    server = running_postgres()

    def freeze(_: int) -> None:
        server.freeze()

    moved = asyncio.to_thread(move_to_postgres, source, url, on_start=lambda _: freeze)
    try:
        with pytest.raises(StorageError, match=r"too busy|cannot be reached"):
            await asyncio.wait_for(moved, 10)
    finally:
        server.thaw()
    await wait_until_empty(url)


@pytest.mark.alone
async def test_an_interrupted_command_ends_at_once_and_leaves_nothing(url: str, tmp_path: Path):
    source = tmp_path / "data" / "database" / "csai.sqlite3"
    source.parent.mkdir(parents=True)
    connection = open_writer(source)
    migrations.upgrade(connection)
    audit_log = metadata.tables["audit_log"]
    row = build_row(audit_log, mark="kept", number=1) | {"tenant_id": None}
    connection.raw.execute("BEGIN")
    connection.sql.execute(insert(audit_log), [row | {"id": f"{n}"} for n in range(MANY_ROWS)])
    connection.raw.execute("COMMIT")
    connection.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance", "migrate", "--data-dir", str(tmp_path / "data"),
        "--to-postgres", url, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await wait_for_rows(url, process)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    try:
        _, said = await asyncio.wait_for(process.communicate(), 15)
    except TimeoutError:
        process.kill()
        raise
    assert time.monotonic() - began < 10
    assert process.returncode == 1
    assert said.decode().splitlines()[-1] == "Stopped; nothing was changed."
    await wait_until_empty(url)


async def wait_for_rows(url: str, process: asyncio.subprocess.Process) -> None:
    """Return once the copy of the many rows is under way."""
    connection = await asyncpg.connect(url)
    query = "SELECT query FROM pg_stat_activity" \
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"  # fmt: skip
    try:
        async with asyncio.timeout(30):
            while True:
                assert process.returncode is None
                rows = await connection.fetch(query)
                if any("INSERT INTO audit_log" in row[0] for row in rows):
                    return
                await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def wait_until_empty(url: str) -> None:
    """Return once the server has noticed that the connection is gone, and nothing is left."""
    others = "SELECT count(*) FROM pg_stat_activity" \
             " WHERE datname = current_database() AND pid <> pg_backend_pid()"  # fmt: skip
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(10):
            while await connection.fetchval(others):  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
    assert await list_tables(url) == []


async def test_an_empty_or_foreign_database_is_not_copied(url: str, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="nothing of this program"):
        await asyncio.to_thread(copy_from_postgres, url, tmp_path / "a", on_start=ignore)


async def test_a_database_that_is_not_there_is_named_by_where_its_address_is(
    url: str, source: Path, tmp_path: Path
):
    missing = f"{url}_missing"
    for work, remedy in (
        (lambda: copy_from_postgres(missing, tmp_path / "a", on_start=ignore), moving.SETTING),
        (lambda: moving.measure_database(missing), moving.SETTING),
        (
            lambda: move_to_postgres(source, missing, on_start=ignore, setting="--to-postgres"),
            "--to-postgres",
        ),
    ):
        with pytest.raises(ConfigurationError, match="there is no such database") as refused:
            await asyncio.to_thread(work)
        assert refused.value.message.endswith(f"Mend {remedy}.")


async def test_a_server_that_is_not_there_says_so(source: Path, tmp_path: Path):
    nowhere = "postgresql://bob:s3cret@127.0.0.1:1/csai"
    for work in (
        lambda: move_to_postgres(source, nowhere, on_start=ignore),
        lambda: copy_from_postgres(nowhere, tmp_path / "a", on_start=ignore),
    ):
        with pytest.raises(ApplianceError, match="nothing answers") as refused:
            await asyncio.to_thread(work)
        assert "s3cret" not in refused.value.message
