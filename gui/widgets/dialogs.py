"""The frame of the panel's dialogs, and the question with two answers.

Owns margins, buttons and not blocking the event loop; contents are left to the dialogs built on it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QVBoxLayout, QWidget

from gui.theme.look import Look
from gui.widgets.banner import Banner
from gui.widgets.basics import Button, ButtonKind, build_label


class PanelDialog(QDialog):
    """A window-modal dialog: a title, a banner, ``body`` and a row of buttons.

    It is opened, never run in a loop of its own, and deletes itself when closed.
    """

    def __init__(self, look: Look, parent: QWidget, title: str) -> None:
        super().__init__(parent)
        self.look = look
        self.setWindowTitle(title)
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.banner = Banner(look)
        self.body = QVBoxLayout()
        self.body.setSpacing(14)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        self.buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 22, 24, 20)
        column.setSpacing(16)
        column.addWidget(build_label(title, "cardTitle"))
        column.addWidget(self.banner)
        column.addLayout(self.body, 1)
        column.addLayout(self.buttons)

    def add_button(
        self, text: str, on_click: Callable[[], object], *, kind: ButtonKind = "plain"
    ) -> Button:
        """Add a button at the end of the row."""
        button = Button(self.look, text, kind=kind)
        button.clicked.connect(on_click)
        self.buttons.addWidget(button)
        return button


class Question(PanelDialog):
    """Asks before something happens; the harmless answer is the default."""

    def __init__(
        self, look: Look, parent: QWidget, title: str, text: str, *, remember: str = ""
    ) -> None:
        super().__init__(look, parent, title)
        label = build_label(text, is_wrapped=True)
        label.setMinimumWidth(400)
        self.body.addWidget(label)
        self.remember = QCheckBox(remember)
        self.remember.setVisible(bool(remember))
        self.body.addWidget(self.remember)

    def add_answer(
        self,
        text: str,
        on_chosen: Callable[[], object],
        *,
        kind: ButtonKind = "plain",
        is_default: bool = False,
    ) -> None:
        """Add an answer that closes the dialog and then acts."""

        def choose() -> None:
            self.accept()
            on_chosen()

        button = self.add_button(text, choose, kind=kind)
        if is_default:
            button.setDefault(True)
            button.setFocus()
