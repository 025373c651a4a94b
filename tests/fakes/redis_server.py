"""A real Redis server of the tests' own, on a free loopback port, without anything on disk."""

from __future__ import annotations

import atexit
import functools
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.free_ports import find_free_port

START_DEADLINE_S = 10.0


class RedisServer:
    """One server; it keeps its port over restarts. ``options`` go to its command line."""

    def __init__(self, *options: str, password: str | None = None) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed; `make setup` installs it."
        self._folder = Path(tempfile.mkdtemp(prefix="csai-redis-"))
        self.port = find_free_port()
        secured = ("--requirepass", password) if password else ()
        self._password = password
        self._command: Sequence[str] = (
            *(program, "--bind", "127.0.0.1", "--dir", str(self._folder)),
            *("--save", "", "--appendonly", "no", *secured),
            *(options or ("--port", str(self.port))),
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The address of its first database, with the password."""
        credentials = f":{self._password}@" if self._password else ""
        return f"redis://{credentials}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and return once it answers."""
        log = self._folder / "log.txt"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
            )
        deadline = time.monotonic() + START_DEADLINE_S
        while b"Ready to accept connections" not in log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"Redis did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(START_DEADLINE_S)

    def freeze(self) -> None:
        """Let it hang: connections are still taken, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, with what it was asked meanwhile."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, *words: str) -> bytes:
        """Send one command over a connection of its own and return the raw answer's first part."""
        parts = [word.encode() for word in words]
        command = b"*%d\r\n" % len(parts)
        command += b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            if self._password:
                connection.sendall(f"AUTH {self._password}\r\n".encode())
                assert connection.recv(100) == b"+OK\r\n"
            connection.sendall(command)
            return connection.recv(65_536)


@functools.cache
def running_redis() -> RedisServer:
    """Return the server that all tests of this process share, each under names of its own."""
    server = RedisServer()
    atexit.register(server.stop)
    return server
