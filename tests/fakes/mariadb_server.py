"""A real MariaDB server of the tests' own, started on first use and stopped with the process."""

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
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pymysql

from tests.fakes.free_ports import find_free_port

ADMIN = "csai_admin"
PASSWORD = "admin of the tests"
START_DEADLINE_S = 60.0
_numbers = count(1)


class PortTaken(AssertionError):
    """Somebody else listens on the port."""


@dataclass
class MariaDbServer:
    """A server on a loopback port; ``ADMIN`` may do everything."""

    folder: Path
    port: int
    prefix: list[str]
    process: subprocess.Popen[bytes] | None = None

    def connect(self, database: str | None = None, **more: Any) -> pymysql.Connection:
        """Return an administrator's connection."""
        options: dict[str, Any] = {"user": ADMIN, "password": PASSWORD, "autocommit": True, **more}
        return pymysql.connect(host="127.0.0.1", port=self.port, database=database, **options)

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Run statements as administrator."""
        with closing(self.connect(database)) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def create_database(self) -> str:
        """Make a database and return its name."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name

    def start(self, *options: str) -> None:
        """Start it and return once it answers."""
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, _find_program("mariadbd"), "--no-defaults",
                 f"--datadir={self.folder / 'data'}", f"--socket={self.folder / 'socket'}",
                 f"--pid-file={self.folder / 'pid'}", f"--port={self.port}",
                 "--bind-address=127.0.0.1", f"--init-file={self.folder / 'first.sql'}",
                 "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
                 "--secure-file-priv=", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                self.connect().close()
            except pymysql.OperationalError as exc:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
                    problem = PortTaken if "Address already in use" in log else AssertionError
                    raise problem(f"MariaDB did not start:\n{log}") from exc
                time.sleep(0.05)
            else:
                return

    def freeze(self) -> None:
        """Let it hang, as on a machine that is out of memory."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Stop it; nothing of it is needed any more."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def running_mariadb() -> MariaDbServer:
    """Return the server that all tests of this process share."""
    server = start_mariadb()
    atexit.register(server.stop)
    return server


def start_mariadb(*options: str) -> MariaDbServer:
    """Start a server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="csai-mariadb-", dir=_find_place()))
    server = MariaDbServer(folder, 0, _unprivileged(folder))
    first_steps = folder / "first.sql"
    first_steps.write_text(
        f"CREATE USER IF NOT EXISTS {ADMIN}@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO {ADMIN}@'%' WITH GRANT OPTION;\n"
    )
    subprocess.run(
        [*server.prefix, _find_program("mariadb-install-db"), "--no-defaults",
         f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal",
         "--skip-test-db"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    tries_left = 3
    while True:
        server.port = find_free_port()  # which somebody else may take before the server does
        tries_left -= 1
        try:
            server.start(*options)
        except PortTaken:
            if tries_left == 0:
                raise
        else:
            return server


def _find_place() -> Path | None:
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2_000_000_000
    return memory if has_room else None


def _find_program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    assert found, "MariaDB is not installed; `make setup` installs it."
    return found


def _unprivileged(folder: Path) -> list[str]:
    """Return what to run it by: it refuses to run as root, and shall end with this process."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "KILL"]
    account = pwd.getpwnam("mysql")
    os.chown(folder, account.pw_uid, account.pw_gid)
    user, group = str(account.pw_uid), str(account.pw_gid)
    identity = ["--reuid", user, "--regid", group, "--clear-groups"]
    return ["setpriv", *identity, "--pdeathsig", "KILL"]
