"""What models write, and what is to be read from it: the cases of the files beside.

Owns the loading; ``test_malformed_calls`` says what must hold for each case.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    says: str
    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...]
    is_cut: bool
    is_unreadable: bool


def load_cases() -> dict[str, Case]:
    """Return the cases by the file and the place in which they stand."""
    return {
        f"{path.stem}-{number}": _build_case(row, shows_all=path.stem == "no_calls")
        for path in sorted(FOLDER.glob("*.toml"))
        for number, row in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["case"], 1)
    }


def _build_case(row: dict[str, Any], *, shows_all: bool) -> Case:
    assert set(row) <= {"says", "text", "calls", "is_cut", "is_unreadable"}, row
    return Case(
        says=row["says"],
        text=row.get("text", row["says"] if shows_all else ""),
        calls=tuple((name, arguments) for name, arguments in row.get("calls", ())),
        is_cut=row.get("is_cut", False),
        is_unreadable=row.get("is_unreadable", False),
    )
