"""n8n's data extensions, JMESPath and dates in expressions: the same answers as n8n's own engine.

Where n8n yields nothing, we may refuse with a sentence (docs/adr/0006-workflows-in-quickjs.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.workflows.expressions import parse_expression
from appliance.workflows.sandbox import Sandbox
from tests.workflows.expression_cases import SAMPLE
from tests.workflows.record_extensions import ZONE, load_answers
from tests.workflows.workflow_runs import NOW

ANSWERS = load_answers()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.mark.parametrize("expression", ANSWERS)
async def test_an_expression_has_the_value_it_has_in_n8n(sandbox, expression):
    run = {
        "nodes": {"A": {}},
        "workflow": {},
        "execution": {},
        "nowMs": int(NOW.timestamp() * 1000),
        "timeZone": ZONE,
    }
    call = {
        "input": [[{"json": SAMPLE}]],
        "source": [],
        "node": {"id": "1", "name": "A", "version": 1, "parameters": {}},
        "runIndex": 0,
        "contexts": {},
    }
    template = parse_expression(expression).template
    with sandbox.session(run, has_dates=True) as session:
        request = {"op": "evaluate", "items": [0], "templates": [template], "call": call}
        [[answer]] = await session.call(request)
    expected = ANSWERS[expression]
    if "error" in expected:
        assert "error" in answer, answer
    elif not expected:
        assert "error" in answer or answer == {}
    else:
        assert answer == expected
