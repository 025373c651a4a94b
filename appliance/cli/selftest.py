"""``csai selftest``: prove that this program works on this machine.

Owns a short life of a real server in an empty folder: start, one streamed conversation with a tool
call, stop; and a look at what is loaded at its first use only. What it proves is the packaged
program as a whole.
"""

from __future__ import annotations

import json
import os
import pkgutil
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import httpx

from appliance.errors import ApplianceError
from appliance.paths import is_frozen

START_DEADLINE_S = 30.0
STOP_DEADLINE_S = 10.0
QUESTION = "Where is my order 12345?"
EXPECTED_TOOL = "get_order_status"


class SelfTestFailed(ApplianceError):
    """A step did not do what it should."""

    default_code = "selftest_failed"


@click.command(name="selftest")
@click.option("--verbose", is_flag=True, help="Show the server's own output too.")
def command(verbose: bool) -> int:
    """Start a server in an empty folder, hold one conversation, stop it."""
    with tempfile.TemporaryDirectory(prefix="csai-selftest-") as folder:
        test = _SelfTest(Path(folder))
        try:
            test.run()
        finally:
            output = test.end()
            if verbose:
                click.echo(output)
    click.echo("selftest passed")
    return 0


class _SelfTest:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._admin_port = _find_free_ports()
        self._base = f"http://127.0.0.1:{self._port}"
        self._output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        started = time.monotonic()
        self._start()
        self._wait_until_healthy()
        _say(f"started in {time.monotonic() - started:.2f} s")
        self._check_data_folder()
        self._converse()
        self._stop()
        self._check_output()
        _load_providers()

    def end(self) -> str:
        """Leave nothing running and return what the server wrote."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            return self._output.read_text(encoding="utf-8", errors="replace")
        return ""

    def _start(self) -> None:
        program = [sys.executable] if is_frozen() else [sys.executable, "-m", "appliance"]
        arguments = [
            "demo",
            "--data-dir", str(self._folder / "data"),
            "--port", str(self._port),
            "--admin-port", str(self._admin_port),
            "--llm-provider", "builtin",
        ]  # fmt: skip
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CSAI_")
        }
        environment["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._folder if is_frozen() else None,
            )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise SelfTestFailed(f"The server ended while starting:\n{self.end()}")
            with suppress(httpx.TransportError):
                answer = httpx.get(f"{self._base}/health", timeout=5, trust_env=False)
                if answer.status_code == 200 and answer.json()["status"] == "ok":
                    return
                raise SelfTestFailed(f"The server is not healthy: {answer.text}")
            time.sleep(0.05)
        raise SelfTestFailed(f"The server did not answer within {START_DEADLINE_S:.0f} s.")

    def _check_data_folder(self) -> None:
        database = self._folder / "data" / "database" / "csai.sqlite3"
        if not database.is_file():
            raise SelfTestFailed("The server made no database.")
        _say("database made and migrated")

    def _converse(self) -> None:
        page = httpx.get(f"{self._base}/demo", timeout=5, trust_env=False)
        key = re.search(r'data-api-key="(pk_[^"]+)"', page.text)
        if page.status_code != 200 or key is None:
            raise SelfTestFailed("The demo page does not embed the widget.")
        headers = {"X-API-Key": key[1], "Accept": "text/event-stream"}
        with httpx.stream(
            "POST",
            f"{self._base}/chat/message",
            json={"message": QUESTION},
            headers=headers,
            timeout=20,
            trust_env=False,
        ) as answer:
            events = list(_read_events(answer.iter_lines()))
        names = [name for name, _ in events]
        if answer.status_code != 200 or names[:1] != ["session"] or names[-1:] != ["done"]:
            raise SelfTestFailed(f"The conversation did not run to its end: {names}")
        reply: dict[str, Any] = next((data for name, data in events if name == "message"), {})
        tools = [(tool["name"], tool["status"]) for tool in reply.get("tools", [])]
        content = reply.get("message", {}).get("content", "")
        if tools != [(EXPECTED_TOOL, "succeeded")] or "12345" not in content:
            raise SelfTestFailed(f"The answer is not from the order table: {reply}")
        _say(f"answered by {reply['model']} with {EXPECTED_TOOL}: {content.splitlines()[0]}")

    def _stop(self) -> None:
        assert self._process is not None
        stopping = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise SelfTestFailed(
                f"The server did not stop within {STOP_DEADLINE_S:.0f} s."
            ) from error
        # Windows has no SIGTERM to answer: ending a process there is always abrupt.
        if code != 0 and os.name != "nt":
            raise SelfTestFailed(f"The server ended with code {code}:\n{self.end()}")
        _say(f"stopped in {time.monotonic() - stopping:.2f} s")

    def _check_output(self) -> None:
        """Fail on anything the server says besides its greeting and information."""
        loud = [
            line
            for line in self.end().splitlines()
            if re.search(r"\[(warning|error|critical)\s*\]|Traceback|Warning:|Error", line)
        ]
        if loud:
            raise SelfTestFailed("Unexpected output:\n" + "\n".join(loud))
        _say("no unexpected output")


def _load_providers() -> None:
    """Import what providers import at their first use only, such as the vendors' SDKs."""
    package = import_module("appliance.providers")
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names = [module.name for module in found]
    for name in names:
        try:
            import_module(name)
        except ImportError as error:
            raise SelfTestFailed(f"{name} cannot be loaded: {error}.") from error
    _say(f"loaded {len(names)} modules of the providers")


def _read_events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def _find_free_ports() -> tuple[int, int]:
    """Return two ports; both are held while looking, so that they differ."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _say(text: str) -> None:
    click.echo(f"ok  {text}")
