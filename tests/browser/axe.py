"""What axe-core says of a page, the widget's shadow tree included.

Owns which rules are asked and in what words a complaint is told; what is done about it is left to
the tests. ``python -m tests.browser.axe`` writes the table that the documentation shows.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser import widget_states
from tests.browser.chromium import open_browser
from tests.browser.scripted_server import run_scripted_server
from tests.browser.widget_states import STATES, show

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "widget/node_modules/axe-core/axe.min.js"
REPORT = ROOT / "docs/widget-accessibility.md"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = {
    name: widget_states.LOOKS[name]
    for name in ("light", "dark", "hebrew", "phone", "dark hebrew phone")
}
"""What the report is about."""
KNOWN = "color-contrast"
"""Axe gives no contrast on a gradient, of which the unit test of the colours knows both ends, nor
of text that is scrolled away or covered for the moment."""


@dataclass(frozen=True)
class Report:
    """How many rules found all well, what the others say, and what axe could not tell."""

    passed: int
    violations: list[str]
    unsure: list[str]


def ask_axe(page: Page) -> Report:
    """Run every rule on the page as it is."""
    page.evaluate(_read_source())
    result = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", TAGS
    )
    unsure = [_tell(rule, node) for rule in result["incomplete"] for node in rule["nodes"]]
    return Report(
        passed=len(result["passes"]),
        violations=[_tell(rule, node) for rule in result["violations"] for node in rule["nodes"]],
        unsure=[complaint for complaint in unsure if not complaint.startswith(KNOWN)],
    )


def main() -> int:
    """Write the report's table anew; what stands around it stays."""
    lines = [f"| state | {' | '.join(LOOKS)} |", "| --- " * (len(LOOKS) + 1) + "|"]
    with open_browser() as browser, run_scripted_server() as origin:
        for state in STATES:
            cells = []
            for look in LOOKS.values():
                with show(browser, origin, look, state) as (chat, _):
                    report = ask_axe(chat.page)
                    cells.append(f"{report.passed}, {len(report.violations)}")
            lines.append(f"| {state} | {' | '.join(cells)} |")
    text = REPORT.read_text(encoding="utf-8")
    table = re.compile(r"^\|.*\|$(\n^\|.*\|$)*", re.MULTILINE)
    REPORT.write_text(table.sub("\n".join(lines), text, count=1), encoding="utf-8")
    return 0


@cache
def _read_source() -> str:
    return SOURCE.read_text(encoding="utf-8") + "; null"


def _tell(rule: dict[str, Any], node: dict[str, Any]) -> str:
    return f"{rule['id']}: {node['html'][:160]} – {node['failureSummary']}"


if __name__ == "__main__":
    sys.exit(main())
