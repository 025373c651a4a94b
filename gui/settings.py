"""What the panel remembers between two starts.

Owns the settings file and its keys; passwords and tokens never go there. How the values are used is
left to their readers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

from gui.options import ThemeChoice

CloseChoice = Literal["ask", "keep", "stop"]


class ServerRecord(Struct, frozen=True):
    """Which server this panel, or an earlier one, has started and left running.

    ``started_at`` as the server itself reports it: together with the process id it names one
    process, so that a reused id is never mistaken for it.
    """

    admin_url: str
    pid: int
    started_at: str
    data_dir: str


class PanelSettings:
    """The settings file; a missing or damaged value reads as its default."""

    def __init__(self, file: Path | None = None) -> None:
        if file is None:
            folder = QStandardPaths.StandardLocation.GenericConfigLocation
            file = Path(QStandardPaths.writableLocation(folder)) / "csai" / "panel.ini"
        self._store = QSettings(str(file), QSettings.Format.IniFormat)

    @property
    def close_choice(self) -> CloseChoice:
        """What happens to a server this panel started when its window closes."""
        value = self._store.value("server/on_close")
        return value if value in get_args(CloseChoice) else "ask"

    @close_choice.setter
    def close_choice(self, value: CloseChoice) -> None:
        self._store.setValue("server/on_close", value)

    @property
    def theme(self) -> ThemeChoice:
        """Light, dark, or as the system is."""
        value = self._store.value("window/theme")
        return value if value in get_args(ThemeChoice) else "system"

    @theme.setter
    def theme(self, value: ThemeChoice) -> None:
        self._store.setValue("window/theme", value)

    @property
    def geometry(self) -> QByteArray | None:
        """Where the window was, as Qt saves it."""
        value = self._store.value("window/geometry")
        return value if isinstance(value, QByteArray) else None

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self._store.setValue("window/geometry", value)

    @property
    def server_record(self) -> ServerRecord | None:
        """The server left running, if one was."""
        value = self._store.value("server/record")
        if not isinstance(value, str):
            return None
        try:
            return msgspec.json.decode(value, type=ServerRecord)
        except msgspec.MsgspecError:
            return None

    @server_record.setter
    def server_record(self, value: ServerRecord | None) -> None:
        if value is None:
            self._store.remove("server/record")
        else:
            self._store.setValue("server/record", msgspec.json.encode(value).decode())
        self._store.sync()
