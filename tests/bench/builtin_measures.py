"""The builtin answerer: no model at all, a small shop and a very large one.

Owns its rows. Each question has one right answer among all entries; no other is accepted.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator

from tests.bench.load_jobs import Job, Question
from tests.bench.rows import Aim, Row, compare, p95
from tests.bench.session import Session, latencies, pick
from tests.bench.shops import Admin, add_faq_shop
from tests.bench.turn_measures import AT_ONCE, PLAIN

P95_LIMIT_MS = 50.0
SHOPS = (("small", 20, 3), ("large", 2_000, 50))
ASKED = 400
SEED = 7


def measure_builtin(session: Session) -> Iterator[Row]:
    """Throughput and latency; the floor's figures are those of a turn with its model."""
    floor = session.floor
    webhook_url = f"{session.stage.model.url}/webhook/order"
    with session.stage.appliance(provider="builtin") as appliance:
        appliance.wait_until_healthy()
        admin = Admin(appliance)
        for name, faqs, tools in SHOPS:
            key, questions = add_faq_shop(admin, faqs=faqs, tools=tools, webhook_url=webhook_url)
            asked = random.Random(SEED).choices(questions, k=ASKED)
            for at_once in AT_ONCE:
                turns = session.effort.turns if at_once == 1 else session.effort.turns_at_once

                def build(
                    port: int,
                    headers: dict[str, str],
                    questions: list[Question],
                    turns: int = turns,
                    at_once: int = at_once,
                ) -> Job:
                    return Job(
                        port=port,
                        headers=headers,
                        questions=questions,
                        turns=turns,
                        at_once=at_once,
                    )

                jobs = [
                    (floor, build(floor.port, {}, PLAIN)),
                    (appliance, build(appliance.port, {"X-API-Key": key}, asked)),
                ]
                session.take_turns(*jobs[1])
                floors, ours = session.interleave(jobs)
                value, other, ratios = compare(
                    pick(ours, lambda one: one.turns_per_s),
                    pick(floors, lambda one: one.turns_per_s),
                    statistics.median,
                )
                title = f"builtin, {faqs} FAQ entries, {tools} tools"
                yield Row(
                    name=f"builtin.{name}.{at_once}",
                    title=f"{title}: turns a second, {at_once} at once",
                    unit="/s",
                    value=value,
                    floor=other,
                    ratios=ratios,
                )
                if at_once == 1:
                    value, other, ratios = compare(latencies(ours), latencies(floors), p95)
                    yield Row(
                        name=f"builtin.{name}.p95",
                        title=f"{title}: p95, one at a time",
                        unit="ms",
                        value=value,
                        floor=other,
                        ratios=ratios,
                        aim=Aim(P95_LIMIT_MS),
                    )
