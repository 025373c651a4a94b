from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.domain.ids import TenantId, new_id
from appliance.errors import ConfigurationError, StorageError
from appliance.storage.database import Database
from tests.fakes.clock import SettableClock
from tests.fakes.sqlite_database import build_tenant, open_temporary_database, read_usage

LINES_BEFORE_THE_KILL = 120


async def open_in(folder: Path) -> Database:
    return await Database.open(folder / "csai.sqlite3", SettableClock(), folder / "secrets.key")


async def test_what_is_kept_outlives_the_process(tmp_path: Path):
    database = await open_in(tmp_path)
    await database.settings.put("answer", {"a": [1, None]})
    await database.settings.put_secret("jwt_secret", "a-long-secret")
    await database.close()
    assert not (tmp_path / "csai.sqlite3-wal").exists()
    assert b"a-long-secret" not in (tmp_path / "csai.sqlite3").read_bytes()
    again = await open_in(tmp_path)
    assert await again.settings.get("answer") == {"a": [1, None]}
    assert await again.settings.get_secret("jwt_secret") == "a-long-secret"
    await again.close()


async def test_settings_are_replaced_and_deleted():
    async with open_temporary_database() as temporary:
        settings = temporary.database.settings
        assert await settings.get("name") is None
        assert await settings.get_secret("name") is None
        await settings.put_secret("name", "one")
        await settings.put("name", 2)
        assert (await settings.get("name"), await settings.get_secret("name")) == (2, None)
        assert await settings.delete("name")
        assert not await settings.delete("name")


async def test_signing_secrets_are_encrypted_and_keys_hashed():
    async with open_temporary_database() as temporary:
        tenants, at = temporary.database.tenants, temporary.clock.now()
        await tenants.set_signing_secret(temporary.tenant_id, "whsec_canary-secret", at=at)
        await tenants.add_publishable_key(temporary.tenant_id, "pk_canary-key-canary", at=at)
        files = [file for file in temporary.folder.rglob("*") if file.is_file()]
        everything = b"".join(file.read_bytes() for file in files)
        assert b"whsec_ca" in everything  # the part that may be shown again
        assert b"canary-secret" not in everything
        assert b"canary-key" not in everything


async def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path):
    tenant_id = TenantId(new_id())
    database = await open_in(tmp_path)
    await database.tenants.add(build_tenant(SettableClock(), tenant_id))
    await database.close()
    acknowledged = await asyncio.to_thread(run_load_and_kill, tmp_path, tenant_id)
    assert len(acknowledged) >= LINES_BEFORE_THE_KILL
    database = await open_in(tmp_path)
    await database.recover()
    await database.close()

    raw = sqlite3.connect(tmp_path / "csai.sqlite3")
    states = dict(raw.execute("SELECT id, coalesce(turn_state, 'answer') FROM messages"))
    done = [state for state in states.values() if state == "done"]
    answers = [state for state in states.values() if state == "answer"]
    tokens = raw.execute("SELECT sum(input_tokens), sum(output_tokens) FROM messages").fetchone()
    counted = raw.execute("SELECT sum(message_count), sum(input_tokens) FROM conversations")
    assert counted.fetchone() == (len(states), tokens[0])
    assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()
    for kind, message_id in acknowledged:
        assert states[message_id] in ({"asked": ("done", "failed"), "answered": ("answer",)}[kind])
    assert len(done) == len(answers)
    assert set(states.values()) <= {"done", "failed", "answer"}
    (usage,) = (await read_usage(tmp_path / "csai.sqlite3", tenant_id)).values()
    assert (usage["messages"], usage["input_tokens"]) == (2 * len(done), tokens[0])


def run_load_and_kill(folder: Path, tenant_id: TenantId) -> list[tuple[str, str]]:
    """Kill a process in the middle of turns; return what it had acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.turn_load", str(folder), tenant_id],
        stdout=subprocess.PIPE,
        text=True,
    ) as load:
        assert load.stdout is not None
        lines = [load.stdout.readline() for _ in range(LINES_BEFORE_THE_KILL)]
        load.send_signal(signal.SIGKILL)
        lines += load.stdout.readlines()
        assert load.wait() == -signal.SIGKILL
    pairs = [line.split() for line in lines if line.endswith("\n")]
    return [(kind, message_id) for kind, message_id in pairs]


async def test_health_waits_for_no_lock_and_tells_of_the_end():
    async with open_temporary_database() as temporary:
        outside = sqlite3.connect(
            temporary.folder / "database" / "csai.sqlite3", isolation_level=None
        )
        outside.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(1):
            await temporary.database.health()
        outside.close()
        await temporary.database.close()
        with pytest.raises(StorageError):
            await temporary.database.health()


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path):
    await (await open_in(tmp_path)).close()
    raw = sqlite3.connect(tmp_path / "csai.sqlite3")
    with raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer version") as refused:
        await open_in(tmp_path)
    assert refused.value.code == "schema_too_new"
    assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    raw.close()


async def test_what_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "csai.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match="damaged"):
        await open_in(tmp_path)
    assert (tmp_path / "csai.sqlite3").read_bytes() == b"no database at all" * 100


async def test_a_place_that_cannot_hold_a_database_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be made") as refused:
        await Database.open(
            tmp_path / "file" / "csai.sqlite3", SettableClock(), tmp_path / "secrets.key"
        )
    assert refused.value.setting == "CSAI_DATA_DIR"
