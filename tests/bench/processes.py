"""The processes of a benchmark: started, waited for, and ended in every case.

Owns their command lines, ports and folders; what they are made to do is left to the rows.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.bench import machine
from tests.bench.load_jobs import Job, Outcome

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 8.0
POLL_S = 0.002
ADMIN_PASSWORD = "measured-not-guessed"


class BenchFailure(Exception):
    """A measurement that means nothing: wrong answers, a server that does not start."""


class Child:
    """A process that ends with its context; its standard input stays open until then."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / "output.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=folder,
                env={**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT), **(environ or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if arguments[0] == LoadGenerator.MODULE else log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def wait_for(self, port: int, path: str) -> None:
        """Return at the first 200 on ``path``.

        Raises:
            BenchFailure: The process ended or took too long.
        """
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                try:
                    connection.request("GET", path)
                    if connection.getresponse().status == 200:
                        return
                finally:
                    connection.close()
            time.sleep(POLL_S)
        shown = self.log_path.read_text(errors="replace")[-2_000:]
        raise BenchFailure(f"{self.process.args!r} does not answer on {path}:\n{shown}")


class ServerChild(Child):
    """A chat server under measurement."""

    def __init__(
        self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], *, port: int
    ) -> None:
        super().__init__(arguments, folder, environ)
        self.port = port
        self.headers: dict[str, str] = {}

    def wait_until_healthy(self) -> None:
        self.wait_for(self.port, "/health")

    @property
    def cpu_s(self) -> float:
        return machine.read_cpu_s(self.pid)

    @property
    def memory_bytes(self) -> tuple[int, int]:
        return machine.read_memory_bytes(self.pid)


class ApplianceChild(ServerChild):
    """The appliance with its demo shop, in a data folder that may have been used before."""

    def __init__(
        self,
        folder: Path,
        model_url: str,
        *,
        provider: str = "ollama",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        port, self.admin_port = free_ports(2)
        super().__init__(
            [
                "appliance",
                "demo",
                "--stop-on-stdin-eof",
                "--data-dir",
                str(folder / "data"),
                "--port",
                str(port),
                "--admin-port",
                str(self.admin_port),
            ],
            folder,
            {
                "CSAI_LLM_PROVIDER": provider,
                "CSAI_OLLAMA_URL": model_url,
                "CSAI_RATE_LIMIT_PER_MINUTE": "0",
                "CSAI_ADMIN_PASSWORD": ADMIN_PASSWORD,
                "CSAI_EGRESS_ALLOW": model_url.removeprefix("http://"),
                **(settings or {}),
            },
            port=port,
        )


class FloorChild(ServerChild):
    """The floor application."""

    def __init__(self, folder: Path, model_url: str) -> None:
        (port,) = free_ports(1)
        arguments = ["--port", str(port), "--model-url", model_url, "--database", "floor.sqlite3"]
        super().__init__(["tests.bench.floor_app", *arguments], folder, {}, port=port)


class ModelChild(Child):
    """The fake model server."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        super().__init__(["tests.bench.fake_model", "--port", str(self.port)], folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def read_hangups(self) -> dict[str, float]:
        """Return when callers hung up, in monotonic seconds by nonce."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/bench/hangups")
            return msgspec.json.decode(connection.getresponse().read(), type=dict[str, float])
        finally:
            connection.close()


class LoadGenerator(Child):
    """The visitors."""

    MODULE = "tests.bench.load_generator"

    def __init__(self, folder: Path) -> None:
        super().__init__([self.MODULE], folder)

    def run(self, job: Job) -> Outcome:
        """Do a job.

        Raises:
            BenchFailure: An answer was wrong, or the job did not finish in its time.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(job) + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise BenchFailure(f"The load generator died:\n{self.log_path.read_text()[-2_000:]}")
        outcome = msgspec.json.decode(line, type=Outcome)
        if outcome.failures:
            raise BenchFailure("Wrong answers:\n" + "\n".join(outcome.failures))
        return outcome


class Stage:
    """The fake model, the visitors, and servers on request; all end with its context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.__enter__()
        try:
            self.model = self._stack.enter_context(ModelChild(self._folder / "model"))
            self.load = self._stack.enter_context(LoadGenerator(self._folder / "load"))
            self.model.wait_for(self.model.port, "/api/version")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def new_folder(self, name: str) -> Path:
        """Return an empty folder."""
        self._count += 1
        return self._folder / f"{name}-{self._count}"

    def floor(self, folder: Path | None = None) -> FloorChild:
        """Start a floor application; the caller ends it with its context."""
        return FloorChild(folder or self.new_folder("floor"), self.model.url)

    def appliance(
        self,
        folder: Path | None = None,
        *,
        provider: str = "ollama",
        settings: Mapping[str, str] | None = None,
    ) -> ApplianceChild:
        """Start an appliance; the caller ends it with its context."""
        folder = folder or self.new_folder("appliance")
        return ApplianceChild(folder, self.model.url, provider=provider, settings=settings)


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nothing listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]
    finally:
        for probe in sockets:
            probe.close()
