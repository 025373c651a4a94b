"""A real server process for tests: started on free ports, stopped as a supervisor stops it.

Owns its environment, output and end; what is asked of it is left to the tests. Unless a test
expects it, a warning, an error or a traceback in the output fails the stop.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import httpx

from tests.fakes.free_ports import find_two_free_ports
from tests.fakes.postgres_server import running_postgres
from tests.http.warm_program import Start, WarmProgram
from tests.loopback import DIRECT

ROOT = Path(__file__).resolve().parents[2]
ADMIN_PASSWORD = "quiet-harbour-lantern"
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 30.0
POLL_S = 0.02
LOUD = re.compile(r"\[(?:warning|error|critical)\s*\]|Traceback|Warning:|Error\b|Exception\b")
IS_ON_POSTGRES = os.environ.get("CSAI_TEST_DATABASE") == "postgres"
"""Whether every server of the tests gets a Postgres database instead of an SQLite file."""
FROM_CHECKOUT = (sys.executable, "-m", "appliance")
"""As a user starts it. What is not about starting runs without naming a program: forked from a
process that has imported it, which takes a third of the time."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


def wait_until(is_true: Callable[[], object], *, timeout_s: float, what: str) -> None:
    """Return once ``is_true``; fail after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {timeout_s} s in vain for {what}.")
        time.sleep(POLL_S)


def build_environment(home: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment of an empty home, with nothing of the developer's own settings."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        **environment,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
        **(settings or {}),
    }


def run_csai(
    *arguments: str,
    home: Path,
    settings: Mapping[str, str] | None = None,
    timeout_s: float = 30,
    program: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run ``csai`` to its end and return what came of it."""
    if not program:
        return _run_warm(arguments, build_environment(home, settings), home, timeout_s)
    return subprocess.run(
        [*program, *arguments],
        env=build_environment(home, settings),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )


def _run_warm(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    with TemporaryDirectory() as said:
        stdout, stderr = Path(said, "stdout"), Path(said, "stderr")
        run = WarmProgram(Start(arguments, environment, folder, stdout, stderr))
        try:
            code = run.wait(timeout_s)
        finally:
            run.kill()
        return subprocess.CompletedProcess(
            arguments, code, stdout.read_text("utf-8"), stderr.read_text("utf-8")
        )


@functools.cache
def _database_of(data_dir: Path) -> str:
    """Return the address of the one Postgres database that belongs to this data folder."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, running_postgres().create_database()).result()


class RunningServer:
    """``csai demo`` or ``csai serve`` on ``folder``; usable as a context manager.

    Args:
        folder: Holds the data folder ``data``, the output and the process's home.
        settings: ``CSAI_*`` variables; the builtin provider answers unless they say otherwise.
        port: Of the public listener, 0 for a free one; every start takes the same again.
        launcher: A program that starts the server and becomes it, with its arguments.
        program: What to start in a process of its own, with an interpreter of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: str = "demo",
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        launcher: Sequence[str] = (),
        program: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.program = (*launcher, *(program or FROM_CHECKOUT)) if launcher or program else ()
        self.data_dir = folder / "data"
        self.command = command
        self.settings = {
            "CSAI_LLM_PROVIDER": "builtin",
            "CSAI_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "CSAI_RATE_LIMIT_PER_MINUTE": "0",
            **(settings or {}),
        }
        if IS_ON_POSTGRES and "CSAI_DATABASE_URL" not in self.settings:
            self.settings["CSAI_DATABASE_URL"] = _database_of(self.data_dir)
        public_port, admin_port = find_two_free_ports()
        self.ports = (port or public_port, admin_port)
        self.expected: list[str] = []
        self._process: subprocess.Popen[bytes] | WarmProgram | None = None
        self._starts = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.kill()

    @property
    def base_url(self) -> str:
        """The public listener."""
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def admin_url(self) -> str:
        """The admin listener."""
        return f"http://127.0.0.1:{self.ports[1]}"

    @property
    def process(self) -> subprocess.Popen[bytes] | WarmProgram:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def database(self) -> Path | str:
        """The SQLite file, or the address of the Postgres database."""
        return self.settings.get("CSAI_DATABASE_URL") or self.data_dir / "database" / "csai.sqlite3"

    def output(self) -> str:
        """Return what this start wrote so far, both streams."""
        return "".join(
            path.read_text(encoding="utf-8", errors="replace")
            for path in self._output_files()
            if path.is_file()
        )

    def expect(self, *events: str) -> None:
        """Allow lines of the output that hold any of ``events``."""
        self.expected += events

    def start(self) -> Self:
        """Start the process and return once it answers."""
        self.launch()
        wait_until(self._lives_and_has_greeted, timeout_s=START_DEADLINE_S, what="the greeting")
        answer = httpx.get(f"{self.base_url}/health", timeout=30, **DIRECT)
        assert answer.status_code == 200, answer.text
        return self

    def launch(self) -> None:
        """Start the process, whatever becomes of it."""
        self._starts += 1
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        environment = build_environment(home, self.settings)
        arguments = [
            *(self.command, "--data-dir", str(self.data_dir)),
            *("--port", str(self.ports[0]), "--admin-port", str(self.ports[1])),
        ]
        stdout, stderr = self._output_files()
        stdout.touch()
        if not self.program:
            self._process = WarmProgram(Start(arguments, environment, home, stdout, stderr))
            return
        with stdout.open("wb") as out, stderr.open("wb") as err:
            self._process = subprocess.Popen(
                [*self.program, *arguments],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def stop(self) -> None:
        """Send SIGTERM and check the end: exit code 0 and nothing unexpected said."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"No end within {STOP_DEADLINE_S} s:\n{self.output()}") from None
        assert code == 0, f"Ended with {code}:\n{self.output()}"
        loud = self.unexpected()
        assert not loud, "Unexpected output:\n" + "\n".join(loud)

    def kill(self) -> None:
        """End the process at once, as a power loss would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_DEADLINE_S)

    def unexpected(self) -> Sequence[str]:
        """Return the loud lines of the output that no test expects."""
        return [
            line
            for line in self.output().splitlines()
            if LOUD.search(line) and not any(event in line for event in self.expected)
        ]

    def has_greeted(self) -> bool:
        """Say whether it has said that it answers."""
        return "Press Ctrl+C" in self._output_files()[0].read_text(encoding="utf-8")

    def forget_output(self) -> None:
        """Delete what this start wrote."""
        for path in self._output_files():
            path.unlink(missing_ok=True)

    def _lives_and_has_greeted(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"Ended with {self.process.returncode}:\n{self.output()}")
        return self.has_greeted()

    def _output_files(self) -> tuple[Path, Path]:
        return (
            self.folder / f"stdout-{self._starts}.txt",
            self.folder / f"stderr-{self._starts}.txt",
        )


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = (),
) -> AsyncGenerator[RunningServer, None]:
    """Run a demo server while fakes of this test answer in the event loop."""
    server = RunningServer(folder, settings=settings, program=program)
    await asyncio.to_thread(server.start)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    await asyncio.to_thread(server.stop)
