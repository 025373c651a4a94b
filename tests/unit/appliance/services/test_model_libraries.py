from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from appliance.errors import InvalidInput, NotFound
from appliance.ports.model_library import PullProgress
from appliance.services.model_libraries import ModelLibraries


class Shelf:
    def __init__(self) -> None:
        self.models: list[str] = []

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        yield PullProgress(status="success")
        self.models.append(model)

    async def delete(self, model: str) -> None:
        self.models.remove(model)


async def test_a_model_is_got_and_removed() -> None:
    shelf = Shelf()
    libraries = ModelLibraries({"ollama": shelf})
    assert [step.status async for step in libraries.pull("Ollama", "hf.co/a/b:Q4")] == ["success"]
    assert shelf.models == ["hf.co/a/b:Q4"]
    await libraries.delete("ollama", "hf.co/a/b:Q4")
    assert shelf.models == []


@pytest.mark.parametrize("name", ["", " ", "../x", "a/../b", "a b", "-rf", "א", "x" * 201, "a\nb"])
async def test_what_is_no_name_is_not_handed_on(name: str) -> None:
    libraries = ModelLibraries({"ollama": Shelf()})
    with pytest.raises(InvalidInput):
        libraries.pull("ollama", name)
    with pytest.raises(InvalidInput):
        await libraries.delete("ollama", name)


@pytest.mark.parametrize("provider", ["claude", "skynet"])
async def test_others_keep_no_models_here(provider: str) -> None:
    libraries = ModelLibraries({"ollama": Shelf()})
    with pytest.raises(NotFound):
        libraries.pull(provider, "m")
    with pytest.raises(NotFound):
        await libraries.delete(provider, "m")
