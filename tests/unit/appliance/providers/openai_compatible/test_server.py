from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import ConfigurationError, Unavailable
from appliance.providers.openai_compatible import build as build_provider
from appliance.providers.openai_compatible.server import Server, ServerError
from appliance.providers.registry import ProviderParts
from appliance.settings import load_settings
from tests.fakes.clock import SettableClock
from tests.fakes.openai_server import FakeOpenAI, play


def build(base_url: str | None, api_key: str | None = None) -> Server:
    return Server(base_url, api_key, connect_timeout_s=1)


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://127.0.0.1/v1", "http:///v1"])
def test_an_address_that_cannot_work_names_its_setting(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(address)
    assert caught.value.setting == "CSAI_OPENAI_BASE_URL"


@pytest.mark.parametrize("key", ["sk-1234\n5678", "sk-מפתח", "sk-\x00"])
def test_a_key_that_no_header_carries_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(None, key)
    assert caught.value.setting == "CSAI_OPENAI_API_KEY"
    assert key not in str(caught.value)


def test_credentials_in_the_address_are_not_shown() -> None:
    assert build("http://user:word@127.0.0.1:8000/v1/").base_url == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://notopenai.com/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_openai_s_own_server_is_known_by_its_name(address: str | None, expected: bool) -> None:
    assert build(address).is_vendors is expected


def test_an_error_s_words_are_searched_but_not_spoken() -> None:
    error = ServerError(400, "Unknown Parameter", code="bad", parameter="temperature")
    assert error.mentions("temperature")
    assert error.mentions("other", "unknown")
    assert "Unknown" not in f"{error} {error!r}"


def test_the_sdk_is_not_loaded_before_the_first_request() -> None:
    look = (
        "import sys; from appliance.providers.openai_compatible import OpenAICompatibleChatModel;"
        "from appliance.clock import MachineClock;"
        "OpenAICompatibleChatModel(None, 'sk-12345678', None, MachineClock());"
        "print('openai' in sys.modules, 'pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(("provider", "is_loaded"), [("openai", True), ("builtin", False)])
async def test_the_default_provider_s_sdk_is_loaded_while_nobody_waits(
    tmp_path: Path, provider: str, is_loaded: bool
) -> None:
    async with FakeOpenAI(play([])) as fake:
        environ = {
            "CSAI_DATA_DIR": str(tmp_path),
            "CSAI_LLM_PROVIDER": provider,
            "CSAI_OPENAI_BASE_URL": fake.url,
        }
        settings = load_settings(environ=environ, working_dir=tmp_path)
        model = build_provider(ProviderParts(settings=settings, clock=SettableClock()))
        assert model is not None
        loading = [task for task in asyncio.all_tasks() if task.get_name() == "load-openai-sdk"]
        assert bool(loading) is is_loaded
        await asyncio.gather(*loading)
        assert len(await model.list_models()) == 1
        await model.aclose()
        assert len(fake.requests) == 1


async def test_an_sdk_that_is_not_installed_leaves_the_turn_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "appliance.providers.openai_compatible.sdk", None)
    with pytest.raises(Unavailable) as caught:
        await build(None).open_chat({}, timeout_s=1)
    assert caught.value.code == "sdk_missing"


async def test_closing_before_the_first_request_loads_nothing() -> None:
    await asyncio.gather(build(None).aclose(), build(None).aclose())
