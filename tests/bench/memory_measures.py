"""Memory of the whole process tree: idle, after many turns, and over a long run.

Owns these rows; each starts fresh servers on folders that were used before, as a restart does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.load_jobs import Job, Question
from tests.bench.processes import ApplianceChild, FloorChild, ServerChild
from tests.bench.rows import Aim, Row
from tests.bench.session import Session
from tests.bench.shops import find_demo_key
from tests.bench.turn_measures import PLAIN

MB = 1_000_000
IDLE_LIMIT_MB = 130.0
GROWTH_LIMIT_MB = 20.0
AT_ONCE = 50
WARM_TURNS = 2_000
SLOW = [Question("Please tell me the whole story of your shop, {nonce}. pace=10ms")]
SLOW_AT_ONCE = 10


def measure_memory(session: Session) -> Iterator[Row]:
    """Idle, then after turns one at a time, of 50 visitors at once, and of long answers."""
    turns = session.effort.memory_turns
    floors, ours = (_steps(session, kind, turns) for kind in ("floor", "appliance"))
    yield Row(
        name="memory.idle",
        title="memory when idle, whole tree (PSS)",
        unit="MB",
        value=ours[0][0],
        floor=floors[0][0],
        aim=Aim(IDLE_LIMIT_MB),
        note=f"resident (RSS): {ours[0][1]:.0f} MB, floor {floors[0][1]:.0f} MB",
    )
    for index, name, title in (
        (1, "turns", f"memory added by {turns} turns"),
        (2, "at_once", f"memory added by these and {turns} turns, {AT_ONCE} at once"),
    ):
        yield Row(
            name=f"memory.{name}",
            title=title,
            unit="MB",
            value=ours[index][0] - ours[0][0],
            floor=floors[index][0] - floors[0][0],
            aim=Aim(GROWTH_LIMIT_MB),
            note=f"then {ours[index][0]:.0f} MB, floor {floors[index][0]:.0f} MB",
        )
    answers = session.effort.slow_answers
    yield Row(
        name="memory.answer",
        title="memory added by each answer of 400 tokens",
        unit="kB",
        value=max(0.0, ours[3][0] - ours[2][0]) * 1000 / answers,
        floor=max(0.0, floors[3][0] - floors[2][0]) * 1000 / answers,
        note=f"one token every 10 ms, {answers} answers, {SLOW_AT_ONCE} at once",
    )


def _steps(session: Session, kind: str, turns: int) -> list[tuple[float, float]]:
    """Return a restarted server's memory when idle and after each kind of load."""
    with _restarted(session, kind) as server:
        steps = [_read_mb(session, server)]
        for job in (
            _job(server, turns, at_once=1),
            _job(server, turns, at_once=AT_ONCE),
            _job(server, session.effort.slow_answers, at_once=SLOW_AT_ONCE, questions=SLOW),
        ):
            session.take_turns(server, job)
            steps.append(_read_mb(session, server))
    return steps


def measure_endurance(session: Session) -> Iterator[Row]:
    """Growth over a long run, counted from the moment at which everything has been used once."""
    turns = session.effort.endurance_turns
    with _restarted(session, "appliance") as server:
        session.take_turns(server, _job(server, WARM_TURNS, at_once=AT_ONCE))
        before = _read_mb(session, server)
        session.take_turns(server, _job(server, turns, at_once=AT_ONCE))
        after = _read_mb(session, server)
    yield Row(
        name="endurance.growth",
        title=f"memory added by {turns:,} turns after the first {WARM_TURNS:,}",
        unit="MB",
        value=after[0] - before[0],
        aim=Aim(GROWTH_LIMIT_MB),
        note=f"from {before[0]:.0f} MB to {after[0]:.0f} MB",
    )


def _job(
    server: ServerChild, turns: int, *, at_once: int, questions: list[Question] = PLAIN
) -> Job:
    return Job(
        port=server.port,
        headers=server.headers,
        questions=questions,
        turns=turns,
        at_once=at_once,
        deadline_s=60.0 + turns / 20,
    )


def _read_mb(session: Session, server: ServerChild) -> tuple[float, float]:
    time.sleep(session.effort.settle_s)
    pss, rss = server.memory_bytes
    return pss / MB, rss / MB


@contextmanager
def _restarted(session: Session, kind: str) -> Iterator[ServerChild]:
    """Start a server for the second time on its folder."""
    folder = session.stage.new_folder(f"memory-{kind}")

    def start() -> FloorChild | ApplianceChild:
        stage = session.stage
        return stage.floor(folder) if kind == "floor" else stage.appliance(folder)

    with start() as server:
        server.wait_until_healthy()
    with start() as server:
        server.wait_until_healthy()
        if isinstance(server, ApplianceChild):
            server.headers = {"X-API-Key": find_demo_key(server)}
        yield server
