from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import MachineClock
from appliance.providers.anthropic import AnthropicChatModel, build
from appliance.providers.registry import ProviderParts
from appliance.settings import load_settings

KEY = "sk-ant-api03-the-canary-sings-at-dawn"


def build_with(folder: Path, **variables: str) -> Any:
    environ = {"CSAI_DATA_DIR": str(folder), **variables}
    settings = load_settings(environ=environ, working_dir=folder)
    return build(ProviderParts(settings=settings, clock=MachineClock()))


@pytest.mark.parametrize(
    "variables",
    [{"CSAI_ANTHROPIC_API_KEY": KEY}, {"CSAI_ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}],
    ids=["key", "gateway"],
)
def test_a_key_or_a_gateway_sets_the_provider_up(tmp_path: Path, variables: dict[str, str]) -> None:
    provider = build_with(tmp_path, **variables)
    assert isinstance(provider, AnthropicChatModel)
    assert provider.name == "anthropic"


@pytest.mark.parametrize("base_url", ["", "https://api.anthropic.com/"])
def test_without_a_key_the_vendor_is_not_asked(tmp_path: Path, base_url: str) -> None:
    settings = {"CSAI_LLM_PROVIDER": "claude", "CSAI_ANTHROPIC_BASE_URL": base_url}
    assert build_with(tmp_path, **settings) is None


async def test_the_default_provider_is_ready_before_it_is_asked(tmp_path: Path) -> None:
    provider = build_with(tmp_path, CSAI_LLM_PROVIDER="claude", CSAI_ANTHROPIC_API_KEY=KEY)
    loading = [t for t in asyncio.all_tasks() if t.get_name() == "load-anthropic-sdk"]
    await asyncio.gather(*loading)
    assert len(loading) == 1
    await provider.aclose()


async def test_a_provider_can_be_closed_while_it_is_being_made_ready(tmp_path: Path) -> None:
    provider = build_with(tmp_path, CSAI_LLM_PROVIDER="claude", CSAI_ANTHROPIC_API_KEY=KEY)
    await provider.aclose()


def test_building_it_does_not_load_the_sdk() -> None:
    code = (
        "import sys, appliance.providers.anthropic, appliance.providers.anthropic.request; "
        "print([name for name in sys.modules if name.split('.')[0] in ('anthropic', 'httpx2')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
