"""What tests of the panel start from: a fake admin listener, a signed-in client, a window."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.api.client import ApiClient
from gui.api.errors import ApiError
from gui.app import build_window
from gui.main_window import MainWindow
from gui.options import PanelOptions
from gui.page import load_pages
from tests.fakes.admin_server import PASSWORD, FakeAdminServer

WAIT_MS = 8_000


@dataclass
class Outcome:
    """What a call reported."""

    values: list[Any]
    errors: list[ApiError]

    @property
    def is_known(self) -> bool:
        return bool(self.values or self.errors)

    def succeed(self, *values: Any) -> None:
        self.values.append(values[0] if values else None)

    def fail(self, error: ApiError) -> None:
        self.errors.append(error)


def new_outcome() -> Outcome:
    return Outcome([], [])


@pytest.fixture
def admin_server() -> Iterator[FakeAdminServer]:
    server = FakeAdminServer()
    yield server
    server.close()


@pytest.fixture
def client(qtbot: QtBot, admin_server: FakeAdminServer) -> ApiClient:
    """A client that has signed in."""
    client = ApiClient(admin_server.url, QApplication.instance())
    outcome = new_outcome()
    client.sign_in(
        "admin", PASSWORD, owner=client, on_success=outcome.succeed, on_error=outcome.fail
    )
    qtbot.waitUntil(lambda: outcome.is_known, timeout=WAIT_MS)
    assert not outcome.errors
    return client


OpenPanel = Callable[..., MainWindow]


@pytest.fixture
def open_panel(qtbot: QtBot, admin_server: FakeAdminServer, tmp_path: Path) -> Iterator[OpenPanel]:
    """Opens the window on the fake listener; signs in by file unless told not to."""
    windows: list[MainWindow] = []

    def open_window(*, sign_in: bool = True, **options: Any) -> MainWindow:
        if sign_in:
            text = f"username=admin\npassword={PASSWORD}\n"
            (tmp_path / "first-login.txt").write_text(text)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        chosen: dict[str, Any] = {
            "data_dir": tmp_path,
            "admin_port": admin_server.port,
            "settings_file": tmp_path / "panel.ini",
            "theme": "light",
            **options,
        }
        window = build_window(app, PanelOptions(**chosen), load_pages())
        windows.append(window)
        window.show()
        window.context.monitor.begin()
        if sign_in:
            qtbot.waitUntil(lambda: window.context.session.is_signed_in, timeout=WAIT_MS)
        return window

    yield open_window
    for window in windows:
        window.allow_close()
        window.close()
        window.deleteLater()
    QApplication.processEvents()
