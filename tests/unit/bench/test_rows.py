"""The arithmetic of the benchmark's rows."""

from __future__ import annotations

import pytest

from tests.bench.rows import Aim, Row, compare, p50, p95, percentile


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 50, 7.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 51, 3.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
        ([float(n) for n in range(1, 21)], 95, 19.0),
        ([1.0, 2.0], 100, 2.0),
    ],
)
def test_a_percentile_is_the_value_of_its_nearest_rank(values, percent, expected):
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(values, percent):
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_one_disturbed_round_moves_neither_figures_nor_ratio():
    quiet, disturbed = [2.0, 2.0, 2.0], [90.0, 90.0, 90.0]
    value, floor, ratios = compare([quiet, disturbed, quiet], [[1.0], [1.0], [1.0]], p50)
    row = Row(name="r", title="r", unit="ms", value=value, floor=floor, ratios=ratios)
    assert (value, floor, ratios) == (2.0, 1.0, [2.0, 90.0, 2.0])
    assert row.ratio == 2.0


def test_rounds_without_a_partner_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        compare([[1.0], [1.0]], [[1.0]], p95)


@pytest.mark.parametrize(
    ("aim", "value", "verdict"),
    [
        (Aim(2.0, "ratio"), 8.0, "met"),
        (Aim(2.0, "ratio"), 8.1, "missed"),
        (Aim(0.5, "ratio", is_least=True), 2.0, "met"),
        (Aim(0.5, "ratio", is_least=True), 1.9, "missed"),
        (Aim(15.0), 15.0, "met"),
        (Aim(15.0), 15.1, "missed"),
        (Aim(3.0, "over_floor"), 7.0, "met"),
        (Aim(3.0, "over_floor"), 7.1, "missed"),
        (None, 1_000.0, ""),
    ],
)
def test_a_verdict_follows_the_aim(aim, value, verdict):
    row = Row(name="r", title="r", unit="ms", value=value, floor=4.0, aim=aim)
    assert row.verdict == verdict


def test_an_aim_against_a_floor_that_was_not_measured_is_a_mistake():
    row = Row(name="r", title="r", unit="ms", value=1.0, aim=Aim(2.0, "ratio"))
    with pytest.raises(ValueError, match="no floor"):
        _ = row.verdict


def test_an_aim_says_what_it_compares():
    assert Aim(2.0, "ratio").describe("ms") == "≤ 2 × floor"
    assert Aim(0.5, "ratio", is_least=True).describe("/s") == "≥ 0.5 × floor"
    assert Aim(15.0).describe("ms") == "≤ 15 ms"
    assert Aim(20.0, "over_floor").describe("MB") == "≤ floor + 20 MB"
