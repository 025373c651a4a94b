"""One thread that owns QuickJS contexts, which no other thread may touch.

Owns the thread, its queue and the contexts in it; who gets a context and what it is asked is left
to ``appliance.workflows.sandbox``.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import quickjs

_Job = Callable[["SandboxThread"], Any]
_Task = tuple[str, _Job, Future[Any]]
SLOW_AFTER_S = 0.1
_SPARES_PER_FLAVOUR = 2
# How long nothing must be asked before a spare is made, which takes up to 7 ms: the next call of a
# run under way comes sooner than the first number, that of a run in a row sooner than the second.
_QUIET_WITHIN_RUN_S = 0.02
_QUIET_BETWEEN_RUNS_S = 0.0005


class ScriptStopped(Exception):
    """A script failed. ``is_fatal`` means that its context cannot be used any more."""

    def __init__(self, reason: str, *, is_fatal: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_fatal = is_fatal


class SandboxThread:
    """A daemon thread with its contexts; a stuck one does not keep the process alive.

    ``sessions`` counts those that were given to it, for whoever gives them.

    Args:
        source: A script that evaluates to one function from text to text.
        memory_bytes: The most a context may allocate.
        stack_bytes: The deepest JavaScript stack, well below the thread's own.
    """

    def __init__(self, *, source: str, memory_bytes: int, stack_bytes: int) -> None:
        self._source = source
        self._memory_bytes = memory_bytes
        self._stack_bytes = stack_bytes
        self._preparations: dict[str, Sequence[str]] = {}
        self._queue: queue.SimpleQueue[_Task | int | None] = queue.SimpleQueue()
        self._contexts: dict[int, tuple[Any, Any]] = {}
        self._spares: dict[str, list[tuple[Any, Any]]] = {}
        self._is_preparing = False
        self._submitted = 0
        self._finished = 0
        self._owner = ""
        self._began_at: float | None = None
        self.sessions = 0
        self._thread = threading.Thread(target=self._work, name="workflow-sandbox", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs are queued or running."""
        return self._submitted - self._finished

    def readiness(self, flavour: str) -> int:
        """How well the thread can take a run: 2 with a spare context, 1 without, 0 if it is busy.

        Read by the event loop without a lock: an answer that has just become wrong costs some
        milliseconds, nothing else.
        """
        if self.waiting or self._is_preparing:
            return 0
        return 2 if self._spares.get(flavour) else 1

    @property
    def slow_owner(self) -> str | None:
        """Whose job has been running for long, if one has."""
        return self._owner if self.busy_for_s > SLOW_AFTER_S else None

    @property
    def busy_for_s(self) -> float:
        """How long the job under way has been running."""
        began_at = self._began_at
        return 0.0 if began_at is None else time.monotonic() - began_at

    def submit(self, owner: str, job: _Job) -> Future[Any]:
        """Queue ``job``, which gets this thread to work on; called from the event loop only."""
        future: Future[Any] = Future()
        self._submitted += 1
        self._queue.put((owner, job, future))
        return future

    def forget(self, session_id: int) -> None:
        """Throw a session's context away, in the thread that owns it."""
        self._queue.put(session_id)

    def stop(self) -> None:
        """End the thread after what is queued."""
        self._queue.put(None)

    # ---- called by jobs, in the thread --------------------------------------------------------

    def open(self, session_id: int, flavour: str, preparation: Sequence[str]) -> None:
        """Give the session a context that nothing but its preparation has run in yet.

        Args:
            session_id: By which the context is known from now on.
            flavour: A name for the preparation; contexts of every flavour once asked for are kept
                ready while the thread is idle.
            preparation: Texts to call the context's function with, in this order.
        """
        self._preparations[flavour] = preparation
        spares = self._spares.setdefault(flavour, [])
        self._contexts[session_id] = spares.pop() if spares else self._new_context(flavour)

    def evaluate(self, session_id: int, payload: str, *, time_s: float) -> str:
        """Call the context's function once."""
        context, function = self._contexts[session_id]
        context.set_time_limit(time_s)
        with self._translated(session_id):
            return str(function(payload))

    def run_jobs(self, session_id: int, *, time_s: float, at_most: int) -> None:
        """Run what the script's promises wait for, until nothing is left."""
        context, _ = self._contexts[session_id]
        end = time.thread_time() + time_s
        with self._translated(session_id):
            for _ in range(at_most):
                context.set_time_limit(max(0.001, end - time.thread_time()))
                if not context.execute_pending_job():
                    return
                if time.thread_time() > end:
                    break
            raise ScriptStopped("interrupted", is_fatal=True)

    @contextlib.contextmanager
    def _translated(self, session_id: int) -> Iterator[None]:
        try:
            yield
        except quickjs.JSException as exc:
            stopped = _classify(str(exc))
            if stopped.is_fatal:
                self._contexts.pop(session_id, None)
            raise stopped from None

    def _new_context(self, flavour: str) -> tuple[Any, Any]:
        context = quickjs.Context()
        context.set_memory_limit(self._memory_bytes)
        context.set_max_stack_size(self._stack_bytes)
        function = context.eval(self._source)
        for payload in self._preparations[flavour]:
            function(payload)
        return context, function

    def _is_lacking_spares(self) -> bool:
        return any(len(spares) < _SPARES_PER_FLAVOUR for spares in self._spares.values())

    def _prepare_one(self) -> None:
        """Make one spare context of a flavour that lacks one."""
        self._is_preparing = True
        try:
            for flavour, spares in self._spares.items():
                if len(spares) < _SPARES_PER_FLAVOUR:
                    spares.append(self._new_context(flavour))
                    return
        finally:
            self._is_preparing = False

    def _patience_s(self) -> float | None:
        """How long to wait for work before a spare is made; ``None`` where none is lacking."""
        if not self._is_lacking_spares():
            return None
        return _QUIET_WITHIN_RUN_S if self._contexts else _QUIET_BETWEEN_RUNS_S

    def _work(self) -> None:
        while True:
            try:
                task = self._queue.get(timeout=self._patience_s())
            except queue.Empty:
                self._prepare_one()
                continue
            if task is None:
                break
            if isinstance(task, int):
                self._contexts.pop(task, None)
            else:
                self._do(*task)
            del task  # its closure would keep a finished run's data alive
        self._contexts.clear()
        self._spares.clear()

    def _do(self, owner: str, job: _Job, future: Future[Any]) -> None:
        self._owner, self._began_at = owner, time.monotonic()
        try:
            if future.set_running_or_notify_cancel():
                future.set_result(job(self))
        except BaseException as exc:  # noqa: BLE001 the event loop decides what an error means
            # Its traceback would hold a context, to be freed in a thread where that crashes.
            exc.__context__ = exc.__cause__ = None
            future.set_exception(exc.with_traceback(None))
        finally:
            self._began_at = None
            self._finished += 1


def _classify(text: str) -> ScriptStopped:
    first = text.strip().splitlines()[0] if text.strip() else "unknown error"
    if "interrupted" in first and first.startswith("InternalError"):
        return ScriptStopped("interrupted", is_fatal=True)
    if "out of memory" in first or first == "null":
        return ScriptStopped("out of memory", is_fatal=True)
    return ScriptStopped(first.removeprefix("Error: "), is_fatal=False)
