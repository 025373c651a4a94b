"""Writes log lines to a file without holding the window up.

Owns writing in slices and replacing the file only when it is whole; which lines, the page says.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QObject, QSaveFile, QTimer, Signal

from gui.view_models.log_line import LogLine, build_text

SLICE_S = 0.012
SLICE_LINES = 500


class LogExport(QObject):
    """One export; reports once and can then be dropped."""

    finished = Signal(int)
    """All is written; carries the number of lines."""
    failed = Signal(str)
    """Nothing was changed on disk; carries the system's reason."""

    def __init__(self, file: Path, lines: list[LogLine], parent: QObject) -> None:
        super().__init__(parent)
        self._lines = lines
        self._written = 0
        self._file = QSaveFile(str(file), self)
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._write_slice)

    def start(self) -> None:
        """Begin; the outcome comes by signal."""
        if self._file.open(QSaveFile.OpenModeFlag.WriteOnly):
            self._next.start()
        else:
            self.failed.emit(self._file.errorString())

    def _write_slice(self) -> None:
        until = perf_counter() + SLICE_S
        while self._written < len(self._lines):
            part = self._lines[self._written : self._written + SLICE_LINES]
            text = "".join(f"{build_text(line)}\n" for line in part)
            self._file.write(text.encode())
            self._written += len(part)
            if perf_counter() >= until:
                break
        if self._written < len(self._lines):
            self._next.start()
        elif self._file.commit():
            self.finished.emit(self._written)
        else:
            self.failed.emit(self._file.errorString())
