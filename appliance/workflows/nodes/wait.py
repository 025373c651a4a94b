"""The Wait node: goes on after some time, within what a run may take.

Owns reading how long; waiting for a call or a form would outlive the run and cannot run here.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.errors import Rejected
from appliance.workflows.items import Branches, pass_through
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    if values.text("resume") == "specificTime":
        wait_s = (_read_moment(values, context) - context.state.started_at).total_seconds()
    else:
        is_first = context.node.type_version < 1.1
        unit = values.choice("unit", tuple(_UNITS), "hours" if is_first else "seconds")
        wait_s = values.number("amount", 1 if is_first else 5, minimum=0) * _UNITS[unit]
    left_s = context.state.left_s()
    if wait_s > left_s:
        raise Rejected(
            f"it would wait {wait_s:.0f} s, longer than the {left_s:.0f} s that the run has left"
        )
    await context.state.sleep(max(0.0, wait_s))
    return [pass_through(context.items)]


def _read_moment(values: Parameters, context: NodeContext) -> datetime:
    text = values.text("dateTime")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        values.refuse("dateTime", "must be a date and time such as 2026-03-01T09:30:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(context.state.time_zone))


KIND = NodeKind(
    type="n8n-nodes-base.wait",
    min_version=1,
    max_version=1.1,
    run=_run,
    # What else there is belongs to waiting for a call or a form.
    parameters=one_of(
        "resume",
        "timeInterval",
        "specificTime",
        remedy="only a time can be waited for here, within the run",
    )
    | read("amount", "unit", "dateTime")
    | ignored(
        "incomingAuthentication",
        "responseMode",
        "responseData",
        "responseBinaryPropertyName",
        "httpMethod",
        "responseCode",
        "limitWaitTime",
        "limitType",
        "resumeAmount",
        "resumeUnit",
        "maxDateAndTime",
        "formTitle",
        "formDescription",
        "formFields",
        "options",
    ),
)
