"""JavaScript under limits: a few threads, and for every run of a workflow a context of its own.

Owns threads, contexts and limits. What may be asked of a context is defined by
``javascript/runtime.js``; what the answers mean is left to ``appliance.workflows.expressions`` and
the nodes. A context is never used for a second run, so nothing of one tenant's can reach another's
(docs/adr/0006-workflows-in-quickjs.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import time
from functools import cache
from importlib import resources
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected, Unavailable
from appliance.workflows.sandbox_thread import SLOW_AFTER_S, SandboxThread, ScriptStopped
from appliance.workflows.time_zones import load_zone_table

MEBIBYTE = 1024 * 1024
_MAX_SUPPLIES = 20
_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|.)")
_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_512")
_MAX_TIMERS = 10_000
_HAS_SPARE = 2
_SETTLE_ROUND_JOBS = 100_000


class SandboxLimits(Struct, frozen=True, kw_only=True):
    """What one context may use, and how many threads there are.

    ``time_s`` is processor time per call. ``threads`` are kept; up to ``most_threads`` are started
    while scripts that take long hold them.
    """

    memory_bytes: int = 64 * MEBIBYTE
    time_s: float = 5.0
    stack_bytes: int = 512 * 1024
    threads: int = 2
    most_threads: int = 6


class _Answer(Struct):
    result: JsonValue = None
    error: str | None = None
    missing: list[str] = []


class Sandbox:
    """A bounded pool of threads that run JavaScript. Make sessions, then ``close``."""

    def __init__(self, limits: SandboxLimits | None = None) -> None:
        self._limits = limits or SandboxLimits()
        self._threads: list[SandboxThread] = []
        self._session_ids = itertools.count(1)
        self._is_closed = False

    def session(
        self,
        begin: JsonObject,
        *,
        owner: str = "anyone",
        has_dates: bool = False,
        has_formats: bool = False,
    ) -> SandboxSession:
        """Prepare a session; its context is taken from the pool on the first call.

        Args:
            owner: Whose it is; one owner's scripts that take long wait for each other.
            begin: What the run's globals say: ``nodes``, ``workflow``, ``execution``, ``nowMs``
                and ``timeZone``.
            has_dates: Whether the run is expected to use Luxon, which is then loaded ahead of it;
                otherwise it is loaded when something asks for it.
            has_formats: The same of writing dates and numbers as a language does.
        """
        return SandboxSession(
            self,
            next(self._session_ids),
            begin,
            self._limits,
            owner=owner,
            has_dates=has_dates,
            has_formats=has_formats,
        )

    def pick_thread(self, flavour: str, owner: str) -> SandboxThread:
        """Return the thread that can take a run soonest, starting one where that is allowed.

        One that has a context of the ``flavour`` ready comes first, one that is busy last. An owner
        whose script has held a thread for long waits for that one, so as not to take them all.
        """
        if self._is_closed:
            raise Unavailable("The workflow runner is shutting down.", code="shutting_down")
        own = [thread for thread in self._threads if thread.slow_owner == owner]
        if own:
            return min(own, key=lambda thread: thread.waiting)
        best = max(self._threads, key=lambda thread: thread.readiness(flavour), default=None)
        readiness = best.readiness(flavour) if best else 0
        if readiness < _HAS_SPARE and len(self._threads) < self._limits.threads:
            return self._start_thread()
        if best and readiness:
            return best
        are_slow = all(thread.slow_owner is not None for thread in self._threads)
        if are_slow and len(self._threads) < self._limits.most_threads:
            return self._start_thread()
        return min(
            self._threads, key=lambda thread: (thread.slow_owner is not None, thread.waiting)
        )

    def _start_thread(self) -> SandboxThread:
        thread = SandboxThread(
            source=load_source("runtime"),
            memory_bytes=self._limits.memory_bytes,
            stack_bytes=self._limits.stack_bytes,
        )
        self._threads.append(thread)
        return thread

    def give_back(self, thread: SandboxThread) -> None:
        """Stop a thread without sessions that was started only because others were held."""
        if len(self._threads) > self._limits.threads and not thread.sessions:
            self.abandon(thread)

    def abandon(self, thread: SandboxThread) -> None:
        """Stop counting on a thread whose script cannot be interrupted; a new one replaces it."""
        if thread in self._threads:
            self._threads.remove(thread)
            thread.stop()

    def close(self) -> None:
        """Stop the threads; a script that is running ends by its own limit."""
        self._is_closed = True
        while self._threads:
            self._threads.pop().stop()


class SandboxSession:
    """One run's context. Every call is answered within the limits or raises."""

    def __init__(
        self,
        sandbox: Sandbox,
        session_id: int,
        begin: JsonObject,
        limits: SandboxLimits,
        *,
        owner: str,
        has_dates: bool,
        has_formats: bool,
    ) -> None:
        self._sandbox = sandbox
        self._id = session_id
        self._begin = begin
        self._limits = limits
        self._owner = owner
        self._has_dates = has_dates
        self._has_formats = has_formats
        self._thread: SandboxThread | None = None
        self._failure: Rejected | Unavailable | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def call(self, request: JsonObject) -> JsonValue:
        """Have the runtime do ``request`` and return its result.

        Raises:
            Rejected: The script failed (``script_failed``), ran too long (``script_timed_out``) or
                needed too much memory (``script_out_of_memory``). After the last two the session is
                dead and every further call raises the same.
            Unavailable: Every thread was busy for too long (``sandbox_busy``).
        """
        if self._failure is not None:
            raise self._failure
        payload = msgspec.json.encode(request).decode()
        is_async = request["op"] == "code"
        # A thread counts every processor second of the process, so it stops no later than this,
        # unless it is stuck in native code that cannot be interrupted or waits behind one that is.
        patience_s = 2 * self._limits.time_s + 5
        try:
            async with asyncio.timeout(patience_s):
                if self._thread is None:
                    return await self._begin_with(payload, is_async)
                work = self._thread.submit(
                    self._owner, lambda thread: self._answer(thread, payload, is_async)
                )
                return await asyncio.wrap_future(work)
        except TimeoutError:
            if self._thread is not None and self._thread.busy_for_s >= patience_s:
                self._sandbox.abandon(self._thread)
            self._failure = Unavailable(
                "No JavaScript thread became free in time.", code="sandbox_busy"
            )
            raise self._failure from None
        except ScriptStopped as exc:
            failure = self._translate(exc)
            if exc.is_fatal:
                self._failure = failure
            raise failure from exc

    def close(self) -> None:
        """Throw the context away."""
        if self._thread is not None:
            self._thread.forget(self._id)
            self._leave(self._thread)

    async def _begin_with(self, payload: str, is_async: bool) -> JsonValue:
        """Do the first request, in another thread if the one it waits for turns out to be held."""
        flavour = "dates" if self._has_dates else "plain"
        begin = msgspec.json.encode({"op": "begin", "run": self._begin}).decode()

        def work(thread: SandboxThread) -> JsonValue:
            return self._first(thread, begin, payload, is_async)

        thread = self._sandbox.pick_thread(flavour, self._owner)
        while True:
            self._thread = thread
            thread.sessions += 1
            queued = thread.submit(self._owner, work)
            answer = asyncio.wrap_future(queued)
            try:
                await asyncio.wait([answer], timeout=SLOW_AFTER_S)
                while not (queued.running() or queued.done()):
                    other = self._sandbox.pick_thread(flavour, self._owner)
                    if not other.waiting and queued.cancel():
                        break
                    await asyncio.wait([answer], timeout=SLOW_AFTER_S)
                else:
                    return await answer
            except asyncio.CancelledError:
                answer.cancel()
                raise
            self._leave(thread)
            thread = other

    def _leave(self, thread: SandboxThread) -> None:
        self._thread = None
        thread.sessions -= 1
        self._sandbox.give_back(thread)

    def _translate(self, stopped: ScriptStopped) -> Rejected:
        if stopped.reason == "interrupted":
            return Rejected(
                f"the script was stopped after {self._limits.time_s:g} seconds of processor time",
                code="script_timed_out",
            )
        if stopped.reason == "out of memory":
            return Rejected(
                f"the script needs more than {self._limits.memory_bytes // MEBIBYTE} MB of memory",
                code="script_out_of_memory",
            )
        return Rejected(stopped.reason, code="script_failed")

    # ---- what follows runs in the sandbox's thread --------------------------------------------

    def _first(self, thread: SandboxThread, begin: str, payload: str, is_async: bool) -> JsonValue:
        zone = f"zone:{self._begin['timeZone']}"
        if self._has_dates:
            thread.open(self._id, "dates", _load_dates())
            thread.evaluate(self._id, _supply([zone]), time_s=self._limits.time_s)
        else:
            thread.open(self._id, "plain", ())
            if self._has_formats:
                supply = _supply(["source:intl", zone])
                thread.evaluate(self._id, supply, time_s=self._limits.time_s)
        thread.evaluate(self._id, begin, time_s=self._limits.time_s)
        return self._answer(thread, payload, is_async)

    def _answer(self, thread: SandboxThread, payload: str, is_async: bool) -> JsonValue:
        """Answer one request, handing over what the runtime finds missing and asking again."""
        for _ in range(_MAX_SUPPLIES):
            answer = self._evaluate(thread, payload)
            if is_async and not answer.missing:
                answer = self._settle(thread)
            if not answer.missing:
                return answer.result
            supply = _supply(answer.missing)
            thread.evaluate(self._id, supply, time_s=self._limits.time_s)
        raise ScriptStopped("the script asks for too many time zones", is_fatal=False)

    def _evaluate(self, thread: SandboxThread, payload: str) -> _Answer:
        text = thread.evaluate(self._id, payload, time_s=self._limits.time_s)
        if "\\ud" in text:
            text = _ESCAPE.sub(_mend_surrogate, text)
        try:
            return msgspec.json.decode(text, type=_Answer)
        except RecursionError:
            raise ScriptStopped("its result is nested too deeply", is_fatal=False) from None

    def _settle(self, thread: SandboxThread) -> _Answer:
        end = time.thread_time() + self._limits.time_s
        for _ in range(_MAX_TIMERS):
            left_s = end - time.thread_time()
            if left_s <= 0:
                raise ScriptStopped("interrupted", is_fatal=True)
            thread.run_jobs(self._id, time_s=left_s, at_most=_SETTLE_ROUND_JOBS)
            answer = self._evaluate(thread, '{"op":"settled"}')
            if answer.result != {"isPending": True}:
                break
        else:
            raise ScriptStopped(f"the script sets more than {_MAX_TIMERS} timers", is_fatal=True)
        if answer.result is None and not answer.missing:
            raise ScriptStopped("the script waits for something that never happens", is_fatal=False)
        if isinstance(answer.result, dict) and "fatal" in answer.result:
            raise ScriptStopped(answer.result["fatal"], is_fatal=True)
        return answer


def _mend_surrogate(escape: re.Match[str]) -> str:
    """Put U+FFFD for half of a character, which ``slice`` leaves of an emoji it cuts.

    JavaScript's JSON escapes only a half that stands alone, so none of a pair is met here.
    """
    return "\\ufffd" if escape.group(1).startswith("ud") else escape.group()


@cache
def load_source(name: str) -> str:
    """Return a script that ships with this package."""
    folder = resources.files("appliance.workflows") / "javascript"
    return (folder / f"{name}.js").read_text(encoding="utf-8")


@cache
def _load_dates() -> tuple[str, ...]:
    """Return what makes a context load Luxon, in the order it is told."""
    return (_supply(["source:intl", "source:luxon.min"]), '{"op":"preload"}')


def _supply(missing: list[str]) -> str:
    zones = {name[5:]: load_zone_table(name[5:]) for name in missing if name.startswith("zone:")}
    sources = {name[7:]: load_source(name[7:]) for name in missing if name.startswith("source:")}
    digests = {name[7:]: _digest(name[7:]) for name in missing if name.startswith("digest:")}
    supplied = {"op": "supply", "zones": zones, "sources": sources, "digests": digests}
    return msgspec.json.encode(supplied).decode()


def _digest(wanted: str) -> str | None:
    """Return the digest of ``algorithm:text`` in hexadecimal, or ``None`` for an unknown one."""
    algorithm, _, text = wanted.partition(":")
    name = {"sha3": "sha3_512"}.get(algorithm, algorithm)
    if name not in _DIGESTS:
        return None
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
