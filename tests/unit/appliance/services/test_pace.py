from __future__ import annotations

from appliance.services.pace import (
    COMPANY_S,
    FIRST_ROWS,
    LEAST_ROWS,
    MAX_GROWTH,
    MIN_PAUSE_S,
    MOST_ROWS,
    PAUSE_ALONE,
    PAUSE_IN_COMPANY,
    TARGET_MS,
    Pace,
)


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def test_steps_grow_while_they_are_short_and_shrink_at_once():
    pace = Pace(pause=Waits())
    await pace.rest(FIRST_ROWS, 0.1)
    assert pace.rows == FIRST_ROWS * MAX_GROWTH
    await pace.rest(pace.rows, TARGET_MS * 5)
    assert pace.rows == FIRST_ROWS * MAX_GROWTH // 5


async def test_a_slow_step_more_than_halves_the_next_however_small_it_was():
    for rows in (400, 100, 20):
        pace = Pace(pause=Waits())
        while pace.rows < 400:
            await pace.rest(pace.rows, 0.1)
        await pace.rest(rows, 25.1)
        assert pace.rows <= max(LEAST_ROWS, rows // 2)
        grown = pace.rows
        await pace.rest(pace.rows, 0.1)
        assert pace.rows <= grown * MAX_GROWTH


async def test_other_rows_begin_with_a_small_step():
    pace = Pace(pause=Waits())
    while pace.rows < MOST_ROWS:
        await pace.rest(pace.rows, 0.1)
    pace.begin_anew()
    assert pace.rows == FIRST_ROWS
    await pace.rest(pace.rows, 1_000.0)
    pace.begin_anew()
    assert pace.rows == LEAST_ROWS


async def test_steps_stay_within_bounds():
    pace = Pace(pause=Waits())
    for _ in range(50):
        await pace.rest(pace.rows, 0.0)
    assert pace.rows == MOST_ROWS
    for _ in range(50):
        await pace.rest(pace.rows, 1_000.0)
    assert pace.rows == LEAST_ROWS


async def test_a_small_rest_teaches_nothing():
    pace = Pace(pause=Waits())
    await pace.rest(3, 0.1)
    assert pace.rows == FIRST_ROWS


async def test_the_pause_is_in_proportion_to_the_work():
    waits = Waits()
    pace = Pace(lambda: 0, pause=waits)
    await pace.rest(10, 20.0)
    await pace.rest(10, 2.0, took_ms=40.0)
    await pace.rest(10, 0.0)
    assert waits.seconds == [0.02 * PAUSE_ALONE, 0.04 * PAUSE_ALONE, MIN_PAUSE_S]


async def test_who_writes_besides_is_given_way_to_for_a_while():
    writes, now, waits = 5, 100.0, Waits()
    pace = Pace(lambda: writes, pause=waits, monotonic=lambda: now)
    writes += 2
    await pace.rest(10, 10.0, writes=2)
    writes += 3
    await pace.rest(10, 10.0, writes=2)
    writes += 2
    now += COMPANY_S - 1
    await pace.rest(10, 10.0, writes=2)
    writes += 2
    now += 2
    await pace.rest(10, 10.0, writes=2)
    factors = [PAUSE_ALONE, PAUSE_IN_COMPANY, PAUSE_IN_COMPANY, PAUSE_ALONE]
    assert waits.seconds == [0.01 * factor for factor in factors]


async def test_beside_another_process_it_always_gives_way():
    waits = Waits()
    await Pace(pause=waits).rest(10, 10.0)
    assert waits.seconds == [0.01 * PAUSE_IN_COMPANY]


async def test_steps_aim_at_the_target_whatever_a_row_costs():
    for ms_per_row in (0.01, 0.05, 0.4):
        pace = Pace(pause=Waits())
        for _ in range(30):
            await pace.rest(pace.rows, pace.rows * ms_per_row)
        held_ms = pace.rows * ms_per_row
        assert held_ms <= TARGET_MS * 1.1 or pace.rows == LEAST_ROWS
