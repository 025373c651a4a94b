"""A real PostgreSQL server of the tests' own, started on first use and stopped with the process.

Its databases sort by the rules of a language, not by bytes, so that nothing may rely on either.
They live in memory where there is room, as most of a test's time would go into writing them.
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg

from tests.fakes.free_ports import find_free_port

USER = "csai"
START_DEADLINE_S = 30.0
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4_000_000_000
_numbers = count(1)


@dataclass
class PostgresServer:
    """A server on a loopback port; everything may be done without a password."""

    folder: Path
    port: int
    is_durable: bool
    prefix: list[str]
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    async def create_database(self, *, template: str = "/template1") -> str:
        """Make a database, a copy of the one at ``template``, and return its address."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {_name_of(template)}")
        return self.url(name)

    async def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        await self.execute(f"DROP DATABASE {_name_of(url)} WITH (FORCE)")

    async def execute(self, statement: str) -> None:
        """Run one statement outside of any database of the tests."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def start(self) -> None:
        """Start it and return once it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self.is_durable else "off",
            "max_connections": "200",
        }
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, _find_programs() / "postgres", "-D", self.folder / "data",
                 *(f"-c{key}={value}" for key, value in options.items())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        _wait_until_ready(self)

    def freeze(self) -> None:
        """Let all its processes hang, as on a machine that is out of memory."""
        self._send_to_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._send_to_all(signal.SIGCONT)

    def _send_to_all(self, number: signal.Signals) -> None:
        assert self.process is not None
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
        for pid in (first, *map(int, children.split())):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def halt(self) -> None:
        """Stop it as an administrator does who does not wait for clients; data stays."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self) -> None:
        """Stop it; nothing of it is needed any more."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def running_postgres() -> PostgresServer:
    """Return the server that all tests of this process share."""
    server = start_postgres()
    atexit.register(server.stop)
    return server


def start_postgres(*, is_durable: bool = False, port: int = 0) -> PostgresServer:
    """Start a server of its own; ``is_durable`` makes it sync to disk as in real life."""
    programs = _find_programs()
    place = MEMORY if not is_durable and _has_room(MEMORY) else None
    folder = Path(tempfile.mkdtemp(prefix="csai-postgres-", dir=place))
    prefix = _unprivileged(folder)
    data = folder / "data"
    subprocess.run(
        [*prefix, programs / "initdb", "--pgdata", data, "--username", USER, "--auth", "trust",
         "--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu",
         "--icu-locale", "en", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    server = PostgresServer(folder, port or find_free_port(), is_durable, prefix)
    server.start()
    return server


def _find_programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    found = versions[-1] if versions else Path(shutil.which("postgres") or "")
    assert found.is_file(), "PostgreSQL is not installed; `make setup` installs it."
    return found.parent


def _unprivileged(folder: Path) -> list[str]:
    """Return what to run it by: it refuses to run as root, and shall end with this process."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "INT"]
    account = pwd.getpwnam("postgres")
    os.chown(folder, account.pw_uid, account.pw_gid)
    user, group = str(account.pw_uid), str(account.pw_gid)
    identity = ["--reuid", user, "--regid", group, "--clear-groups"]
    return ["setpriv", *identity, "--pdeathsig", "INT"]


def _wait_until_ready(server: PostgresServer) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    ready = _find_programs() / "pg_isready"
    command = [ready, "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", USER]
    while subprocess.run(command, check=False).returncode != 0:
        if (
            server.process is None
            or server.process.poll() is not None
            or time.monotonic() > deadline
        ):
            text = (server.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
            server.stop()
            raise AssertionError(f"PostgreSQL did not start:\n{text}")
        time.sleep(0.05)


def _has_room(folder: Path) -> bool:
    is_usable = os.access(folder, os.W_OK)
    return is_usable and shutil.disk_usage(folder).free > ROOM_BYTES


def _name_of(url: str) -> str:
    return url.rpartition("/")[2]
