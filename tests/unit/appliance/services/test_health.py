from __future__ import annotations

import msgspec
import pytest

from appliance import __version__
from appliance.errors import StorageError
from appliance.services.health import HealthService, Probe
from appliance.services.model_selection import ModelSelector
from appliance.tasks import TaskGroup
from tests.fakes.clock import SettableClock
from tests.fakes.scripted_model import ScriptedChatModel
from tests.fakes.sqlite_database import TemporaryDatabase


async def fine() -> None:
    pass


async def broken() -> None:
    raise StorageError("The disk is full.")


def build(default: str = "builtin", **probes: Probe) -> HealthService:
    models = ModelSelector(
        providers={"builtin": ScriptedChatModel(name="builtin")},
        default=default,
        default_models={},
        clock=SettableClock(),
        tasks=TaskGroup(),
    )
    return HealthService(probes=probes, models=models)


async def test_when_every_part_works_all_is_well(temporary: TemporaryDatabase) -> None:
    health = await build(database=temporary.database.health, cache=fine).check()
    assert msgspec.to_builtins(health) == {
        "status": "ok",
        "version": __version__,
        "components": {
            "database": {"status": "ok"},
            "cache": {"status": "ok"},
            "llm": {"status": "ok", "provider": "builtin", "model": None},
        },
    }
    assert health.is_usable


async def test_a_broken_part_is_named_and_the_rest_still_asked() -> None:
    health = await build(database=fine, workflows=broken, cache=fine).check()
    assert health.status == "degraded"
    assert health.is_usable
    assert health.components["workflows"].status == "unavailable"
    assert health.components["workflows"].detail == "The disk is full."
    assert health.components["cache"].status == "ok"


async def test_without_a_cache_it_is_only_worse() -> None:
    health = await build(database=fine, cache=broken).check()
    assert health.status == "degraded"
    assert health.is_usable
    assert health.components["cache"].status == "degraded"
    assert health.components["cache"].detail == "The disk is full."


async def test_only_an_unusable_database_makes_all_unusable() -> None:
    health = await build(database=broken, cache=fine).check()
    assert not health.is_usable


async def test_a_model_that_cannot_answer_degrades() -> None:
    health = await build("ollama", database=fine).check()
    assert health.status == "degraded"
    assert health.components["llm"].status == "degraded"
    assert health.is_usable


async def test_a_closed_database_is_noticed(temporary: TemporaryDatabase) -> None:
    service = build(database=temporary.database.health)
    assert (await service.check()).is_usable
    await temporary.database.close()
    assert not (await service.check()).is_usable


async def test_a_bug_in_a_probe_is_not_taken_for_health() -> None:
    async def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await build(database=bug).check()
