"""The line to search with.

Owns its icon and its clear button; what is searched is left to the page.
"""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit

from gui.theme.look import Look


class SearchField(QLineEdit):
    """A line with a magnifying glass."""

    def __init__(self, look: Look, placeholder: str, *, name: str) -> None:
        super().__init__(placeholderText=placeholder, clearButtonEnabled=True)
        self.setAccessibleName(name)
        self._look = look
        self._action = QAction(self)
        self.addAction(self._action, QLineEdit.ActionPosition.LeadingPosition)
        look.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self._action.setIcon(self._look.icon("search", "text_muted"))
