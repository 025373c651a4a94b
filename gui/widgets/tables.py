"""Tables in the panel's manner.

Owns row height, selection and the painted state capsule; what the rows say is left to the models.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from gui.theme.look import Look

AnyIndex = QModelIndex | QPersistentModelIndex


def build_table(name: str, *, row_px: int) -> QTableView:
    """Build a table of whole rows of one height, named for screen readers."""
    table = QTableView()
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setCornerButtonEnabled(False)
    table.setTextElideMode(Qt.TextElideMode.ElideRight)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    rows = table.verticalHeader()
    rows.setVisible(False)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.setMinimumSectionSize(12)
    rows.setDefaultSectionSize(row_px)
    columns = table.horizontalHeader()
    columns.setHighlightSections(False)
    columns.setStretchLastSection(True)
    return table


class ColoredText(QStyledItemDelegate):
    """Paints a column's text in the colour that ``choose`` names for the row, as a token."""

    def __init__(
        self, look: Look, choose: Callable[[AnyIndex], str], parent: QTableView, *, bold: bool
    ) -> None:
        super().__init__(parent)
        self._look = look
        self._choose = choose
        self._is_bold = bold

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:  # noqa: D102
        super().initStyleOption(option, index)
        color = self._look.color(self._choose(index))
        palette = option.palette
        for role in (palette.ColorRole.Text, palette.ColorRole.HighlightedText):
            palette.setColor(role, color)
        option.palette = palette
        if self._is_bold:
            font = option.font
            font.setBold(True)
            option.font = font


class StatePill(QStyledItemDelegate):
    """Paints a column's text as a coloured capsule."""

    def __init__(
        self, look: Look, choose_tone: Callable[[AnyIndex], str], parent: QTableView
    ) -> None:
        super().__init__(parent)
        self._look = look
        self._choose_tone = choose_tone

    def paint(  # noqa: D102
        self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex
    ) -> None:
        text = str(index.data() or "")
        view: QStyleOptionViewItem = QStyleOptionViewItem(option)
        self.initStyleOption(view, index)
        view.text = ""
        widget = view.widget
        style = widget.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, view, painter, widget)
        tone = self._choose_tone(index)
        is_neutral = tone == "neutral"
        back = self._look.color("hover" if is_neutral else f"{tone}_soft")
        front = self._look.color("text_muted" if is_neutral else tone)
        self._paint_pill(painter, view, text, back, front)

    def _paint_pill(
        self,
        painter: QPainter,
        view: QStyleOptionViewItem,
        text: str,
        back: QColor,
        front: QColor,
    ) -> None:
        metrics = view.fontMetrics
        size = QSize(metrics.horizontalAdvance(text) + 20, metrics.height() + 6)
        cell: QRect = view.rect
        place = QRect(cell.left() + 8, cell.center().y() - size.height() // 2, 0, 0)
        if view.direction is Qt.LayoutDirection.RightToLeft:
            place.moveLeft(cell.right() - 8 - size.width())
        place.setSize(size)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(place, size.height() / 2, size.height() / 2)
        painter.setPen(front)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()
