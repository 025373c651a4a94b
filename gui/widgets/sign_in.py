"""Where the operator signs in, in the place of the page that needs it.

Owns the form; exchanging name and password for a credential is left to
``gui.view_models.session``.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from gui.api.errors import SignedOut
from gui.theme.look import Look
from gui.view_models.session import Session, SessionState
from gui.widgets.banner import Banner
from gui.widgets.basics import Button, Card, build_label

WIDTH_PX = 380


class SignIn(QWidget):
    """A card in the middle with name and password."""

    def __init__(self, look: Look, session: Session) -> None:
        super().__init__()
        self._session = session
        self.banner = Banner(look)
        self.username = QLineEdit("admin")
        self.username.setAccessibleName(self.tr("User name"))
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setAccessibleName(self.tr("Password"))
        self.button = Button(look, self.tr("Sign in"), kind="primary")
        card = Card(margin_px=26)
        card.setFixedWidth(WIDTH_PX)
        card.body.addWidget(build_label(self.tr("Sign in"), "pageTitle"))
        card.body.addWidget(
            build_label(
                self.tr("The first password was shown when the server started for the first time."),
                "muted",
                is_wrapped=True,
            )
        )
        card.body.addWidget(self.banner)
        for label, field in (
            (self.tr("User name"), self.username),
            (self.tr("Password"), self.password),
        ):
            caption = build_label(label, "fieldLabel")
            caption.setBuddy(field)
            column = QVBoxLayout()
            column.setSpacing(5)
            column.addWidget(caption)
            column.addWidget(field)
            card.body.addLayout(column)
            field.returnPressed.connect(self._submit)
        card.body.addSpacing(4)
        card.body.addWidget(self.button)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(3)
        self.button.clicked.connect(self._submit)
        session.state_changed.connect(self._show)
        self._show(session.state)

    def focus(self) -> None:
        """Put the cursor where typing begins."""
        field = self.password if self.username.text() else self.username
        field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _submit(self) -> None:
        username, password = self.username.text().strip(), self.password.text()
        if not username or not password:
            self.banner.show_notice("warning", self.tr("Type your name and your password."))
            self.focus()
            return
        self._session.sign_in(username, password)

    def _show(self, state: SessionState) -> None:
        is_busy = state.phase == "signing_in"
        if is_busy and self.button.hasFocus():
            self.password.setFocus()  # else disabling the button would send the focus away
        self.button.setEnabled(not is_busy)
        self.username.setReadOnly(is_busy)
        self.password.setReadOnly(is_busy)
        self.button.setText(self.tr("Signing in…") if is_busy else self.tr("Sign in"))
        if state.phase == "signed_in":
            self.password.clear()
            self.banner.hide()
        elif isinstance(state.error, SignedOut):
            self.banner.show_notice("danger", self.tr("Name or password is not right."))
            self.password.selectAll()
            self.focus()
        elif state.error is not None:
            self.banner.show_error(state.error)
        elif state.notice:
            self.banner.show_notice("info", state.notice)
        else:
            self.banner.hide()
