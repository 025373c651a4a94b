"""A server whose database is Postgres: a start, an outage, a power loss, a move there and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx
import pytest
from cryptography.fernet import Fernet

from tests.fakes.postgres_server import PostgresServer, running_postgres, start_postgres
from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import RunningServer, run_csai, serving, wait_until
from tests.http.slow_ollama import ANSWER, GatedOllama, say_answer, use_ollama
from tests.http.stored_rows import read_bookings, read_rows, write_rows

OUTAGE_EVENTS = (
    "request_failed", "turn_failed", "turn_failure_not_stored", "postgres_presence_"
)  # fmt: skip
CONFIGURATION = 3
IN_USE = 5


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that tests may stop."""
    server = start_postgres()
    yield server
    server.stop()


def new_database(server: PostgresServer) -> str:
    return asyncio.run(server.create_database())


def test_a_conversation_lives_in_postgres_alone(tmp_path: Path):
    url = new_database(running_postgres())
    with RunningServer(tmp_path, settings={"CSAI_DATABASE_URL": url}) as server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("book a table for 4 people tomorrow at 19:00")
        visitor.ask("Rina Barak")
        visitor.ask("yes")
        assert "Rina Barak" in [row["name"] for row in read_bookings(url)]
        assert read_rows(url, "SELECT count(*) FROM messages WHERE role = 'user'") == [(3,)]
        visitor.http.close()
    assert not list(server.data_dir.rglob("csai.sqlite3*"))


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("postgresql://bob:s3cret@127.0.0.1:1/csai", "nothing answers"),
        ("mysql://bob:s3cret@127.0.0.1/csai", "postgresql://user:password"),
        ("postgresql://bob:s3cret@127.0.0.1:none/csai", "not valid"),
    ],
)
def test_a_start_without_its_database_says_what_to_mend(tmp_path: Path, url: str, remedy: str):
    ended = run_csai(
        "serve", "--port", "0", "--admin-port", "0", "--data-dir", str(tmp_path / "data"),
        home=tmp_path, settings={"CSAI_DATABASE_URL": url},
    )  # fmt: skip
    assert ended.returncode == CONFIGURATION
    assert "CSAI_DATABASE_URL" in ended.stderr
    assert remedy in ended.stderr
    assert "s3cret" not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_an_outage_is_told_and_over_by_itself(tmp_path: Path, own_postgres: PostgresServer):
    settings = {"CSAI_DATABASE_URL": new_database(own_postgres)}
    with RunningServer(tmp_path, settings=settings) as server:
        server.expect(*OUTAGE_EVENTS)
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("When are you open?")
        own_postgres.halt()
        started = time.monotonic()
        refused = visitor.post("Do you deliver?", message_id="m-1")
        assert time.monotonic() - started < 6
        assert refused.status_code == 503
        assert refused.json()["code"] == "storage_unavailable"
        assert int(refused.headers["retry-after"]) > 0
        health = visitor.http.get("/health")
        assert health.status_code == 503
        assert health.json()["components"]["database"]["status"] == "unavailable"
        own_postgres.start()
        assert visitor.ask("Do you deliver?", message_id="m-1")["message"]["content"]
        assert visitor.http.get("/health").json()["status"] == "ok"
        assert len(visitor.history()) == 4
        check_work_goes_on(server)
        visitor.http.close()


def check_work_goes_on(server: RunningServer) -> None:
    """Retention, whose lock was cut with everything else, and counting as a server."""
    operator = Operator(server)
    operator.call("POST", "/maintenance/retention", status=202)

    def find_state() -> str:
        state: str = operator.call("GET", "/maintenance/retention")["state"]
        return state

    wait_until(lambda: find_state() != "running", timeout_s=20, what="the end of the retention")
    assert find_state() == "done"
    operator.http.close()
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'"
    wait_until(lambda: read_rows(server.database, query) == [(1,)], timeout_s=30, what="a lock")


def test_an_export_that_cannot_be_read_is_a_problem(tmp_path: Path):
    settings = {"CSAI_DATABASE_URL": new_database(running_postgres())}
    with RunningServer(tmp_path, settings=settings) as server:
        server.expect(*OUTAGE_EVENTS)
        owner = Operator(server)
        shop = owner.make_shop()
        write_rows(server.database, "ALTER TABLE conversations RENAME TO lost")
        for path in (
            "/conversations/export",
            "/conversations/export?format=csv",
            f"/tenants/{shop.id}/export?user_identifier=dana",
        ):
            check_problem(owner.http.get(path), 503, "storage_unavailable")
        write_rows(server.database, "ALTER TABLE lost RENAME TO conversations")
        assert owner.call("GET", f"/conversations/export?tenant_id={shop.id}") == []
        owner.http.close()


def test_a_database_that_hangs_does_not_hang_the_server(
    tmp_path: Path, own_postgres: PostgresServer
):
    settings = {"CSAI_DATABASE_URL": new_database(own_postgres)}
    with RunningServer(tmp_path, settings=settings) as server:
        server.expect(*OUTAGE_EVENTS)
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("When are you open?")
        own_postgres.freeze()
        try:
            started = time.monotonic()
            assert visitor.http.get("/health").status_code == 503
            assert time.monotonic() - started < 5
            assert visitor.http.get("/widget.js").status_code == 200
        finally:
            own_postgres.thaw()
        wait_until(
            lambda: visitor.http.get("/health").status_code == 200, timeout_s=20, what="health"
        )
        assert visitor.ask("Do you deliver?")["message"]["content"]
        visitor.http.close()


async def test_a_message_survives_a_power_loss_and_is_answered_once(tmp_path: Path):
    url = await running_postgres().create_database()
    async with GatedOllama(say_answer) as ollama:
        settings = {**use_ollama(ollama), "CSAI_DATABASE_URL": url}
        async with serving(tmp_path, settings=settings) as server:
            visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))

            def ask_and_cut_the_power() -> None:
                with visitor.streaming("Is it warm?", message_id="m-1") as events:
                    visitor.session_id = next(events).data["session_id"]
                    server.kill()

            await asyncio.to_thread(ask_and_cut_the_power)
            ollama.gate.set()
            server.expect("turns_recovered")
            await asyncio.to_thread(server.start)
            reply = await asyncio.to_thread(visitor.ask, "Is it warm?", message_id="m-1")
            assert reply["message"]["content"] == ANSWER
            lines = await asyncio.to_thread(visitor.lines)
            assert lines == [("user", "Is it warm?"), ("assistant", ANSWER)]
            visitor.http.close()


def test_two_servers_on_one_database_share_a_conversation(tmp_path: Path):
    """They need one key file; a session that one of them began goes on at the other."""
    settings = {"CSAI_DATABASE_URL": new_database(running_postgres())}
    first = RunningServer(tmp_path / "first", settings=settings)
    second = RunningServer(tmp_path / "second", settings=settings)
    with first:
        second.data_dir.mkdir(parents=True)
        keys = Path("keys") / "secrets.key"
        (second.data_dir / keys).parent.mkdir(mode=0o700)
        (second.data_dir / keys).write_bytes((first.data_dir / keys).read_bytes())
        (second.data_dir / keys).chmod(0o600)
        with second:
            here, there = Visitor(first, read_demo_key(first)), None
            here.ask("When are you open?", message_id="m-1")
            there = Visitor(second, here.api_key)
            there.session_id = here.session_id
            there.ask("Do you deliver?", message_id="m-2")
            assert here.ask("Do you deliver?", message_id="m-2")["session_id"] == here.session_id
            assert len(here.history()) == 4
            assert here.history() == there.history()
            here.http.close()
            there.http.close()


def test_two_servers_start_at_once_on_an_empty_database(tmp_path: Path):
    settings = {"CSAI_DATABASE_URL": new_database(running_postgres())}
    servers = [RunningServer(tmp_path / name, settings=settings) for name in ("a", "b")]
    key = Fernet.generate_key()
    for server in servers:
        folder = server.data_dir / "keys"
        folder.mkdir(parents=True, mode=0o700)
        (folder / "secrets.key").write_bytes(key)
        (folder / "secrets.key").chmod(0o600)
    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        starting = [threads.submit(stack.enter_context, server) for server in servers]
        for started in starting:
            started.result()
        found = read_rows(settings["CSAI_DATABASE_URL"], "SELECT count(*) FROM users")
        assert found == [(1,)]
        demo_key = read_demo_key(servers[0])
        for server in servers:
            visitor = Visitor(server, demo_key)
            assert visitor.ask("When are you open?")["message"]["content"]
            visitor.http.close()


def test_commands_without_their_database_say_what_to_mend(tmp_path: Path):
    missing = running_postgres().url("no_such_database")
    server = RunningServer(tmp_path, settings={"CSAI_DATABASE_URL": ""})
    with server:
        pass
    folder = ("--data-dir", str(server.data_dir))
    for arguments, database, remedy in (
        (("migrate", *folder, "--to-postgres", missing), "", "Mend --to-postgres."),
        (("backup", "create", *folder), missing, "Mend CSAI_DATABASE_URL."),
    ):
        ended = run_csai(*arguments, home=tmp_path, settings={"CSAI_DATABASE_URL": database})
        assert ended.returncode == CONFIGURATION
        assert "there is no such database" in ended.stderr
        assert remedy in ended.stderr


def test_a_server_stops_while_postgres_hangs_in_a_backup(
    tmp_path: Path, own_postgres: PostgresServer
):
    url = new_database(own_postgres)
    server = RunningServer(tmp_path, command="serve", settings={"CSAI_DATABASE_URL": url})

    async def freeze_in_the_copy() -> None:
        connection = await asyncpg.connect(url)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with asyncio.timeout(40):
            await connection.execute("BEGIN; LOCK TABLE tool_usage IN ACCESS EXCLUSIVE MODE")
            asked.append(threads.submit(operator.http.post, "/backups"))
            while not await connection.fetchval(waiting):  # noqa: ASYNC110 -- another process
                await asyncio.sleep(0.02)
            own_postgres.freeze()
            connection.terminate()

    asked: list[Future[httpx.Response]] = []
    server.start()
    with ThreadPoolExecutor(1) as threads:
        operator = Operator(server)
        try:
            asyncio.run(freeze_in_the_copy())
            server.process.terminate()
            assert server.process.wait(30) == 0, server.output()
        finally:
            own_postgres.thaw()
            server.kill()
        asked[0].exception(30)
    operator.http.close()


def test_an_installation_moves_there_and_back(tmp_path: Path):
    url = new_database(running_postgres())
    on_file = {"CSAI_DATABASE_URL": ""}
    server = RunningServer(tmp_path, settings=on_file)
    with server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("Where is my order 12345?")
        history = visitor.history()
        busy = run_csai(
            "migrate", "--data-dir", str(server.data_dir), "--to-postgres", url,
            home=tmp_path, settings=on_file,
        )  # fmt: skip
        assert busy.returncode == IN_USE
    moved = run_csai(
        "migrate", "--data-dir", str(server.data_dir), "--to-postgres", url,
        home=tmp_path, settings=on_file,
    )  # fmt: skip
    assert moved.returncode == 0, moved.stderr
    assert "counted and compared" in moved.stdout
    again = run_csai(
        "migrate", "--data-dir", str(server.data_dir), "--to-postgres", url,
        home=tmp_path, settings=on_file,
    )  # fmt: skip
    assert again.returncode == CONFIGURATION
    assert "not empty" in again.stderr
    server.settings["CSAI_DATABASE_URL"] = url
    with server:
        assert visitor.history() == history
        visitor.ask("When are you open?")
        operator = Operator(server)
        operator.make_shop("Made on Postgres")
        history = visitor.history()
        operator.http.close()
        elsewhere = tmp_path / "elsewhere"
        served = run_csai(
            "migrate", "--data-dir", str(elsewhere), "--to-sqlite",
            home=tmp_path, settings={"CSAI_DATABASE_URL": url},
        )  # fmt: skip
        assert served.returncode == IN_USE
        assert "A server is running on the database" in served.stderr
        assert not list(elsewhere.rglob("csai.sqlite3"))
    copied = run_csai(
        "migrate", "--data-dir", str(elsewhere), "--to-sqlite",
        home=tmp_path, settings={"CSAI_DATABASE_URL": url},
    )  # fmt: skip
    assert copied.returncode == 0, copied.stderr
    assert f"copy the installation's key file to {elsewhere}/keys/secrets.key" in copied.stdout
    (server.data_dir / "database" / "csai.sqlite3").rename(server.data_dir / "kept.sqlite3")
    back = run_csai(
        "migrate", "--data-dir", str(server.data_dir), "--to-sqlite",
        home=tmp_path, settings={"CSAI_DATABASE_URL": url},
    )  # fmt: skip
    assert back.returncode == 0, back.stderr
    assert "key file" not in back.stdout
    server.settings["CSAI_DATABASE_URL"] = ""
    with server:
        assert visitor.history() == history
        operator = Operator(server)
        assert operator.find_tenant_id("Made on Postgres")
        operator.http.close()
        visitor.http.close()
