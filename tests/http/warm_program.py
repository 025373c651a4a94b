"""The program without the time that importing it takes: a fork of a process that has done so.

Owns what a fork owes to be like a fresh start – arguments, environment, folder, streams, end – and
being used like ``subprocess.Popen``. Tests of starting itself run the interpreter.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import NamedTuple

IMPORTED = ["appliance.__main__", "tests.http.warm_imports"]
"""In this order: which SQLite library the process uses must be settled first."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(IMPORTED)


class Start(NamedTuple):
    """What ``csai`` is started with, in which folder, and the files that it writes to."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    stdout: Path
    stderr: Path


class WarmProgram:
    """``csai``, running in a process of its own."""

    def __init__(self, start: Start) -> None:
        self._process: ForkServerProcess = _forks.Process(
            target=_become, args=(start,), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; ``None`` while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Look whether it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It still runs after ``timeout`` seconds.
        """
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired("csai", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _become(start: Start) -> None:
    os.environ.clear()
    os.environ.update(start.environment)
    os.chdir(start.folder)
    streams = {0: (os.devnull, "r"), 1: (start.stdout, "w"), 2: (start.stderr, "w")}
    for number, (path, mode) in streams.items():
        with open(path, mode, encoding="utf-8") as stream:
            os.dup2(stream.fileno(), number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, 1, "utf-8", "backslashreplace", closefd=False)
        for number, (_, mode) in streams.items()
    )
    sys.argv = ["csai", *start.arguments]
    from appliance.__main__ import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()
