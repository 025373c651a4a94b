"""Backups of a running server, and the drill: everything lost, restored elsewhere, going on."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from appliance.bootstrap import open_appliance
from appliance.bootstrap.backups import build_archives
from appliance.logs import LogBuffer
from appliance.settings import load_settings
from appliance.storage import migrations
from appliance.storage.postgres.connecting import build_connect
from appliance.storage.postgres.transactions import build_engine
from tests.fakes.backups import PASSPHRASE, build_installation
from tests.fakes.postgres_database import empty_postgres
from tests.fakes.webhook_server import WebhookServer, is_signed, reply_json
from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import (
    FROM_CHECKOUT,
    RunningServer,
    build_environment,
    run_csai,
    serving,
    wait_until,
)
from tests.http.stored_rows import read_rows, write_rows

pytestmark = pytest.mark.on_sqlite

ENCRYPTED = {"CSAI_BACKUP_PASSPHRASE": PASSPHRASE}
ONE_SENTENCE = re.compile(r"csai: [^\n]+\n")
BUSY_VISITORS = 3


def csai(folder: Path, *arguments: str, code: int = 0, **settings: str) -> str:
    """Run a command on the data folder in ``folder`` and return what it said."""
    (folder / "home").mkdir(parents=True, exist_ok=True)
    ended = run_csai(
        *arguments,
        *("--data-dir", str(folder / "data")),
        home=folder / "home",
        settings=settings,
        timeout_s=60,
    )
    assert ended.returncode == code, ended.stderr
    if code == 0:
        return ended.stdout
    assert ONE_SENTENCE.fullmatch(ended.stderr), ended.stderr
    return ended.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("backups"), settings=ENCRYPTED) as server:
        yield server


@pytest.fixture(scope="module")
def owner(server: RunningServer) -> Iterator[Operator]:
    operator = Operator(server)
    yield operator
    operator.http.close()


def find_file(server: RunningServer, made: dict[str, Any]) -> Path:
    return server.data_dir / "backups" / f"csai-{made['id']}.csaibackup"


def test_a_backup_is_made_while_visitors_talk(server: RunningServer, owner: Operator):
    stop = threading.Event()
    acknowledged: list[int] = []

    def talk() -> None:
        visitor = Visitor(server, read_demo_key(server))
        said = 0
        while not stop.is_set():
            visitor.ask("When are you open?")
            said += 1
        acknowledged.append(said)
        visitor.http.close()

    threads = [threading.Thread(target=talk) for _ in range(BUSY_VISITORS)]
    for thread in threads:
        thread.start()
    try:
        made = [owner.call("POST", "/backups", status=201) for _ in range(2)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert len(acknowledged) == BUSY_VISITORS
    assert min(acknowledged) > 0
    listed = owner.call("GET", "/backups")
    assert listed["next_cursor"] is None
    assert [item["id"] for item in listed["items"]][:2] == [made[1]["id"], made[0]["id"]]
    for item in made:
        assert (item["kind"], item["is_encrypted"]) == ("manual", True)
        assert item["verified_at"] is not None
        verified = owner.call("POST", f"/backups/{item['id']}/verify")
        assert verified["verified_at"] > item["verified_at"]


def test_what_was_done_is_in_the_audit_log(server: RunningServer, owner: Operator):
    made = owner.call("POST", "/backups", status=201)
    owner.call("POST", f"/backups/{made['id']}/verify")
    entries = read_rows(
        server.database,
        "SELECT actor, action FROM audit_log WHERE subject = ? ORDER BY at",
        made["id"],
    )
    assert entries == [("admin", "backup.create"), ("admin", "backup.verify")]


def test_a_wish_that_is_not_heeded_is_refused(owner: Operator):
    before = len(owner.call("GET", "/backups")["items"])
    for path in ("/backups", "/backups/20260101T000000Z-00000000/verify"):
        answer = owner.http.post(path, json={"passphrase": PASSPHRASE})
        problem = check_problem(answer, 400, "validation_failed")
        assert problem["errors"][0]["field"] == "passphrase"
        assert PASSPHRASE not in answer.text
    assert len(owner.call("GET", "/backups")["items"]) == before
    assert owner.http.post("/backups", json={}).status_code == 201


def test_a_damaged_backup_is_told(server: RunningServer, owner: Operator):
    made = owner.call("POST", "/backups", status=201)
    path = find_file(server, made)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    answer = owner.http.post(f"/backups/{made['id']}/verify")
    problem = check_problem(answer, 409, "backup_damaged")
    assert str(server.data_dir) not in problem["detail"]
    assert owner.call("GET", "/backups")["items"][0]["verified_at"] is None
    path.unlink()


@pytest.mark.parametrize("backup_id", ["nothing", "20260101T000000Z-00000000", "..%2F..%2Fdata"])
def test_an_unknown_backup_is_not_found(owner: Operator, backup_id: str):
    answer = owner.http.post(f"/backups/{backup_id}/verify")
    assert answer.status_code == 404


def test_two_at_once_is_one_too_many(owner: Operator, server: RunningServer):
    answers: list[int] = []

    def ask() -> None:
        other = Operator(server)
        answer = other.http.post("/backups")
        answers.append(answer.status_code)
        if answer.status_code == 409:
            assert int(
                check_problem(answer, 409, "backup_in_progress") and answer.headers["retry-after"]
            )
        other.http.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert len(answers) == 4


def test_the_command_line_works_beside_the_server(server: RunningServer, owner: Operator):
    said = csai(server.folder, "backup", "create", **ENCRYPTED)
    found = re.match(r"Backup (\S+) is made and verified: (\S+)\n", said)
    assert found is not None
    assert Path(found[2]).is_file()
    newest = owner.call("GET", "/backups")["items"][0]
    assert newest["id"] == found[1]
    table = csai(server.folder, "backup", "list").splitlines()
    assert table[0].split()[0] == "ID"
    assert table[1].split()[0] == found[1]
    assert {"manual", "yes", migrations.HEAD} <= set(table[1].split())
    assert re.search(r" [1-9][\d.]* [kM]B ", table[1])
    for name in (found[1], found[2]):
        assert "is whole" in csai(server.folder, "backup", "verify", name, **ENCRYPTED)
    for command in (("restore",), ("backup", "restore")):
        said = csai(server.folder, *command, found[1], code=5, **ENCRYPTED)
        assert str(server.process.pid) in said


def test_a_passphrase_comes_from_a_file_too(server: RunningServer, tmp_path: Path):
    secret = tmp_path / "passphrase"
    secret.write_text("another long passphrase\n")
    flag = ("--passphrase-file", str(secret))
    made = csai(server.folder, "backup", "create", *flag).split()[1]
    assert "is whole" in csai(server.folder, "backup", "verify", made, *flag)
    said = csai(server.folder, "backup", "verify", made, code=1)
    assert "Give its passphrase with CSAI_BACKUP_PASSPHRASE or --passphrase-file" in said
    said = csai(server.folder, "backup", "verify", made, code=1, **ENCRYPTED)
    assert "passphrase does not open" in said
    secret.write_text("short\n")
    assert "at least 8" in csai(server.folder, "backup", "create", *flag, code=3)
    said = csai(
        server.folder, "backup", "create", "--passphrase-file", str(tmp_path / "absent"), code=3
    )
    assert said.endswith("absent' cannot be read: No such file or directory.\n")
    secret.write_bytes(b"\xff" * 20)
    assert "not text in UTF-8" in csai(server.folder, "backup", "create", *flag, code=3)
    said = csai(server.folder, "backup", "create", "--encrypt", code=3)
    assert "no terminal" in said
    assert "--passphrase-file" in said


def test_a_server_without_the_passphrase_says_what_helps_it(tmp_path: Path):
    with RunningServer(tmp_path) as server:
        made = csai(tmp_path, "backup", "create", **ENCRYPTED).split()[1]
        operator = Operator(server)
        answer = operator.http.post(f"/backups/{made}/verify")
        operator.http.close()
        problem = check_problem(answer, 409, "backup_passphrase_missing")
        assert "--passphrase-file" not in problem["detail"]
        assert "CSAI_BACKUP_PASSPHRASE" in problem["detail"]


def test_no_secret_is_in_any_file_of_it(server: RunningServer, owner: Operator, tmp_path: Path):
    """A shop's signing secret, the key itself, the password: neither encrypted nor plain."""
    shop = owner.make_shop("Canary Shop")
    plain = csai(server.folder, "backup", "create").split()[1]
    sealed = owner.call("POST", "/backups", status=201)["id"]
    key = (server.data_dir / "keys" / "secrets.key").read_bytes().strip()
    folder = tmp_path / "opened"
    csai(folder, "restore", str(find_file(server, {"id": plain})), "--without-secrets")
    seen = [find_file(server, {"id": name}).read_bytes() for name in (plain, sealed)]
    seen.append((folder / "data" / "database" / "csai.sqlite3").read_bytes())
    for secret in (
        shop.signing_secret.encode(),
        shop.api_key.encode(),
        key,
        PASSPHRASE.encode(),
        server.settings["CSAI_ADMIN_PASSWORD"].encode(),
    ):
        assert not any(secret in content for content in seen)
    assert b"Canary Shop" in seen[2]
    assert b"Canary Shop" not in seen[1]
    with RunningServer(folder, command="serve") as restored:
        operator = Operator(restored)
        made = operator.call("POST", f"/tenants/{shop.id}/signing-secret", status=201)
        assert made["signing_secret"] != shop.signing_secret
        operator.http.close()


async def test_the_drill(tmp_path: Path):
    """Stop, lose the machine, restore elsewhere: login, history and signing go on as before."""
    first, second = tmp_path / "first", tmp_path / "second"
    async with WebhookServer([reply_json({"status": "on its way"})]) as webhook:
        settings = {"CSAI_EGRESS_ALLOW": webhook.authority, **ENCRYPTED}
        async with serving(first, settings=settings) as server:

            def prepare() -> tuple[Any, ...]:
                operator = Operator(server)
                shop = operator.make_shop("Drill Shop")
                operator.use_tool(shop.id, "get_order_status", webhook_url=webhook.url)
                visitor = Visitor(server, shop.api_key)
                visitor.ask("hello")
                made = operator.call("POST", "/backups", status=201)
                history = visitor.history()
                visitor.ask("said after the backup")
                operator.http.close()
                visitor.http.close()
                return shop, visitor.session_id, history, find_file(server, made)

            shop, session_id, history, path = await asyncio.to_thread(prepare)
        usb = tmp_path / path.name
        shutil.move(path, usb)
        shutil.rmtree(first / "data")
        said = await asyncio.to_thread(csai, second, "restore", str(usb), **ENCRYPTED)
        assert "is restored" in said
        async with serving(second, settings=settings) as server:
            server.expect("there is no data table 'orders'")

            def go_on() -> None:
                operator = Operator(server)
                assert operator.find_tenant_id("Drill Shop") == shop.id
                visitor = Visitor(server, shop.api_key)
                visitor.session_id = session_id
                assert visitor.history() == history
                visitor.ask("Where is my order 777?")
                assert len(visitor.history()) == len(history) + 2
                operator.http.close()
                visitor.http.close()

            await asyncio.to_thread(go_on)
        assert is_signed(webhook.requests[-1], shop.signing_secret)


def test_a_restore_over_data_keeps_it(tmp_path: Path):
    server = RunningServer(tmp_path, settings=ENCRYPTED)
    with server:
        operator = Operator(server)
        operator.make_shop("Before")
        made = operator.call("POST", "/backups", status=201)
        operator.make_shop("After")
        operator.http.close()
    said = csai(tmp_path, "restore", made["id"], **ENCRYPTED)
    kept = re.search(r"What was there before is in (\S+);", said)
    assert kept is not None
    names = "SELECT name FROM tenants WHERE name IN ('Before', 'After') ORDER BY name"
    assert read_rows(Path(kept[1]) / "database" / "csai.sqlite3", names) == [
        ("After",),
        ("Before",),
    ]
    with server:
        operator = Operator(server)
        found = [tenant["name"] for tenant in operator.call("GET", "/tenants")["items"]]
        assert "Before" in found
        assert "After" not in found
        operator.http.close()


def test_a_restore_that_was_cut_off_is_finished_by_the_next_start(tmp_path: Path):
    with RunningServer(tmp_path) as server:
        operator = Operator(server)
        operator.make_shop("Staged Shop")
        operator.http.close()
    stage = server.data_dir / "work" / "restore-1"
    stage.mkdir(parents=True)
    shutil.move(server.database, stage / "database.sqlite3")
    (server.data_dir / "restore.journal").write_text(
        '{"moves":[{"0":0}],"discard":[]}'.replace(
            '{"0":0}',
            '{"source":"work/restore-1/database.sqlite3","target":"database/csai.sqlite3"}',
        )
    )
    server.expect("restore_finished")
    with server:
        operator = Operator(server)
        assert operator.find_tenant_id("Staged Shop")
        operator.http.close()
    assert not (server.data_dir / "restore.journal").exists()


def make_busy(folder: Path, number: signal.Signals) -> int:
    """Begin a backup, send the signal while it has a copy of the database; return its exit code."""
    (folder / "home").mkdir(exist_ok=True)
    command = (*FROM_CHECKOUT, "backup", "create", "--data-dir", str(folder / "data"))
    with subprocess.Popen(
        command, env=build_environment(folder / "home"), cwd=folder / "home", stderr=subprocess.PIPE
    ) as process:
        copies = (folder / "data" / "work").glob
        wait_until(lambda: list(copies("backup-*/*")), timeout_s=20, what="the copy")
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert b"Traceback" not in said
        assert b"csai:" not in said
        return process.returncode


def test_a_backup_that_is_ended_leaves_no_copy(tmp_path: Path):
    installation = build_installation(tmp_path / "data")
    installation.paths.config_file.unlink()
    assert make_busy(tmp_path, signal.SIGTERM) == 143
    assert list(installation.paths.work.iterdir()) == []
    assert list(installation.paths.backups.iterdir()) == []


def test_what_a_killed_backup_left_is_gone_after_the_next_start(tmp_path: Path):
    installation = build_installation(tmp_path / "data")
    installation.paths.config_file.unlink()
    assert make_busy(tmp_path, signal.SIGKILL) == -signal.SIGKILL
    assert list(installation.paths.work.glob("backup-*/*"))
    stage = installation.paths.work / "restore-dead"
    stage.mkdir()
    with RunningServer(tmp_path, command="serve"):
        assert list(installation.paths.work.iterdir()) == []
        assert list(installation.paths.backups.iterdir()) == []


@pytest.mark.parametrize("passphrase", [{}, ENCRYPTED])
def test_without_the_right_key_no_backup_is_made(tmp_path: Path, passphrase: dict[str, str]):
    installation = build_installation(tmp_path / "data")
    installation.paths.config_file.unlink()
    for content, sentence in (
        (None, "The key of the stored secrets is missing"),
        (Fernet.generate_key(), "is not the one of this database"),
    ):
        installation.paths.key_file.unlink()
        if content is not None:
            installation.paths.key_file.write_bytes(content)
            installation.paths.key_file.chmod(0o600)
        said = csai(tmp_path, "backup", "create", code=3, **passphrase)
        assert sentence in said
        assert said == serve_refused(tmp_path, 3)
        assert list(installation.paths.backups.iterdir()) == []
        installation.paths.key_file.touch()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("backup", "create"), 5, "There is no data folder"),
        (("backup", "verify", "20260101T000000Z-00000000"), 1, "There is no backup"),
        (("restore", "./nothing.csaibackup"), 1, "There is no file"),
    ],
)
def test_what_is_not_there_is_named(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
):
    assert said in csai(tmp_path, *arguments, code=code)


def test_an_older_version_is_backed_up_and_upgraded(tmp_path: Path):
    build_installation(tmp_path / "data", revision="0001")
    (tmp_path / "data" / "config.toml").unlink()
    with RunningServer(tmp_path, command="serve") as server:
        operator = Operator(server)
        backups = operator.call("GET", "/backups")["items"]
        assert [(item["kind"], item["schema"]) for item in backups] == [("upgrade", "0001")]
        assert read_rows(server.database, "SELECT version_num FROM alembic_version") == [
            (migrations.HEAD,)
        ]
        operator.http.close()
    csai(tmp_path, "restore", backups[0]["id"])
    assert read_rows(server.database, "SELECT version_num FROM alembic_version") == [("0001",)]
    with server:
        assert read_rows(server.database, "SELECT version_num FROM alembic_version") == [
            (migrations.HEAD,)
        ]


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
async def test_a_missed_day_is_made_up_for(tmp_path: Path):
    settings = load_settings(
        {"data_dir": tmp_path / "data", "port": 0, "admin_port": 0, "llm_provider": "builtin"},
        environ={"CSAI_BACKUP_KEEP": "1"},
        working_dir=tmp_path,
    )
    for _ in range(2):
        async with open_appliance(settings, is_demo=False, log_buffer=LogBuffer()) as appliance:
            await appliance.maintenance.run_due()
        record = '{"started_at":"2026-01-01T03:30:00+00:00","ended_at":"2026-01-01T03:31:00+00:00"}'
        write_rows(
            settings.paths.database,
            "UPDATE settings SET value = ? WHERE name LIKE 'maintenance:%'",
            record,
        )
        async with open_appliance(settings, is_demo=False, log_buffer=LogBuffer()) as appliance:
            assert "backup" in await appliance.maintenance.run_due()
    found = build_archives(settings).list_all()
    assert [backup.kind for backup in found] == ["daily"]  # the first made room for the second
    assert found[0].installation_id is not None


def serve_refused(folder: Path, code: int, **settings: str) -> str:
    return csai(folder, "serve", "--port", "0", "--admin-port", "0", code=code, **settings)


def test_without_its_backup_an_upgrade_does_not_begin(tmp_path: Path):
    installation = build_installation(tmp_path / "data", revision="0001")
    installation.paths.config_file.unlink()
    (tmp_path / "file").write_text("no folder")
    said = serve_refused(tmp_path, 1, CSAI_BACKUP_DIR=str(tmp_path / "file"))
    assert "was not upgraded" in said
    assert "CSAI_BACKUP_DIR" in said
    assert installation.execute("SELECT version_num FROM alembic_version") == [("0001",)]


def test_a_newer_and_a_foreign_database_are_refused(tmp_path: Path):
    installation = build_installation(tmp_path / "data")
    installation.paths.config_file.unlink()
    installation.execute("UPDATE alembic_version SET version_num = '9999'")
    said = serve_refused(tmp_path, 3)
    assert "newer version of this program" in said
    assert "'9999'" in said
    assert not installation.paths.backups.exists()
    installation.execute("DROP TABLE alembic_version")
    before = installation.execute("SELECT name, sql FROM sqlite_schema ORDER BY name")
    assert "another program's tables" in serve_refused(tmp_path, 3)
    assert installation.execute("SELECT name, sql FROM sqlite_schema ORDER BY name") == before


async def test_postgres_is_backed_up_upgraded_and_restored(tmp_path: Path):
    async with empty_postgres() as url:
        engine = build_engine(build_connect(url), pool_size=1)
        async with engine.begin() as connection:
            await connection.run_sync(migrations.run, "0001")
        await engine.dispose()
        settings = {"CSAI_DATABASE_URL": url, **ENCRYPTED}
        server = RunningServer(tmp_path, command="serve", settings=settings)

        def drill() -> None:
            with server:
                operator = Operator(server)
                backups = operator.call("GET", "/backups")["items"]
                assert [(item["kind"], item["schema"]) for item in backups] == [("upgrade", "0001")]
                operator.make_shop("Before")
                made = operator.call("POST", "/backups", status=201)
                operator.make_shop("After")
                assert str(server.process.pid) in csai(
                    tmp_path, "restore", made["id"], code=5, **settings
                )
                operator.http.close()
            said = csai(tmp_path, "restore", made["id"], **settings)
            assert "What was there before is in" in said
            with server:
                operator = Operator(server)
                found = operator.call("GET", "/tenants")["items"]
                assert [tenant["name"] for tenant in found] == ["Before"]
                operator.http.close()

        await asyncio.to_thread(drill)
