from __future__ import annotations

import pytest

from appliance.tool_spelling import FreeReader, UnreadableAnswer
from tests.unit.appliance.tool_spelling.malformed_calls import Case, load_cases
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS

CASES = load_cases()


def read(case: Case, *pieces: str) -> None:
    """Read ``pieces`` and compare with ``case``; nothing of a call may show on the way."""
    reader = FreeReader(TOOLS)
    shown = ""
    for piece in pieces:
        shown += reader.feed(piece)
        assert case.text.startswith(shown)
    if case.is_unreadable:
        with pytest.raises(UnreadableAnswer):
            reader.finish(is_cut=case.is_cut)
        return
    rest, calls = reader.finish(is_cut=case.is_cut)
    assert shown + rest == case.text
    assert [(call.name, call.arguments) for call in calls] == list(case.calls)


def test_the_corpus_is_large_enough() -> None:
    no_calls = [case for case in CASES.values() if not case.calls]
    assert len(CASES) >= 250
    assert len(no_calls) >= 80


@pytest.mark.parametrize("name", CASES)
def test_a_text_is_read_as_it_was_meant(name: str) -> None:
    read(CASES[name], CASES[name].says)


@pytest.mark.parametrize("name", CASES)
def test_a_text_cut_in_two_anywhere_is_read_the_same(name: str) -> None:
    case = CASES[name]
    for at in range(len(case.says) + 1):
        read(case, case.says[:at], case.says[at:])


@pytest.mark.parametrize("name", CASES)
def test_a_text_in_single_characters_is_read_the_same(name: str) -> None:
    read(CASES[name], *CASES[name].says)
