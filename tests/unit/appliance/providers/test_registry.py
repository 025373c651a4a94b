from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ConfigurationError
from appliance.plugins import walk
from appliance.providers.registry import PACKAGE, ProviderParts, build_providers
from appliance.settings import load_settings
from tests.fakes.clock import SettableClock


def build_parts(folder: Path, **environ: str) -> ProviderParts:
    environ = {"CSAI_DATA_DIR": str(folder), **environ}
    settings = load_settings(environ=environ, working_dir=folder)
    return ProviderParts(settings=settings, clock=SettableClock())


async def test_every_provider_folder_builds_one_under_its_own_name(tmp_path: Path) -> None:
    addresses = {
        "CSAI_OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
        "CSAI_ANTHROPIC_BASE_URL": "http://127.0.0.1:8001",
    }
    providers = build_providers(build_parts(tmp_path, **addresses))
    assert {f"{PACKAGE}.{name}" for name in providers} == set(walk(PACKAGE))
    for name, provider in providers.items():
        assert provider.name == name
        await provider.aclose()


@pytest.mark.parametrize("name", ["CSAI_OPENAI_API_KEY", "OPENAI_API_KEY", "CSAI_OPENAI_BASE_URL"])
def test_a_provider_that_needs_a_setting_is_there_with_it_only(tmp_path: Path, name: str) -> None:
    assert "openai_compatible" not in build_providers(build_parts(tmp_path))
    given = {name: "http://127.0.0.1:8000/v1"}
    assert "openai_compatible" in build_providers(build_parts(tmp_path, **given))


def test_a_setting_that_cannot_work_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        build_providers(build_parts(tmp_path, CSAI_OLLAMA_URL="ollama.lan"))
