from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import node

ITEM = {"at": "2026-03-02T09:30:00Z"}


async def run(bench, version, parameters, item=ITEM, **more):
    made = node("Date", "dateTime", version, parameters, **more)
    return await bench.run_nodes(made, items=[item])


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"currentDate": "2026-03-02T09:30:00.000+00:00"}),
        (
            {"operation": "formatDate", "date": "={{ $json.at }}", "format": "yyyy-MM-dd"},
            {"formattedDate": "2026-03-02"},
        ),
        (
            {"operation": "extractDate", "date": "={{ $json.at }}", "part": "week"},
            {"datePart": 10},
        ),
    ],
)
async def test_puts_a_date_into_the_named_field(bench, parameters, expected):
    (made,) = await run(bench, 2, parameters)
    assert made.keys() == expected.keys()
    assert {k: str(v).replace("Z", "+00:00") for k, v in made.items()} == {
        k: str(v) for k, v in expected.items()
    }


async def test_the_first_version_keeps_the_other_fields(bench):
    parameters = {"value": "={{ $json.at }}", "toFormat": "DD/MM/YYYY", "custom": True}
    assert await run(bench, 1, parameters) == [{**ITEM, "data": "02/03/2026"}]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"operation": "formatDate", "date": "tomorrowish"}, "tomorrowish"),
        ({"operation": "addToDate", "magnitude": "2026-01-01", "timeUnit": "moons"}, "timeUnit"),
        ({"operation": "addToDate", "magnitude": "2026-01-01", "duration": "x"}, "duration"),
        ({"operation": "getTimeBetweenDates", "units": ["age"]}, "units"),
        ({"operation": "getCurrentDate", "options": {"timezone": "Mars/Base"}}, "time zone"),
    ],
)
async def test_what_is_no_date_is_named_and_can_be_continued_after(bench, parameters, named):
    with pytest.raises(Rejected, match="Node 'Date' failed") as caught:
        await run(bench, 2, parameters)
    assert named in caught.value.message
    (made,) = await run(bench, 2, parameters, onError="continueRegularOutput")
    assert named in made["error"]
