from __future__ import annotations

import threading
import time

import pytest

from appliance.storage.backups.progress import REST_SHARE, Progress, Stopped


def test_steps_add_up():
    seen: list[float] = []
    progress = Progress(seen.append)
    first, second = progress.part(0.25), progress.part(0.75)
    first(1, 2)
    first(2, 2)
    second(1, 3)
    second(3, 3)
    assert seen == [0.125, 0.25, 0.5, 1.0]


def test_a_part_of_the_work_is_a_whole_of_its_own():
    seen: list[float] = []
    progress = Progress(seen.append, whole=0.5)
    progress.part(0.25)(1, 1)
    progress.part(0.25)(1, 1)
    assert seen == [0.5, 1.0]


def test_nothing_of_nothing_is_not_told():
    seen: list[float] = []
    Progress(seen.append).part(1)(0, 0)
    assert seen == []


def test_it_stops_at_the_next_report():
    stop = threading.Event()
    progress = Progress(stop=stop)
    report = progress.part(1)
    report(1, 2)
    stop.set()
    with pytest.raises(Stopped):
        report(2, 2)
    with pytest.raises(Stopped):
        progress.check()


def test_gentle_work_rests_as_long_as_it_worked_hard(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    rests: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", rests.append)
    report = Progress(is_gentle=True).part(1)
    for worked_s in (0.1, 0.0, 60.0):
        now[0] += worked_s
        report(1, 2)
    assert rests == [pytest.approx(0.1 * REST_SHARE), 0.0, 0.25]
    Progress().part(1)(1, 2)
    assert len(rests) == 3
