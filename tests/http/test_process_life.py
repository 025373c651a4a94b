"""The end of a server and what the next start finds: a signal, a restart, a power loss."""

from __future__ import annotations

import asyncio
import shutil
import signal
import threading
import time

import httpx

from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import (
    FROM_CHECKOUT,
    RunningServer,
    run_csai,
    serving,
    wait_until,
)
from tests.http.slow_ollama import ANSWER, GatedOllama, say_answer, use_ollama
from tests.http.stored_rows import read_bookings, read_rows
from tests.loopback import DIRECT

STOP_S = 5.0
START_S = 15.0
STREAMS = 20
USAGE = "SELECT sum(messages), sum(input_tokens), sum(output_tokens) FROM api_usage"


def test_open_streams_do_not_hold_up_the_end(tmp_path):
    server = RunningServer(tmp_path, program=FROM_CHECKOUT).start()
    visitor = Visitor(server, read_demo_key(server))
    operator = Operator(server)
    visitor.ask("hello")
    opened = threading.Barrier(STREAMS + 2)
    ended: list[bool] = []

    def follow(client: httpx.Client, path: str) -> None:
        with client.stream("GET", path, timeout=30) as answer:
            opened.wait(20)
            ended.append(answer.read() is not None)

    jobs = [(visitor.http, f"/chat/events/{visitor.session_id}")] * STREAMS
    jobs.append((operator.http, "/logs/stream"))
    threads = [threading.Thread(target=follow, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    opened.wait(20)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < STOP_S
    for thread in threads:
        thread.join(5)
    assert len(ended) == STREAMS + 1
    assert not list(server.data_dir.rglob("csai.sqlite3-wal"))
    visitor.http.close()
    operator.http.close()


def test_an_interrupt_ends_it_as_well(tmp_path):
    server = RunningServer(tmp_path, program=FROM_CHECKOUT).start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(STOP_S) == 0
    assert server.unexpected() == []


def test_a_second_start_is_quick_and_keeps_everything(tmp_path):
    server = RunningServer(tmp_path, program=FROM_CHECKOUT)
    with server:
        key = read_demo_key(server)
        visitor = Visitor(server, key)
        visitor.ask("book a table for 4 people tomorrow at 19:00")
        visitor.ask("Rina Barak")
        visitor.ask("yes")
        conversation, bookings = visitor.history(), read_bookings(server.database)
        operator = Operator(server)
        shop = operator.make_shop("Kept Shop")
    started = time.monotonic()
    with server:
        assert time.monotonic() - started < START_S
        assert read_demo_key(server) == key
        assert visitor.history() == conversation
        assert read_bookings(server.database) == bookings
        assert operator.call("GET", "/me")["username"] == "admin"
        names = [tenant["name"] for tenant in operator.call("GET", "/tenants")["items"]]
        assert sorted(names) == ["Bob's Pizza Shop", "Kept Shop"]
        assert operator.find_tenant_id("Kept Shop") == shop.id
        visitor.http.close()
        operator.http.close()


def test_a_conversation_goes_on_after_a_restart(tmp_path):
    server = RunningServer(tmp_path, program=FROM_CHECKOUT)
    with server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("Where is my order 12345?", message_id="m-1")
        before = visitor.history()
        reply = visitor.ask("When are you open?", message_id="m-2")
    with server:
        assert visitor.ask("When are you open?", message_id="m-2") == reply
        assert visitor.history()[:2] == before
        visitor.ask("Do you have pepperoni pizza?")
        assert len(visitor.history()) == 6
        visitor.http.close()


async def test_a_message_survives_a_power_loss_in_the_middle_of_its_turn(tmp_path):
    async with (
        GatedOllama(say_answer) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))

        def ask_and_cut_the_power() -> None:
            with visitor.streaming("Is it warm?", message_id="m-1") as events:
                visitor.session_id = next(events).data["session_id"]
                server.kill()

        await asyncio.to_thread(ask_and_cut_the_power)
        ollama.gate.set()
        server.expect("turns_recovered")
        await asyncio.to_thread(server.start)
        assert await asyncio.to_thread(visitor.lines) == [("user", "Is it warm?")]
        reply = await asyncio.to_thread(visitor.ask, "Is it warm?", message_id="m-1")
        assert reply["message"]["content"] == ANSWER
        answered = [("user", "Is it warm?"), ("assistant", ANSWER)]
        assert await asyncio.to_thread(visitor.lines) == answered
        usage = read_rows(server.database, USAGE)
        assert usage == [(len(answered), 12, 5)]
        assert await asyncio.to_thread(visitor.ask, "Is it warm?", message_id="m-1") == reply
        assert read_rows(server.database, USAGE) == usage
        visitor.http.close()


async def test_a_running_answer_is_given_time_to_end(tmp_path):
    async with (
        GatedOllama(say_answer) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        asking = asyncio.create_task(asyncio.to_thread(visitor.ask, "Is it warm?"))
        await asyncio.wait_for(ollama.has_chat.wait(), 10)
        server.process.send_signal(signal.SIGTERM)
        ollama.gate.set()
        reply = await asyncio.wait_for(asking, 10)
        assert reply["message"]["content"] == ANSWER
        visitor.http.close()


async def test_a_stopping_server_ends_what_it_has_begun_and_begins_nothing(tmp_path):
    async with (
        GatedOllama(say_answer) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        key = await asyncio.to_thread(read_demo_key, server)
        visitor, late = Visitor(server, key), Visitor(server, key)
        ollama.gate.set()
        await asyncio.to_thread(late.ask, "hello")
        ollama.gate.clear()
        ollama.has_chat.clear()
        asking = asyncio.create_task(asyncio.to_thread(visitor.ask, "Is it warm?"))
        await asyncio.wait_for(ollama.has_chat.wait(), 10)

        def send_when_it_stops() -> httpx.Response:
            with late.following() as events:
                server.process.send_signal(signal.SIGTERM)
                assert list(events) == []
            return late.post("hello again")

        refused = await asyncio.wait_for(asyncio.to_thread(send_when_it_stops), 10)
        problem = check_problem(refused, 503, "server_stopping")
        assert "again" in problem["detail"]
        assert refused.headers["retry-after"] == "5"
        ollama.gate.set()
        reply = await asyncio.wait_for(asking, 10)
        assert reply["message"]["content"] == ANSWER
        visitor.http.close()
        late.http.close()


def test_a_killed_servers_folder_is_free_again(tmp_path):
    server = RunningServer(tmp_path, program=FROM_CHECKOUT).start()
    server.kill()
    with server:
        assert httpx.get(f"{server.base_url}/health", **DIRECT).json()["status"] == "ok"


def test_a_parent_that_dies_takes_its_server_along(tmp_path):
    """What the control panel relies on: the end of standard input ends the server."""
    ended = run_csai(
        *("serve", "--stop-on-stdin-eof", "--data-dir", str(tmp_path / "data")),
        *("--port", "0", "--admin-port", "0", "--llm-provider", "builtin"),
        home=tmp_path,
        program=FROM_CHECKOUT,
    )
    assert ended.returncode == 0, ended.stderr


def test_the_cache_may_vanish_while_the_server_runs(tmp_path):
    with RunningServer(tmp_path, program=FROM_CHECKOUT) as server:
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("hello")
        shutil.rmtree(server.data_dir / "cache")
        assert "11:00" in visitor.say("When are you open?")
        wait_until(
            lambda: visitor.http.get("/health").json()["components"]["database"]["status"] == "ok",
            timeout_s=20,
            what="a usable database",
        )
        visitor.http.close()
