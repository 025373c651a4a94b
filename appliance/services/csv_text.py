"""Tables as CSV, which spreadsheets open.

Owns the form of a line, and making formulas harmless and back; what is written is left to callers.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

_FORMULA_STARTS: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
    "﹦",
    "﹢",
    "﹣",
    "﹫",
)


def write_csv(rows: Any, *, has_mark: bool = False) -> bytes:
    """Return the lines of a CSV file that no spreadsheet runs as formulas.

    Args:
        rows: Each a sequence of cells.
        has_mark: Begin with the mark by which spreadsheets know UTF-8.

    Source: OWASP, CSV injection: a cell that begins as a formula gets an apostrophe in front.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        [[neutralize(cell) for cell in row] for row in rows]
    )
    return (b"\xef\xbb\xbf" if has_mark else b"") + text.getvalue().encode()


def neutralize(cell: Any) -> Any:
    """Return the cell as it is written: a text that would begin a formula is made plain text.

    A text that looks as if that had been done gets an apostrophe too, so that ``restore`` gives
    back every text.
    """
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    text = cell if isinstance(cell, str) else str(cell)
    return f"'{text}" if _begins_formula(text.lstrip("'")) else text


def restore(text: str) -> str:
    """Return the text of which ``neutralize`` made this cell."""
    is_marked = text.startswith("'") and _begins_formula(text.lstrip("'"))
    return text[1:] if is_marked else text


def _begins_formula(text: str) -> bool:
    return text.lstrip(" \u00a0\u3000").startswith(_FORMULA_STARTS)
