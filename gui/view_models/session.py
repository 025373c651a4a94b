"""Who is signed in, and signing in without a question where the machine allows it.

Owns the session's state; the credential itself is left to ``gui.api.client``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QTimer, Signal

from gui.api.client import ApiClient
from gui.api.errors import ApiError, SignedOut
from gui.api.models import Operator, ServerStatus
from gui.api.transport import ApiRequest
from gui.first_login import load_first_login

STATUS_INTERVAL_MS = 60_000


@dataclass(frozen=True)
class SessionState:
    """``notice`` says why somebody is not signed in; ``error`` what went wrong signing in."""

    phase: Literal["signed_out", "signing_in", "signed_in"] = "signed_out"
    operator: Operator | None = None
    notice: str = ""
    error: ApiError | None = None
    has_first_password: bool = False


class Session(QObject):
    """The operator at this panel."""

    state_changed = Signal(object)
    status_changed = Signal(object)
    """A ``ServerStatus``, whenever it was asked for again."""

    def __init__(
        self, client: ApiClient, data_dir: Path | None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.state = SessionState()
        self.status: ServerStatus | None = None
        self._client = client
        self._data_dir = data_dir
        self._may_try_file = True
        self._is_from_file = False
        client.signed_out.connect(self._on_signed_out)
        self._status_timer = QTimer(self, interval=STATUS_INTERVAL_MS)
        self._status_timer.timeout.connect(self.load_status)

    @property
    def is_signed_in(self) -> bool:
        """Whether calls that need a credential make sense."""
        return self.state.phase == "signed_in"

    def try_first_login(self) -> None:
        """Sign in with the first password if this user may read it; silent when it is not valid."""
        if self.state.phase != "signed_out" or not self._may_try_file:
            return
        login = load_first_login(self._data_dir)
        if login is None:
            return
        self._may_try_file = False
        self._begin(login.username, login.password, is_from_file=True)

    def sign_in(self, username: str, password: str) -> None:
        """Sign in with what was typed; a second request while one is under way does nothing."""
        if self.state.phase != "signing_in":
            self._begin(username, password, is_from_file=False)

    def sign_out(self) -> None:
        """End the session; the first password is not used again by itself."""
        self._may_try_file = False
        self._client.sign_out()

    def load_status(self) -> None:
        """Ask for what ``/api/admin/status`` says now."""
        if not self.is_signed_in:
            return
        self._client.call(
            ApiRequest("GET", "/api/admin/status"),
            ServerStatus,
            owner=self,
            on_success=self._on_status,
            on_error=lambda _error: None,  # /health says whether the server is well
        )

    def _begin(self, username: str, password: str, *, is_from_file: bool) -> None:
        self._is_from_file = is_from_file
        self._set(SessionState("signing_in"))
        self._client.sign_in(
            username,
            password,
            owner=self,
            on_success=self._load_operator,
            on_error=self._on_sign_in_error,
        )

    def _load_operator(self) -> None:
        self._client.call(
            ApiRequest("GET", "/api/admin/me"),
            Operator,
            owner=self,
            on_success=self._on_operator,
            on_error=self._on_sign_in_error,
        )

    def _on_operator(self, operator: Operator) -> None:
        has_first_password = load_first_login(self._data_dir) is not None and self._is_from_file
        self._set(
            SessionState("signed_in", operator=operator, has_first_password=has_first_password)
        )
        self._status_timer.start()
        self.load_status()

    def _on_sign_in_error(self, error: ApiError) -> None:
        is_old_password = self._is_from_file and isinstance(error, SignedOut)
        if self._is_from_file and not is_old_password:
            self._may_try_file = True  # the server was not ready; the file may still be right
        self._set(SessionState("signed_out", error=None if self._is_from_file else error))

    def _on_status(self, status: ServerStatus) -> None:
        self.status = status
        self.status_changed.emit(status)

    def _on_signed_out(self, notice: str) -> None:
        self._status_timer.stop()
        self.status = None
        self._set(SessionState("signed_out", notice=notice))

    def _set(self, state: SessionState) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)
