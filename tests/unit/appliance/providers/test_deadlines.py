from __future__ import annotations

from appliance.providers.deadlines import Countdown, Deadlines
from tests.fakes.clock import SettableClock

DEADLINES = Deadlines(first_token_s=60, idle_s=30, total_s=100)


def test_the_first_token_may_take_longer_than_the_next() -> None:
    clock = SettableClock()
    countdown = Countdown(DEADLINES, clock)
    clock.advance(20)
    assert countdown.left_s() == 40
    countdown.note_progress()
    assert countdown.left_s() == 30


def test_the_whole_answer_ends_in_time_however_lively_it_is() -> None:
    clock = SettableClock()
    countdown = Countdown(DEADLINES, clock)
    for _ in range(4):
        clock.advance(20)
        countdown.note_progress()
    assert countdown.left_s() == 20
    clock.advance(25)
    assert countdown.left_s() == 0


def test_another_time_of_day_changes_nothing() -> None:
    clock = SettableClock()
    countdown = Countdown(DEADLINES, clock)
    clock.jump(3_600)
    assert countdown.left_s() == 60
