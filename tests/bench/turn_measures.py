"""Plain turns: latency, processor time, throughput, first token.

Owns what the visitors ask for each of these rows and how the figures are read.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Literal

import msgspec

from tests.bench.load_jobs import Job, Question
from tests.bench.processes import ServerChild
from tests.bench.rows import Aim, Row, compare, p50, p95
from tests.bench.session import WARM_UP_TURNS, Round, Session, latencies, pick

PLAIN = [Question("Please tell me something about your shop, {nonce}.")]
DELAYED = [Question("Please tell me something about your shop, {nonce}. delay=300ms")]
MODEL_DELAY_MS = 300.0
AT_ONCE = (1, 10, 50)


def measure_plain(session: Session) -> Iterator[Row]:
    """One visitor, JSON replies."""
    yield from _one_at_a_time(session, "plain", "json", "plain turn")


def measure_stream(session: Session) -> Iterator[Row]:
    """One visitor, streamed replies, as the widget asks for them."""
    yield from _one_at_a_time(session, "stream", "sse", "streamed turn")


def _one_at_a_time(
    session: Session, name: str, reply: Literal["json", "sse"], title: str
) -> Iterator[Row]:
    ours, floors = run_both(session, turns=session.effort.turns, reply=reply)
    for label, figure, limit in (("p50", p50, 2.0), ("p95", p95, 2.5)):
        value, floor, ratios = compare(latencies(ours), latencies(floors), figure)
        yield Row(
            name=f"{name}.{label}",
            title=f"{title}, {label}, one at a time",
            unit="ms",
            value=value,
            floor=floor,
            ratios=ratios,
            aim=Aim(limit, "ratio"),
        )
    value, floor, ratios = compare(pick(ours, _cpu_ms), pick(floors, _cpu_ms), statistics.median)
    yield Row(
        name=f"{name}.cpu",
        title=f"{title}, CPU of the whole tree",
        unit="ms",
        value=value,
        floor=floor,
        ratios=ratios,
        aim=Aim(2.0, "ratio"),
    )


def measure_throughput(session: Session) -> Iterator[Row]:
    """Turns a second with 1, 10 and 50 visitors at once."""
    yield from _throughput(session, session.appliance, "throughput", "")


def measure_postgres(session: Session) -> Iterator[Row]:
    """The same with the database in a PostgreSQL on this machine, which shares the cores."""
    yield from _throughput(session, session.appliance_on_postgres, "postgres", ", on Postgres")


def _throughput(session: Session, appliance: ServerChild, name: str, where: str) -> Iterator[Row]:
    for at_once in AT_ONCE:
        turns = session.effort.turns if at_once == 1 else session.effort.turns_at_once
        ours, floors = run_both(session, turns=turns, at_once=at_once, appliance=appliance)
        value, floor, ratios = compare(pick(ours, _rate), pick(floors, _rate), statistics.median)
        yield Row(
            name=f"{name}.{at_once}",
            title=f"turns a second, {at_once} at once{where}",
            unit="/s",
            value=value,
            floor=floor,
            ratios=ratios,
            aim=Aim(0.5, "ratio", is_least=True),
        )


def measure_first_token(session: Session) -> Iterator[Row]:
    """What is added to the time that the model takes until its first token."""
    turns = session.effort.turns_at_once
    ours, floors = run_both(
        session,
        turns=turns,
        at_once=50,
        reply="sse",
        questions=DELAYED,
        stagger_s=MODEL_DELAY_MS / 1000,
    )
    for label, figure, limit_ms in (("p50", p50, 15.0), ("p95", p95, 60.0)):
        value, floor, ratios = compare(_added(ours), _added(floors), figure)
        yield Row(
            name=f"first_token.{label}",
            title=f"first token over a 300 ms model's, {label}, 50 at once",
            unit="ms",
            value=value,
            floor=floor,
            ratios=ratios,
            aim=Aim(limit_ms),
        )


def run_both(
    session: Session,
    *,
    turns: int,
    at_once: int = 1,
    reply: Literal["json", "sse"] = "json",
    questions: list[Question] = PLAIN,
    stagger_s: float = 0.0,
    appliance: ServerChild | None = None,
) -> tuple[list[Round], list[Round]]:
    """Ask the appliance and the floor the same in turn; return the rounds of each."""

    def build(server: ServerChild, turns: int) -> Job:
        return Job(
            port=server.port,
            headers=server.headers,
            questions=questions,
            turns=turns,
            at_once=at_once,
            reply=reply,
            stagger_s=stagger_s,
        )

    servers = (session.floor, appliance or session.appliance)
    for server in servers:
        warm_up = build(server, max(WARM_UP_TURNS, at_once))
        session.take_turns(server, msgspec.structs.replace(warm_up, stagger_s=0.0))
    floors, ours = session.interleave([(server, build(server, turns)) for server in servers])
    return ours, floors


def _added(rounds: list[Round]) -> list[list[float]]:
    return [[ms - MODEL_DELAY_MS for ms in one.outcome.first_deltas_ms] for one in rounds]


def _cpu_ms(one: Round) -> float:
    return one.cpu_ms_per_turn


def _rate(one: Round) -> float:
    return one.turns_per_s
