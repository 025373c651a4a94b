"""A notice in its place: what happened and one thing to do about it.

Owns showing errors without a dialog; deciding what is an error is left to its callers.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from gui.api.errors import ApiError, Busy, NotPermitted, ServerFault, SignedOut
from gui.theme.icons import draw_pixmap
from gui.theme.look import Look
from gui.widgets.basics import Button, Tone, build_label, set_property

TONE_ICONS = {"info": "info", "success": "check", "warning": "alert", "danger": "alert"}
TONE_ROLES = {"info": "accent", "success": "success", "warning": "warning", "danger": "danger"}


class Banner(QFrame):
    """Hidden until something is to be said."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("banner")
        self._look = look
        self._tone: Tone = "info"
        self._on_action: Callable[[], None] | None = None
        self._icon = QLabel()
        self.text_label = build_label("", is_wrapped=True)
        self.text_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hint_label = build_label("", "muted", is_wrapped=True)
        self.action_button = Button(look)
        self.action_button.clicked.connect(self._on_clicked)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.text_label)
        texts.addWidget(self.hint_label)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 10, 10)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(texts, 1)
        row.addWidget(self.action_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        look.changed.connect(self._draw)
        self.hide()

    def show_notice(
        self,
        tone: Tone,
        text: str,
        *,
        hint: str = "",
        action: str = "",
        on_action: Callable[[], None] | None = None,
    ) -> None:
        """Say ``text``; a second, quieter line and a button where given."""
        self._tone = tone
        self._on_action = on_action
        self.text_label.setText(text)
        self.hint_label.setText(hint)
        self.hint_label.setVisible(bool(hint))
        self.action_button.setText(action)
        self.action_button.setVisible(bool(action) and on_action is not None)
        self.setAccessibleName(text)
        set_property(self, "tone", tone)
        self._draw()
        self.show()

    def show_error(
        self, error: ApiError, *, on_retry: Callable[[], None] | None = None, hint: str = ""
    ) -> None:
        """Say what went wrong, and offer to try again where that makes sense."""
        is_passing = isinstance(error, Busy | SignedOut | NotPermitted)
        if isinstance(error, ServerFault) and error.request_id and not hint:
            hint = self.tr("Search the log for request {0}.").format(error.request_id)
        if isinstance(error, Busy) and error.retry_after_s and not hint:
            hint = self.tr("The server asks to wait {0} s.").format(error.retry_after_s)
        self.show_notice(
            "warning" if is_passing else "danger",
            error.message,
            hint=hint,
            action=self.tr("Try again"),
            on_action=on_retry,
        )

    def _on_clicked(self) -> None:
        on_action = self._on_action
        if on_action is not None:
            on_action()

    def _draw(self) -> None:
        icon, role = TONE_ICONS.get(self._tone, "info"), TONE_ROLES.get(self._tone, "text_muted")
        self._icon.setPixmap(draw_pixmap(icon, self._look.color(role).name(), 20))
