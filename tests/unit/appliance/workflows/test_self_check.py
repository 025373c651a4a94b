import asyncio

import pytest

from appliance.errors import Unavailable
from appliance.workflows import self_check
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.clock import SettableClock
from tests.fakes.data_tables import InMemoryDataTables
from tests.fakes.refusing_http import RefusingHttp


@pytest.fixture
def runner():
    clock = SettableClock()
    runner = WorkflowRunner(InMemoryDataTables(clock), RefusingHttp(), clock)
    yield runner
    runner.close()


async def test_a_working_runner_passes(runner):
    await self_check.check(runner)


async def test_a_stopped_runner_is_noticed(runner):
    runner.close()
    with pytest.raises(Unavailable) as caught:
        await self_check.check(runner)
    assert caught.value.code == "shutting_down"


async def test_a_busy_runner_that_has_worked_lately_is_trusted_for_a_while(runner, monkeypatch):
    clock = SettableClock()
    probe = self_check.SelfCheck(runner, clock)
    await probe()

    async def hang(_runner):
        await asyncio.sleep(60)

    monkeypatch.setattr(self_check, "check", hang)
    monkeypatch.setattr(self_check, "PATIENCE_S", 0.01)
    await probe()
    clock.advance(self_check.TRUSTED_S + 1)
    with pytest.raises(Unavailable) as caught:
        await probe()
    assert caught.value.code == "workflows_busy"


async def test_wrong_results_are_noticed(runner, monkeypatch):
    wrong = dict(self_check.WORKFLOW, nodes=self_check.WORKFLOW["nodes"][:1], connections={})
    monkeypatch.setattr(self_check, "WORKFLOW", wrong)
    with pytest.raises(Unavailable) as caught:
        await self_check.check(runner)
    assert caught.value.code == "workflows_broken"
