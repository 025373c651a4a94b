from __future__ import annotations

from tests.workflows.workflow_runs import export_of, node, set_fields


async def test_starts_with_the_given_input(bench):
    export = export_of(
        [node("Start", "manualTrigger", 1), set_fields("Set", a="={{ $json.x ?? 'nothing' }}")]
    )
    assert (await bench.run(export, {"x": "given"})).output == {"a": "given"}
    assert (await bench.run(export)).output == {"a": "nothing"}
