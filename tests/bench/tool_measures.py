"""Turns with one tool call, by the embedded workflow and by a webhook on loopback.

Owns these two rows. The floor's figure is its plain turn: it has no tools.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.load_jobs import Job, Question
from tests.bench.rows import Aim, Row, compare, p50, p95
from tests.bench.session import Session, latencies
from tests.bench.shops import add_webhook_shop
from tests.bench.turn_measures import PLAIN

# The workflow knows the demo shop's order; the webhook gives back the number it was called with, so
# that only this very call's result contains the nonce behind "order_number".
WORKFLOW = [
    Question("Where is it? {nonce}: use get_order_status with order_number=12345", "{nonce}"),
]
WEBHOOK = [
    Question(
        "Where is it? {nonce}: use get_order_status with order_number={nonce}",
        r"\"order_number\": \"{nonce}\"",
    ),
]


def measure_tools(session: Session) -> Iterator[Row]:
    """Each turn calls the model twice and a tool once, in a conversation of its own."""
    floor, appliance = session.floor, session.appliance
    webhook_key = add_webhook_shop(session.admin, f"{session.stage.model.url}/webhook/order")
    turns = session.effort.turns
    plain = Job(port=floor.port, questions=PLAIN, turns=turns)
    by_workflow, by_webhook = (
        Job(
            port=appliance.port,
            headers={"X-API-Key": key},
            questions=questions,
            turns=turns,
            turns_per_conversation=1,
            also_expected='"status":"succeeded"',
        )
        for key, questions in (
            (appliance.headers["X-API-Key"], WORKFLOW),
            (webhook_key, WEBHOOK),
        )
    )
    jobs = [(floor, plain), (appliance, by_workflow), (appliance, by_webhook)]
    for server, job in jobs:
        session.take_turns(server, job)
    floors, workflow, webhook = session.interleave(jobs)
    for name, title, rounds, limit in (
        ("workflow", "turn with a tool call, in process", workflow, 4.0),
        ("webhook", "turn with a tool call, by webhook", webhook, 5.0),
    ):
        for label, figure in (("p50", p50), ("p95", p95)):
            value, floor_ms, ratios = compare(latencies(rounds), latencies(floors), figure)
            yield Row(
                name=f"tools.{name}.{label}",
                title=f"{title}, {label}",
                unit="ms",
                value=value,
                floor=floor_ms,
                ratios=ratios,
                aim=Aim(limit, "ratio"),
            )
