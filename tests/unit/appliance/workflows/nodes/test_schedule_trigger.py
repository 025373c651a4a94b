from __future__ import annotations

import pytest

from tests.workflows.workflow_runs import code, export_of, node

SHOW = export_of([node("Clock", "scheduleTrigger", 1.2), code("Show", "return [$json]")])


async def test_starts_with_the_moment_in_the_shops_zone(bench):
    output = (await bench.run(SHOW, time_zone="Asia/Jerusalem")).output
    assert output["timestamp"] == "2026-03-02T11:30:00.000+02:00"
    assert output["Readable date"] == "March 2nd 2026, 11:30:00 am"
    assert output["Day of week"] == "Monday"
    assert output["Timezone"] == "Asia/Jerusalem (UTC+02:00)"


@pytest.mark.parametrize(
    ("days", "ordinal"),
    [(-1, "1st"), (1, "3rd"), (2, "4th"), (9, "11th"), (11, "13th"), (20, "22nd")],
)
async def test_ordinals(bench, days, ordinal):
    bench.clock.advance(days * 86_400)
    assert f"March {ordinal} 2026" in (await bench.run(SHOW)).output["Readable date"]
