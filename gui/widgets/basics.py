"""Labels, buttons, pills and cards in the panel's manner.

Owns the smallest parts and their names in the style sheet; arranging them is left to the pages.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.theme.look import Look

Tone = Literal["neutral", "info", "success", "warning", "danger"]
ButtonKind = Literal["plain", "primary", "danger", "quiet"]

ICON_PX = 18
ICON_BUTTON_PX = 36


def build_label(text: str, name: str = "", *, is_wrapped: bool = False) -> QLabel:
    """Build a label of plain text; ``name`` is its part in the style sheet.

    Text is never taken for markup: names and log lines come from elsewhere.
    """
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setObjectName(name)
    label.setWordWrap(is_wrapped)
    return label


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at, and have it look again."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class Button(QPushButton):
    """A button whose icon follows the look; without text it is named for screen readers."""

    def __init__(
        self,
        look: Look,
        text: str = "",
        *,
        icon: str = "",
        kind: ButtonKind = "plain",
        name: str = "",
    ) -> None:
        super().__init__(text)
        self._look = look
        self._icon = icon
        self._kind = kind
        self.setProperty("kind", kind)
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setAutoDefault(False)
        if name:
            self.setAccessibleName(name)
            self.setToolTip(name)
        if not text and icon and kind == "quiet":
            self.setFixedWidth(ICON_BUTTON_PX)
        self._draw()
        look.changed.connect(self._draw)

    def set_icon(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self._draw()

    def _draw(self) -> None:
        if not self._icon:
            return
        roles = {"primary": "on_accent", "danger": "on_danger", "quiet": "text_muted"}
        role = roles.get(self._kind, "text")
        self.setIcon(self._look.icon(self._icon, role, on="accent"))


class Pill(QLabel):
    """A short state in a coloured capsule."""

    def __init__(self, text: str = "", tone: Tone = "neutral") -> None:
        super().__init__(text)
        self.setObjectName("pill")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("tone", tone)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def show_state(self, text: str, tone: Tone) -> None:
        """Show another state."""
        self.setText(text)
        set_property(self, "tone", tone)


class Card(QFrame):
    """A raised area with an optional title; contents go into ``body``."""

    def __init__(self, title: str = "", *, margin_px: int = 18) -> None:
        super().__init__()
        self.setObjectName("card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin_px, margin_px, margin_px, margin_px)
        self.body.setSpacing(12)
        self.header = QHBoxLayout()
        self.header.setSpacing(10)
        if title:
            self.header.addWidget(build_label(title, "cardTitle"))
            self.header.addStretch(1)
            self.body.addLayout(self.header)


def build_divider() -> QFrame:
    """Build a thin horizontal line."""
    line = QFrame()
    line.setObjectName("divider")
    line.setFixedHeight(1)
    return line
