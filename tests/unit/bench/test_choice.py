"""Which measurements run for which names."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import MEASURES, ONLY_WHEN_NAMED, choose_measures, is_wanted
from tests.bench.rows import Row


def row(name: str) -> Row:
    return Row(name=name, title=name, unit="ms", value=1.0)


def test_without_names_everything_runs_but_what_takes_minutes():
    assert set(choose_measures([])) == set(MEASURES) - ONLY_WHEN_NAMED


def test_a_row_brings_its_measurement_and_the_tables_order_stays():
    assert choose_measures(["widget", "plain.p50"]) == ["plain", "widget"]
    assert choose_measures(["endurance"]) == ["endurance"]


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\['plane'\] is none of plain,"):
        choose_measures(["plane"])


def test_rows_are_shown_by_name_and_by_group():
    assert is_wanted(row("plain.p50"), [])
    assert is_wanted(row("plain.p50"), ["plain"])
    assert is_wanted(row("plain.p50"), ["plain.p50"])
    assert not is_wanted(row("plain.p95"), ["plain.p50"])
    assert not is_wanted(row("throughput.10"), ["throughput.1"])
