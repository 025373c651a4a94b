"""Pictures of the window for documentation and smoke tests.

Owns waiting for the first data and saving the picture; drawing without a display is left to Qt's
offscreen platform.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from gui.main_window import MainWindow
from gui.view_models.session import SessionState

QUIET_MS = 900
PATIENCE_MS = 90_000


class Screenshot(QObject):
    """Saves the window once it has settled, then closes it."""

    def __init__(self, window: MainWindow, file: Path) -> None:
        super().__init__(window)
        self.is_saved = False
        self._window = window
        self._file = file
        self._quiet = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet.timeout.connect(self._save)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE_MS)
        self._patience.timeout.connect(self._give_up)
        self._patience.start()
        window.settled.connect(self._quiet.start)
        window.context.session.state_changed.connect(self._on_session)

    def _on_session(self, state: SessionState) -> None:
        if state.phase == "signing_in":
            self._quiet.stop()

    def _save(self) -> None:
        self.is_saved = self._window.grab().save(str(self._file))
        if not self.is_saved:
            sys.stderr.write(f"The picture could not be saved as {str(self._file)!r}.\n")
        self._window.close()

    def _give_up(self) -> None:
        sys.stderr.write("The panel has got no data to show.\n")
        self._window.close()
