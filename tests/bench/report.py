"""The table on the terminal and the file of figures.

Owns their form only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.bench.rows import Row

COLUMNS = ("what", "value", "floor", "ratio", "aim", "")
WIDTHS = (50, 12, 12, 20, 18, 8)
MARKS = {"met": "ok", "missed": "MISSED", "": ""}


def write_line(text: str = "") -> None:
    """Write a line to the terminal at once."""
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


def write_heading() -> None:
    write_line(_join(COLUMNS))
    write_line("-" * (sum(WIDTHS) + 2 * len(WIDTHS)))


def write_row(row: Row) -> None:
    """Write a row; behind the ratio stands the range of the single rounds'."""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    if len(row.ratios) > 1:
        ratio += f" ({min(row.ratios):.2f}–{max(row.ratios):.2f})"
    write_line(
        _join(
            (
                row.title,
                _figure(row.value, row.unit),
                "" if row.floor is None else _figure(row.floor, row.unit),
                ratio,
                row.aim.describe(row.unit) if row.aim else "",
                MARKS[row.verdict],
            )
        )
    )
    if row.note:
        write_line(f"    {row.note}")


def save_rows(path: Path, rows: Sequence[Row], *, machine: str) -> None:
    """Save all figures as JSON."""
    saved = [
        {**msgspec.to_builtins(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows
    ]
    content = msgspec.json.encode({"machine": machine, "rows": saved})
    path.write_bytes(msgspec.json.format(content, indent=2) + b"\n")


def _figure(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def _join(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
