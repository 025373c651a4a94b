"""A short form of ``make chaos``, and that what it looks for would be found."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Browser

from tests.browser.bad_line import run
from tests.browser.line_stage import open_stage
from tests.browser.line_visit import Deviation, Visit

SEED = 11


def test_a_line_that_breaks_loses_and_doubles_nothing(browser: Browser, tmp_path):
    report = run(browser, tmp_path, seed=SEED, cuts=20)
    assert report.cuts.total() >= 20
    assert report.messages >= 8


def test_each_deviation_is_found(browser: Browser, tmp_path):
    with open_stage(browser, tmp_path, SEED) as stage:
        visit = Visit(stage, random.Random(SEED))
        visit.open_tab()
        for _ in range(2):
            visit.send(0)
        visit.settle()
        visit.compare()
        one, two = visit.sent[0]
        for sent, what in (
            ([one, two, "three"], "lost"),
            ([one], "doubled"),
            ([two, one], "out of order"),
        ):
            visit.sent = [sent]
            with pytest.raises(Deviation, match=what):
                visit.compare()
        visit.sent = [[one, two]]
        said = stage.ollama.said.pop(one)
        with pytest.raises(Deviation, match="no model gave"):
            visit.compare()
        stage.ollama.said[one] = said
        visit.tabs[0].said_by("assistant").last.evaluate("(answer) => answer.remove()")
        with pytest.raises(Deviation, match="tab 0 shows"):
            visit.compare()
        visit.context.close()
