"""What axe-core says of each state of the widget: nothing.

The looks that differ in everything are tried each time; the report has those between.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import LOOKS, REPORT, ask_axe
from tests.browser.widget_states import STATES, show


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("look", ["light", "dark hebrew phone"])
def test_axe_finds_nothing(browser: Browser, scripted_server: str, look: str, state: str):
    with show(browser, scripted_server, LOOKS[look], state) as (chat, _):
        report = ask_axe(chat.page)
    assert report.violations == []
    assert report.unsure == []
    assert report.passed >= 30


def test_axe_does_find_what_is_wrong(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "greeting with quick replies") as (chat, _):
        chat.send_button.evaluate("button => button.removeAttribute('aria-label')")
        chat.window.evaluate("window => window.style.color = '#eee'")
        rules = {complaint.split(":")[0] for complaint in ask_axe(chat.page).violations}
    assert rules == {"button-name", "color-contrast"}


def test_the_report_is_about_every_state():
    table = re.search(
        r"^\| state .*\n\| -.*\n((?:\|.*\n)+)", REPORT.read_text("utf-8"), re.MULTILINE
    )
    assert table is not None
    assert table[0].splitlines()[0] == f"| state | {' | '.join(LOOKS)} |"
    told = [line.strip("| ").split(" | ") for line in table[1].splitlines()]
    assert [row[0] for row in told] == list(STATES)
    assert {cell.split(", ")[1] for row in told for cell in row[1:]} == {"0"}
