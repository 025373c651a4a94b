"""The tables of ``docs/faults.md``, read as data."""

from __future__ import annotations

from dataclasses import dataclass

from tests.architecture.source_tree import ROOT

DOCUMENT = ROOT / "docs" / "faults.md"
ABSENT = "–"


@dataclass(frozen=True)
class Row:
    """What is promised for one fault; ``sentences`` are the operator's, by provider."""

    visitor: str
    degraded: str
    log: str
    health: str
    usage: str
    sentences: dict[str, str]


def read_tables() -> dict[str, Row]:
    """Return the rows by fault."""
    promises, sentences, *_ = _read_tables(DOCUMENT.read_text(encoding="utf-8"))
    assert [row[0] for row in promises[1:]] == [row[0] for row in sentences[1:]]
    columns = sentences[0][1:]
    rows = {}
    for promise, told in zip(promises[1:], sentences[1:], strict=True):
        fault, *cells = promise
        by_provider = {
            column: sentence
            for column, sentence in zip(columns, told[1:], strict=True)
            if sentence != ABSENT
        }
        rows[fault] = Row(*cells, sentences=by_provider)
    return rows


def read_tool_tables() -> tuple[list[list[str]], list[list[str]]]:
    """Return the rows on failing tools: fault and kinds, then kind, change and sentence."""
    *_, faults, kinds = _read_tables(DOCUMENT.read_text(encoding="utf-8"))
    return faults[1:], kinds[1:]


def _read_tables(text: str) -> list[list[list[str]]]:
    tables: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if not line.startswith("|"):
            if tables[-1]:
                tables.append([])
        elif not line.startswith("|---"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return [table for table in tables if table]
