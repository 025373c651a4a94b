"""Finds the server, starts it where nobody else has, and watches it.

Owns the moves between the phases of ``gui.view_models.server_state``; the process itself is left to
``gui.server_process``, who is signed in to ``gui.view_models.session``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from PySide6.QtCore import QElapsedTimer, QObject, QStandardPaths, QTimer, Signal

from gui.api.errors import TimedOut, Unreachable
from gui.api.models import Health, ServerStatus
from gui.api.transport import Answer, ApiRequest, Exchange, HttpTransport, Outcome
from gui.options import PanelOptions
from gui.server_process import ServerProcess, stop_process
from gui.settings import PanelSettings, ServerRecord
from gui.view_models.server_state import (
    ServerProblem,
    ServerState,
    describe_exit,
    describe_failed_start,
    describe_other_program,
    describe_silence,
)

CALM_INTERVAL_MS = 5_000
EAGER_INTERVAL_MS = 250
PROBE_DEADLINE_S = 4.0
SLOW_START_MS = 20_000
MISSES_UNTIL_LOST = 2


class ServerMonitor(QObject):
    """Keeps one ``ServerState`` true; every change is announced."""

    state_changed = Signal(object)

    def __init__(
        self,
        options: PanelOptions,
        settings: PanelSettings,
        transport: HttpTransport,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.state = ServerState()
        self._options = options
        self._settings = settings
        self._transport = transport
        self._process = ServerProcess(find_log_dir(options), self)
        self._process.exited.connect(self._on_exited)
        self._status: ServerStatus | None = None
        self._misses = 0
        self._starting_for = QElapsedTimer()
        self._is_restarting = False
        self._probing: Exchange | None = None
        self._next_probe = QTimer(self, singleShot=True)
        self._next_probe.timeout.connect(self.probe)

    @property
    def is_own_process_running(self) -> bool:
        """Whether a process that this very panel has started is alive."""
        return self._process.is_running

    def begin(self) -> None:
        """Look for a server; start one if there is none on this machine."""
        self.probe()

    def probe(self) -> None:
        """Ask ``/health`` now, unless the question is already under way."""
        if self._probing is not None:
            return
        self._next_probe.stop()
        self._probing = self._transport.send(
            ApiRequest("GET", "/health", deadline_s=PROBE_DEADLINE_S),
            headers={},
            on_outcome=self._on_probed,
        )

    def start(self) -> None:
        """Start the server; whether it may outlive the panel is the remembered choice."""
        if self._process.is_running or not self._options.is_local:
            self.probe()
            return
        is_tied = self._options.screenshot is not None or self._settings.close_choice == "stop"
        command = self._options.build_server_command(is_tied=is_tied)
        self._status = None
        try:
            self._process.start(command, is_tied=is_tied)
        except OSError as error:
            self._set(ServerState("crashed", problem=describe_failed_start(error, command[0])))
            return
        self._starting_for.start()
        self._misses = 0
        self._set(ServerState("starting", origin="here"))
        self._next_probe.start(EAGER_INTERVAL_MS)

    def stop(self) -> None:
        """Stop a server that a panel has started; others are left alone."""
        if not self.state.can_stop:
            return
        if self._process.is_running:
            self._process.stop()
        elif self._status is not None and self._status.pid is not None:
            try:
                stop_process(self._status.pid)
            except OSError:
                self.probe()
                return
        self._settings.server_record = None
        self._set(replace(self.state, phase="stopping", problem=None))
        self._next_probe.start(EAGER_INTERVAL_MS)

    def restart(self) -> None:
        """Stop the server and start it again once it is gone."""
        if self.state.can_stop:
            self._is_restarting = True
            self.stop()

    def learn_status(self, status: ServerStatus) -> None:
        """Take what the signed-in operator may know, and see whose server this is.

        A server is a panel's own when this panel's process is alive, or when an earlier panel's
        record names exactly this process.
        """
        self._status = status
        if self._process.is_running:
            self._settings.server_record = self._build_record(status)
        elif self.state.origin == "elsewhere" and self._options.is_local:
            record = self._build_record(status)
            if record is not None and record == self._settings.server_record:
                self._set(replace(self.state, origin="earlier"))

    def close(self, *, keep_running: bool, on_closed: Callable[[], None]) -> None:
        """Let go of the server as the panel closes; calls back when the panel may end."""
        self._next_probe.stop()
        if not self._process.is_running:
            on_closed()
        elif keep_running and not self._process.is_tied:
            self._process.release()
            on_closed()
        else:
            self._process.exited.connect(
                lambda _code: self._on_exited_for_close(keep_running, on_closed)
            )
            self._settings.server_record = None
            self._set(replace(self.state, phase="stopping"))
            self._process.stop()

    def _on_exited_for_close(self, keep_running: bool, on_closed: Callable[[], None]) -> None:
        self._next_probe.stop()
        if keep_running:  # it was tied to this panel; one that is not takes its place
            with contextlib.suppress(OSError):
                command = self._options.build_server_command(is_tied=False)
                self._process.start(command, is_tied=False)
            self._process.release()
        on_closed()

    def _on_probed(self, outcome: Outcome) -> None:
        self._probing = None
        match outcome:
            case Answer():
                health = _read_health(outcome)
                if health is None:
                    self._on_other_program()
                else:
                    self._on_healthy(health)
            case Unreachable():
                self._on_nobody()
            case _:
                self._on_late(is_timeout=isinstance(outcome, TimedOut))
        if not self._next_probe.isActive():
            is_eager = self.state.phase in {"starting", "stopping"}
            self._next_probe.start(EAGER_INTERVAL_MS if is_eager else CALM_INTERVAL_MS)

    def _on_healthy(self, health: Health) -> None:
        self._misses = 0
        if self.state.phase == "stopping":
            return
        if self._process.is_running:
            origin = self.state.origin if self.state.phase == "running" else "here"
        else:
            origin = self.state.origin if self.state.phase == "running" else "elsewhere"
        self._set(ServerState("running", origin=origin, health=health))

    def _on_nobody(self) -> None:
        match self.state.phase:
            case "looking" if self._options.is_local:
                self.start()
            case "starting":
                is_slow = self._starting_for.elapsed() > SLOW_START_MS
                self._set(replace(self.state, is_slow=is_slow))
            case "stopping" if not self._process.is_running:
                self._on_gone()
            case "stopping" | "stopped" | "crashed":
                pass
            case _:
                self._misses += 1
                if self.state.phase != "running" or self._misses >= MISSES_UNTIL_LOST:
                    self._set(ServerState("lost", problem=self._describe_silence()))
                else:
                    self._next_probe.start(EAGER_INTERVAL_MS)

    def _on_late(self, *, is_timeout: bool) -> None:
        if self.state.phase in {"running", "starting"} and is_timeout:
            self._set(replace(self.state, is_slow=True))
        elif not is_timeout or self.state.phase == "looking":
            self._on_other_program()

    def _on_other_program(self) -> None:
        if self.state.phase not in {"starting", "stopping"}:
            address = self._options.admin_url
            self._set(ServerState("occupied", problem=describe_other_program(address)))

    def _on_exited(self, exit_code: int) -> None:
        self._settings.server_record = None
        self._status = None
        if self.state.phase == "stopping":
            self._on_gone()
            return
        tail = self._process.read_console_tail()
        self._set(ServerState("crashed", problem=describe_exit(exit_code, tail)))

    def _on_gone(self) -> None:
        self._set(ServerState("stopped"))
        if self._is_restarting:
            self._is_restarting = False
            self.start()

    def _build_record(self, status: ServerStatus) -> ServerRecord | None:
        if status.pid is None or status.started_at is None:
            return None
        return ServerRecord(
            admin_url=self._options.admin_url,
            pid=status.pid,
            started_at=status.started_at.isoformat(),
            data_dir=status.data_dir or "",
        )

    def _describe_silence(self) -> ServerProblem:
        return describe_silence(self._options.admin_url, is_local=self._options.is_local)

    def _set(self, state: ServerState) -> None:
        state = replace(state, log_file=str(self._process.log_file))
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)


def _read_health(answer: Answer) -> Health | None:
    if answer.status not in {200, 503}:
        return None
    try:
        return msgspec.json.decode(answer.body, type=Health)
    except msgspec.MsgspecError:
        return None


def find_log_dir(options: PanelOptions) -> Path:
    """Find the folder for logs: in the data folder, or the platform's where none is named."""
    if options.data_dir is not None:
        return options.data_dir / "logs"
    folder = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(folder)) / "csai" / "logs"
