"""Icons in any colour, from the drawings beside this module.

Owns reading, tinting and rendering them sharply; which icon goes where is left to the widgets.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

SCALES = (1.0, 2.0)


@cache
def _load_drawing(name: str) -> str:
    return (files("gui.theme") / "icons" / f"{name}.svg").read_text("utf-8")


def draw_pixmap(name: str, color: str, size_px: int, scale: float = 2.0) -> QPixmap:
    """Draw an icon in ``color`` (``#rrggbb``) at ``size_px`` logical pixels."""
    drawing = _load_drawing(name).replace("currentColor", color)
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    pixmap = QPixmap(QSize(round(size_px * scale), round(size_px * scale)))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap


def draw_icon(
    name: str, color: str, *, size_px: int = 18, on: str | None = None, disabled: str | None = None
) -> QIcon:
    """Draw an icon for usual and dense screens.

    Args:
        name: The drawing's file name without its ending.
        color: Its colour.
        size_px: Its edge in logical pixels.
        on: Its colour while checked, where it differs.
        disabled: Its colour while disabled, where it differs.
    """
    icon = QIcon()
    for scale in SCALES:
        icon.addPixmap(draw_pixmap(name, color, size_px, scale))
        if on is not None:
            pixmap = draw_pixmap(name, on, size_px, scale)
            icon.addPixmap(pixmap, QIcon.Mode.Normal, QIcon.State.On)
        if disabled is not None:
            pixmap = draw_pixmap(name, disabled, size_px, scale)
            icon.addPixmap(pixmap, QIcon.Mode.Disabled)
    return icon
