"""Texts that are there to be copied or opened.

Owns the field with its buttons and the short "copied" answer; the clipboard is the system's.
"""

from __future__ import annotations

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from gui.theme.look import Look
from gui.widgets.basics import Button, build_label

CONFIRM_MS = 1_600


class CopyButton(Button):
    """Copies what ``text`` is at the time, and says so for a moment."""

    def __init__(self, look: Look, *, what: str, label: str = "") -> None:
        super().__init__(look, label, icon="copy", kind="plain" if label else "quiet")
        self.text_to_copy = ""
        self._label = label
        self._what = what
        self.setAccessibleName(self.tr("Copy {0}").format(what))
        self.setToolTip(self.accessibleName())
        self._reset = QTimer(self, singleShot=True, interval=CONFIRM_MS)
        self._reset.timeout.connect(self._on_reset)
        self.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.text_to_copy)
        self.set_icon("check")
        if self._label:
            self.setText(self.tr("Copied"))
        self.setToolTip(self.tr("Copied"))
        self._reset.start()

    def _on_reset(self) -> None:
        self.set_icon("copy")
        self.setText(self._label)
        self.setToolTip(self.accessibleName())


class CopyField(QWidget):
    """A labelled single line that can be selected, copied and, as an address, opened."""

    def __init__(self, look: Look, label: str, *, can_open: bool = False) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setObjectName("mono")
        self.line.setReadOnly(True)
        self.line.setAccessibleName(label)
        self.copy_button = CopyButton(look, what=label)
        self.open_button = Button(
            look, icon="open", kind="quiet", name=self.tr("Open {0} in the browser").format(label)
        )
        self.open_button.clicked.connect(self._on_open)
        self.open_button.setVisible(can_open)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.line, 1)
        row.addWidget(self.copy_button)
        row.addWidget(self.open_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        caption = build_label(label, "fieldLabel")
        caption.setBuddy(self.line)
        column.addWidget(caption)
        column.addLayout(row)

    def show_value(self, value: str) -> None:
        """Show ``value``; an empty one cannot be copied or opened."""
        if self.line.text() != value:
            self.line.setText(value)
            self.line.setCursorPosition(0)
        self.copy_button.text_to_copy = value
        self.copy_button.setEnabled(bool(value))
        self.open_button.setEnabled(bool(value))

    def _on_open(self) -> None:
        QDesktopServices.openUrl(QUrl(self.line.text()))


class CopyBlock(QWidget):
    """A labelled text of several lines that can be selected and copied."""

    def __init__(self, look: Look, label: str, *, button: str) -> None:
        super().__init__()
        self.text = QPlainTextEdit()
        self.text.setObjectName("mono")
        self.text.setReadOnly(True)
        self.text.setAccessibleName(label)
        self.text.setTabChangesFocus(True)
        self.copy_button = CopyButton(look, what=label, label=button)
        head = QHBoxLayout()
        caption = build_label(label, "fieldLabel")
        caption.setBuddy(self.text)
        head.addWidget(caption)
        head.addStretch(1)
        head.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.text)
        self.show_value("")

    def show_value(self, value: str) -> None:
        """Show ``value``; an empty one cannot be copied."""
        self.text.setPlainText(value)
        self.copy_button.text_to_copy = value
        self.copy_button.setEnabled(bool(value))
