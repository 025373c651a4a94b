"""The tables of ``docs/faults.md``, read as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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


class ToolTables(NamedTuple):
    """The rows on failing tools.

    ``webhooks``, ``integrations`` and ``workflows``: the fault, its kind where the tool reads and
    where it writes, and the operator's sentence. ``refusals``: what is refused before any call, and
    the sentence. ``kinds``: the kind, whether anything was changed, and what a visitor reads.
    """

    webhooks: list[list[str]]
    integrations: list[list[str]]
    workflows: list[list[str]]
    refusals: list[list[str]]
    kinds: list[list[str]]


def read_tool_tables() -> ToolTables:
    """Return the document's last tables without their heads."""
    tables = _read_tables(DOCUMENT.read_text(encoding="utf-8"))[-5:]
    return ToolTables(*(table[1:] for table in tables))


def _read_tables(text: str) -> list[list[list[str]]]:
    tables: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if not line.startswith("|"):
            if tables[-1]:
                tables.append([])
        elif not line.startswith("|---"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return [table for table in tables if table]
