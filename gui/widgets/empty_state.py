"""What stands where there is nothing to show yet.

Owns the picture, the sentence and the one thing to do; when it stands there is left to the pages.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from gui.theme.icons import draw_pixmap
from gui.theme.look import Look
from gui.widgets.basics import Button, build_label


class EmptyState(QWidget):
    """An icon, a title, a sentence and, where given, a button."""

    def __init__(self, look: Look, icon: str) -> None:
        super().__init__()
        self._look = look
        self._icon_name = icon
        self._icon = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.title = build_label("", "cardTitle")
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence = build_label("", "muted", is_wrapped=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setMaximumWidth(440)
        self.button = Button(look, kind="primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(10)
        column.addStretch(2)
        column.addWidget(self._icon)
        column.addWidget(self.title)
        column.addWidget(self.sentence, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        look.changed.connect(self._draw)
        self._draw()

    def show_words(self, title: str, sentence: str, button: str = "") -> None:
        """Say what is missing and what to do."""
        self.title.setText(title)
        self.sentence.setText(sentence)
        # A wrapped label asks for less height than it needs unless its width is settled.
        self.sentence.setMinimumWidth(
            min(440, self.sentence.fontMetrics().horizontalAdvance(sentence) + 8)
        )
        self.button.setText(button)
        self.button.setVisible(bool(button))

    def _draw(self) -> None:
        color = self._look.tokens.border_strong
        self._icon.setPixmap(draw_pixmap(self._icon_name, color, 44))
