"""The Schedule Trigger node: a run starts here with the present moment as its one item.

Owns the item's fields; when a run starts is left to whoever starts it.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.domain.json_types import JsonObject
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    state = context.state
    now = state.started_at.astimezone(ZoneInfo(state.time_zone))
    return [[Item(json={**_describe(now, state.time_zone), **state.trigger.body})]]


def _describe(now: datetime, time_zone: str) -> JsonObject:
    day = now.day
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    clock = f"{now.hour % 12 or 12}:{now:%M:%S} {'am' if now.hour < 12 else 'pm'}"
    offset = now.strftime("%z")
    return {
        "timestamp": now.isoformat(timespec="milliseconds"),
        "Readable date": f"{now:%B} {day}{ending} {now.year}, {clock}",
        "Readable time": clock,
        "Day of week": now.strftime("%A"),
        "Year": now.strftime("%Y"),
        "Month": now.strftime("%B"),
        "Day of month": f"{day:02d}",
        "Hour": f"{now.hour:02d}",
        "Minute": f"{now.minute:02d}",
        "Second": f"{now.second:02d}",
        "Timezone": f"{time_zone} (UTC{offset[:3]}:{offset[3:]})",
    }


KIND = NodeKind(
    type="n8n-nodes-base.scheduleTrigger",
    min_version=1,
    max_version=1.4,
    run=_run,
    parameters=ignored("rule", "misfirePolicy", "misfireGraceSeconds", "skipDurableScheduler"),
)
