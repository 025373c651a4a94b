"""A server whose cache is a real Redis: what visitors notice when that comes and goes."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.domain.ids import hash_token
from tests.fakes.redis_server import RedisServer
from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import RunningServer, run_csai, wait_until
from tests.http.stored_rows import read_rows
from tests.loopback import DIRECT

PASSWORD = "c4n4ry-password"
LIMIT = 4
HELLO = {"message": "hello"}


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    server = RedisServer(password=PASSWORD)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("cache-server")
    with RunningServer(folder, settings={"CSAI_CACHE_URL": redis.url}) as server:
        server.expect("cache_failed")
        yield server


@pytest.fixture
def visitor(server: RunningServer) -> Iterator[Visitor]:
    visitor = Visitor(server, read_demo_key(server))
    yield visitor
    visitor.http.close()


def read_health(server: RunningServer) -> dict[str, Any]:
    answer = httpx.get(f"{server.base_url}/health", timeout=30, **DIRECT)
    assert answer.status_code == 200
    health: dict[str, Any] = answer.json()
    return health


def test_a_conversation_goes_on_while_the_cache_comes_and_goes(
    server: RunningServer, redis: RedisServer, visitor: Visitor
):
    """A booking asks one thing after the other; the turns know of each other by the history."""
    assert read_health(server)["components"]["cache"] == {"status": "ok"}
    visitor.ask("I would like to book an appointment")
    key = f"*:conversation:{hash_token(visitor.session_id or '')}"
    assert redis.ask("KEYS", key).startswith(b"*1\r\n")
    visitor.ask("tomorrow")
    redis.kill()
    with_dead_cache = visitor.say("at 19:00")
    health = read_health(server)
    assert (health["status"], health["components"]["cache"]["status"]) == ("degraded", "degraded")
    assert health["components"]["cache"]["detail"] == (
        f"The cache server redis://127.0.0.1:{redis.port}/0 cannot be used: connection refused."
    )
    redis.start()
    assert read_health(server)["status"] == "ok"
    with_empty_cache = visitor.say("What are your opening hours?")
    assert redis.ask("KEYS", key).startswith(b"*1\r\n")
    assert with_dead_cache != with_empty_cache
    roles = [role for role, _ in visitor.lines()]
    assert roles == ["user", "assistant"] * 4
    failures = [line for line in server.output().splitlines() if "cache_failed" in line]
    assert len(failures) == 1
    log = (server.data_dir / "logs" / "csai.log").read_text(encoding="utf-8")
    assert "cache_restored" in log
    assert PASSWORD not in server.output() + log


def test_it_says_the_same_as_a_server_without_one(
    server: RunningServer, demo_server: RunningServer
):
    time_of_day = re.compile(r", \d\d:\d\d\.")  # of a parcel: counted from when a demo began
    lines = []
    for one in (server, demo_server):
        visitor = Visitor(one, read_demo_key(one))
        said = ["I would like to book an appointment", "tomorrow", "at 19:00", "never mind",
                "Where is my order?", "12345", "thanks"]  # fmt: skip
        lines.append([time_of_day.sub(".", visitor.say(text)) for text in said])
        visitor.http.close()
    assert lines[0] == lines[1]


def test_a_cache_that_hangs_costs_half_a_second_once(
    server: RunningServer, redis: RedisServer, visitor: Visitor
):
    visitor.ask("hello")
    redis.freeze()
    try:
        started = time.monotonic()
        for _ in range(5):
            visitor.ask("When are you open?")
        assert time.monotonic() - started < 4
    finally:
        redis.thaw()
    assert read_health(server)["status"] == "ok"
    assert visitor.say("When are you open?")


def test_keys_name_installation_tenant_and_role(
    server: RunningServer, redis: RedisServer, visitor: Visitor
):
    visitor.ask("hello")
    found = redis.ask("KEYS", "*").decode()
    keys = [line for line in found.split("\r\n") if line.startswith("csai:")]
    assert keys
    uuid = "[0-9a-f-]{36}"
    form = re.compile(f"csai:{uuid}:({uuid}:(conversation:[0-9a-f]{{64}})|appliance:health)")
    assert [key for key in keys if not form.fullmatch(key)] == []
    assert visitor.session_id
    assert visitor.session_id not in found


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis://:wr0ng-c4n4ry@127.0.0.1:{}/0"])
def test_a_server_starts_without_its_cache(tmp_path: Path, redis: RedisServer, url: str):
    settings = {"CSAI_CACHE_URL": url.format(redis.port), "CSAI_RATE_LIMIT_PER_MINUTE": "100"}
    server = RunningServer(tmp_path, settings=settings)
    server.expect("cache_failed")
    with server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("hello")
        visitor.ask("When are you open?")
        health = read_health(server)
        assert health["components"]["cache"]["status"] == "degraded"
        assert "c4n4ry" not in f"{health} {server.output()}"
        visitor.http.close()


@pytest.mark.parametrize(
    "url", ["redis://", "redis://:c4n4ry-secret@h:port", "http://:c4n4ry-secret@h", "redis://h/x"]
)
def test_what_is_no_address_of_a_cache_ends_with_3(tmp_path: Path, url: str):
    arguments = ("serve", "--data-dir", str(tmp_path / "data"), "--port", "0", "--admin-port", "0")
    ended = run_csai(*arguments, home=tmp_path, settings={"CSAI_CACHE_URL": url})
    assert ended.returncode == 3
    assert "CSAI_CACHE_URL" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "c4n4ry" not in ended.stderr + ended.stdout


def within_one_minute(attempt: Callable[[], None]) -> None:
    """Let ``attempt`` happen in one minute of the clock; nothing is checked across two.

    What counts for the minute that began meanwhile is over before the next attempt.
    """
    for _ in range(3):
        minute = time.time() // 60
        try:
            attempt()
        except AssertionError:
            if time.time() // 60 == minute:
                raise
        if time.time() // 60 == minute:
            return
        time.sleep(60 - time.time() % 60)
    raise AssertionError("Three minutes ended in the middle of it.")


def test_servers_of_one_installation_share_the_limit(tmp_path: Path, redis: RedisServer):
    """Two nodes with the same content, as behind a load balancer."""
    settings = {"CSAI_CACHE_URL": redis.url, "CSAI_RATE_LIMIT_PER_MINUTE": str(LIMIT)}
    first = RunningServer(tmp_path / "first", settings=settings)
    with first:
        pass
    shutil.copytree(first.data_dir, tmp_path / "second" / "data")
    shared = {"CSAI_DATABASE_URL": first.settings.get("CSAI_DATABASE_URL", "")}
    second = RunningServer(tmp_path / "second", settings={**settings, **shared})
    with first, second:
        visitors = [Visitor(one, read_demo_key(one)) for one in (first, second)]

        def attempt() -> None:
            answers = [visitors[n % 2].post("hello") for n in range(2 * LIMIT)]
            assert [answer.status_code for answer in answers] == [200] * LIMIT + [429] * LIMIT
            check_problem(answers[-1], 429, "rate_limited")

        within_one_minute(attempt)
        for visitor in visitors:
            visitor.http.close()


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_a_restart_does_not_give_the_minute_anew(tmp_path: Path, ending: str):
    server = RunningServer(tmp_path, settings={"CSAI_RATE_LIMIT_PER_MINUTE": str(LIMIT)})
    counts = "SELECT value FROM Cache WHERE key LIKE ?"

    def is_written(tenant_id: str) -> bool:
        """The count is written behind."""
        file = server.data_dir / "cache" / "cache.db"
        return (f"j{LIMIT}".encode(),) in read_rows(file, counts, f"{tenant_id}:rate_limit:%")

    with server:

        def attempt() -> None:
            operator = Operator(server)
            shop = operator.make_shop()
            operator.http.close()
            with closing(Visitor(server, shop.api_key).http) as http:
                answers = [http.post("/chat/message", json=HELLO) for _ in range(LIMIT)]
            assert [answer.status_code for answer in answers] == [200] * LIMIT
            if ending == "kill":
                wait_until(lambda: is_written(shop.id), timeout_s=20, what="the count")
            getattr(server, ending)()
            server.start()
            with closing(Visitor(server, shop.api_key).http) as http:
                assert http.post("/chat/message", json=HELLO).status_code == 429

        within_one_minute(attempt)
