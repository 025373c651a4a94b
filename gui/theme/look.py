"""Dresses the application in one of the two looks, and follows the system.

Owns palette, style sheet and the change between looks; the values are left to
``gui.theme.tokens``.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFontDatabase, QFontInfo, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from gui.options import ThemeChoice
from gui.theme.icons import draw_icon, draw_pixmap
from gui.theme.tokens import DARK, LIGHT, Tokens

SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class Look(QObject):
    """The look of the running application; widgets that paint icons listen to ``changed``."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: ThemeChoice) -> None:
        super().__init__(app)
        self._app = app
        self._choice: ThemeChoice = choice
        self._images = tempfile.TemporaryDirectory(prefix="csai-panel-")
        self.tokens = LIGHT
        app.setStyle("Fusion")
        self.choose(choice)
        app.styleHints().colorSchemeChanged.connect(self._apply)

    @property
    def choice(self) -> ThemeChoice:
        """What the operator chose."""
        return self._choice

    @property
    def is_dark(self) -> bool:
        """Whether the dark look is shown now."""
        return self.tokens is DARK

    def choose(self, choice: ThemeChoice) -> None:
        """Show one look, or follow the system."""
        self._choice = choice
        hints = self._app.styleHints()
        if choice == "system":
            hints.unsetColorScheme()
        else:
            hints.setColorScheme(SCHEMES[choice])
        self._apply()

    def icon(self, name: str, role: str = "text", *, on: str | None = None) -> QIcon:
        """Draw an icon in the colour of a token, by the tokens' names."""
        colors = asdict(self.tokens)
        return draw_icon(
            name,
            colors[role],
            on=None if on is None else colors[on],
            disabled=self.tokens.border_strong,
        )

    def color(self, role: str) -> QColor:
        """The colour of a token."""
        return QColor(asdict(self.tokens)[role])

    def _apply(self) -> None:
        scheme = SCHEMES[self._choice]
        if scheme is Qt.ColorScheme.Unknown:
            scheme = self._app.styleHints().colorScheme()
        self.tokens = DARK if scheme is Qt.ColorScheme.Dark else LIGHT
        self._app.setPalette(build_palette(self.tokens))
        self._app.setStyleSheet(self._build_style_sheet())
        self.changed.emit()

    def _build_style_sheet(self) -> str:
        base_pt = max(9.0, self._app.font().pointSizeF())
        mono = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        values = asdict(self.tokens) | {
            "base_pt": f"{base_pt:.1f}",
            "small_pt": f"{base_pt * 0.9:.1f}",
            "title_pt": f"{base_pt * 1.2:.1f}",
            "heading_pt": f"{base_pt * 1.75:.1f}",
            "mono": f'"{QFontInfo(mono).family()}"',
            "chevron": self._save_image("chevron-down", self.tokens.text_muted),
            "check": self._save_image("check", self.tokens.on_accent),
        }
        template = (files("gui.theme") / "panel.qss").read_text("utf-8")
        return Template(template).substitute(values)

    def _save_image(self, name: str, color: str) -> str:
        # A style sheet can only name images by file.
        file = Path(self._images.name) / f"{name}-{color[1:]}.png"
        if not file.exists():
            draw_pixmap(name, color, 16).save(str(file))
        return file.as_posix()


def build_palette(tokens: Tokens) -> QPalette:
    """Build the palette that what no style sheet reaches is drawn with."""
    role = QPalette.ColorRole
    palette = QPalette()
    colors = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.sunken,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.text_muted,
        role.Button: tokens.surface,
        role.ButtonText: tokens.text,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Link: tokens.accent,
        role.ToolTipBase: tokens.surface,
        role.ToolTipText: tokens.text,
        role.Accent: tokens.accent,
    }
    for name, color in colors.items():
        palette.setColor(name, QColor(color))
    for name in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens.border_strong))
    return palette
