"""The column to choose pages from.

Owns navigation, the server's state in one word and the operator's menu; what these do is left to
the main window.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
)

from gui.options import ThemeChoice
from gui.page import PageSpec
from gui.theme.icons import draw_pixmap
from gui.theme.look import Look
from gui.view_models.server_state import ServerState
from gui.view_models.session import SessionState
from gui.widgets.basics import Button, Pill, build_label, set_property
from gui.widgets.server_words import describe_phase

WIDTH_PX = 216


class Sidebar(QFrame):
    """Brand, pages, server state and operator."""

    page_chosen = Signal(str)
    theme_chosen = Signal(str)
    sign_out_asked = Signal()

    def __init__(self, look: Look, pages: list[PageSpec]) -> None:
        super().__init__()
        self.setObjectName("sidebar")
        self.setFixedWidth(WIDTH_PX)
        self._look = look
        self._pages = pages
        self._buttons: dict[str, QPushButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 20, 14, 14)
        column.setSpacing(4)
        column.addLayout(self._build_brand())
        column.addSpacing(18)
        self._group = QButtonGroup(self)
        for number, page in enumerate(pages, start=1):
            column.addWidget(self._build_nav(page, number))
        column.addStretch(1)
        self.server_pill = Pill()
        self.server_pill.setAccessibleName(self.tr("Server"))
        column.addWidget(self.server_pill, 0, Qt.AlignmentFlag.AlignLeading)
        column.addSpacing(6)
        column.addLayout(self._build_foot())
        look.changed.connect(self._draw)
        self._draw()
        self._mirror()

    def mark(self, name: str) -> None:
        """Show which page is in front."""
        self._buttons[name].setChecked(True)

    def show_server(self, state: ServerState) -> None:
        """Show the server's state in one word."""
        words = describe_phase(state)
        self.server_pill.show_state(words.short, words.tone)

    def show_session(self, state: SessionState) -> None:
        """Show who is signed in."""
        operator = state.operator
        self.user_button.setText(operator.username if operator else self.tr("Not signed in"))
        self._sign_out.setEnabled(state.phase == "signed_in")

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        if event.type() == QEvent.Type.LayoutDirectionChange:
            self._mirror()
        super().changeEvent(event)

    def _build_brand(self) -> QHBoxLayout:
        logo = QLabel()
        logo.setPixmap(draw_pixmap("app", "#000000", 28))
        row = QHBoxLayout()
        row.setContentsMargins(6, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(logo)
        row.addWidget(build_label(self.tr("CSAI Appliance"), "brand"), 1)
        return row

    def _build_nav(self, page: PageSpec, number: int) -> QPushButton:
        button = QPushButton(f"  {page.title()}")  # the style leaves too little room
        button.setAccessibleName(page.title())
        button.setObjectName("nav")
        button.setCheckable(True)
        button.setIconSize(QSize(20, 20))
        keys = QKeySequence(f"Ctrl+{number}")
        shown = keys.toString(QKeySequence.SequenceFormat.NativeText)
        button.setToolTip(f"{page.title()}  ({shown})")
        button.clicked.connect(lambda _checked, name=page.name: self.page_chosen.emit(name))
        self._group.addButton(button)
        self._buttons[page.name] = button
        return button

    def _build_foot(self) -> QHBoxLayout:
        self.user_button = Button(self._look, self.tr("Not signed in"), icon="user", kind="quiet")
        menu = QMenu(self.user_button)
        self._sign_out = QAction(self.tr("Sign out"), menu)
        self._sign_out.triggered.connect(self.sign_out_asked)
        menu.addAction(self._sign_out)
        self.user_button.setMenu(menu)
        self.theme_button = Button(
            self._look, icon="theme", kind="quiet", name=self.tr("Appearance")
        )
        self.theme_button.setMenu(self._build_theme_menu())
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.user_button)
        row.addStretch(1)
        row.addWidget(self.theme_button)
        return row

    def _build_theme_menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(menu)
        choices: list[tuple[ThemeChoice, str]] = [
            ("system", self.tr("As the system")),
            ("light", self.tr("Light")),
            ("dark", self.tr("Dark")),
        ]
        for choice, text in choices:
            action = QAction(text, menu, checkable=True, checked=choice == self._look.choice)
            action.triggered.connect(lambda _checked, choice=choice: self.theme_chosen.emit(choice))
            group.addAction(action)
            menu.addAction(action)
        return menu

    def _draw(self) -> None:
        for page in self._pages:
            icon = self._look.icon(page.icon, "text_muted", on="accent")
            self._buttons[page.name].setIcon(icon)

    def _mirror(self) -> None:
        is_mirrored = "true" if self.isRightToLeft() else "false"
        set_property(self, "mirrored", is_mirrored)
