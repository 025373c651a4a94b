from __future__ import annotations

import threading
import time

import pytest

from appliance.workflows.sandbox_thread import SandboxThread, ScriptStopped

ECHO = """(function (text) {
  if (text === "fail") throw new Error("no");
  globalThis.n = (globalThis.n ?? 0) + 1;
  return text + globalThis.n;
})"""


@pytest.fixture
def thread():
    opened = SandboxThread(source=ECHO, memory_bytes=1 << 24, stack_bytes=1 << 18)
    yield opened
    opened.stop()


def call(session_id, text):
    return lambda inside: inside.evaluate(session_id, text, time_s=1)


def test_each_session_has_its_own_context(thread):
    for session_id in (1, 2):
        thread.submit("a", lambda inside, key=session_id: inside.open(key, "plain", ())).result(5)
    assert thread.submit("a", call(1, "a")).result(5) == "a1"
    assert thread.submit("a", call(1, "a")).result(5) == "a2"
    assert thread.submit("a", call(2, "b")).result(5) == "b1"


def test_a_context_is_prepared_before_its_first_call(thread):
    thread.submit("a", lambda inside: inside.open(1, "warm", ("x", "y"))).result(5)
    assert thread.submit("a", call(1, "a")).result(5) == "a3"


def test_a_forgotten_session_is_gone(thread):
    thread.submit("a", lambda inside: inside.open(1, "plain", ())).result(5)
    thread.forget(1)
    with pytest.raises(KeyError):
        thread.submit("a", call(1, "a")).result(5)


def test_a_failing_script_says_why_and_keeps_its_context(thread):
    thread.submit("a", lambda inside: inside.open(1, "plain", ())).result(5)
    with pytest.raises(ScriptStopped) as caught:
        thread.submit("a", call(1, "fail")).result(5)
    assert caught.value.reason == "no"
    assert not caught.value.is_fatal
    assert caught.value.__context__ is None
    assert thread.submit("a", call(1, "a")).result(5) == "a1"


def test_counts_what_waits(thread):
    future = thread.submit("a", lambda inside: inside.open(1, "plain", ()))
    future.result(5)
    thread.submit("a", call(1, "a")).result(5)
    assert thread.waiting in (0, 1)  # the count falls just after the result is there


def wait_for(is_so, seconds=5.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_spares_are_made_between_runs_and_say_that_they_are_ready(thread):
    assert thread.readiness("warm") == 1
    thread.submit("a", lambda inside: inside.open(1, "warm", ("x",))).result(5)
    thread.forget(1)
    wait_for(lambda: thread.readiness("warm") == 2)
    thread.submit("a", lambda inside: inside.open(2, "warm", ("x",))).result(5)
    assert thread.submit("a", call(2, "a")).result(5) == "a2"


def test_a_busy_thread_is_not_ready(thread):
    release = threading.Event()
    future = thread.submit("a", lambda _: release.wait(5))
    assert thread.readiness("plain") == 0
    release.set()
    future.result(5)
    wait_for(lambda: thread.readiness("plain") == 1)
