"""The server as a process this panel has started.

Owns starting it so that it neither dies with the panel by accident nor outlives it against the
operator's wish, its console log and stopping it; whether it answers is left to
``gui.view_models.server``. Why ``subprocess`` and not ``QProcess``: docs/adr/0009.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from PySide6.QtCore import QObject, QTimer, Signal

POLL_MS = 200
DRAIN_LIMIT_MS = 10_000  # the server drains open streams within 5 s
TAIL_BYTES = 16 * 1024
LOG_NAME = "server-console.log"


class ServerProcess(QObject):
    """One run of the server.

    A *tied* server has the panel's end of a pipe as its standard input and stops when that end
    closes, however the panel ended. A kept one has a session of its own and nothing of the panel's.
    """

    exited = Signal(int)
    """The process is gone; carries its exit code, negative for a signal."""

    def __init__(self, log_dir: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.log_file = log_dir / LOG_NAME
        self.is_tied = False
        self._process: subprocess.Popen[bytes] | None = None
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._on_poll)
        self._escalation = QTimer(self, singleShot=True, interval=DRAIN_LIMIT_MS)
        self._escalation.timeout.connect(self._escalate)
        self._escalation_step = 0

    @property
    def is_running(self) -> bool:
        """Whether a started process has not ended yet."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self, command: Sequence[str], *, is_tied: bool) -> None:
        """Start the server; its output goes to ``log_file``, the previous one is kept beside it.

        Raises:
            OSError: The program or the log folder cannot be used.
        """
        if self._process is not None:
            raise RuntimeError("the server process is already running")
        self.is_tied = is_tied
        with self._open_log() as log:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE if is_tied else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=build_environment(),
                start_new_session=True,
                creationflags=_windows_flags(),
            )
        self._poll.start()

    def stop(self) -> None:
        """Ask the server to drain and stop; insist when it does not; ``exited`` reports the end."""
        process = self._process
        if process is None:
            return
        self._escalation_step = 0
        if process.stdin is not None:
            self._close_stdin()
        else:
            process.terminate()
        self._escalation.start()

    def release(self) -> None:
        """Let the server run on without this panel; nothing is reported any more."""
        self._poll.stop()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            # Its end is nobody's business here; without this, Popen warns when it is collected.
            process.returncode = 0

    def read_console_tail(self, *, max_lines: int = 12) -> tuple[str, ...]:
        """Read the last lines the server wrote to its console, oldest first."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - TAIL_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ()
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return tuple(lines[-max_lines:])

    def _open_log(self) -> IO[bytes]:
        self.log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(OSError):
            self.log_file.replace(self.log_file.with_suffix(".previous.log"))
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "ab")

    def _on_poll(self) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        self._poll.stop()
        self._escalation.stop()
        self._close_stdin()
        self._process = None
        self.exited.emit(process.returncode)

    def _close_stdin(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _escalate(self) -> None:
        if self._process is None:
            return
        self._escalation_step += 1
        if self._escalation_step == 1:
            self._process.terminate()
            self._escalation.start()
        else:
            self._process.kill()


def stop_process(pid: int) -> None:
    """Ask a server that an earlier panel left running to stop.

    The caller has made sure that the id still names that server. Windows knows no polite request
    to a process without a console and ends it at once; the stores are made for that.

    Raises:
        OSError: There is no such process, or it belongs to somebody else.
    """
    os.kill(pid, signal.SIGTERM)


def build_environment() -> dict[str, str]:
    """Build the environment of the server from this process's.

    A frozen panel unpacks into a folder of its own; the server must unpack its own too, or it
    would lose its files with the panel.
    """
    environment = dict(os.environ)
    environment["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    for name in ("QT_QPA_PLATFORM", "QT_PLUGIN_PATH"):
        environment.pop(name, None)
    return environment


def _windows_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return 0
