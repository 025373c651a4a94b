from __future__ import annotations

from litestar import Litestar

from appliance.web.apps import PlainLitestar


def plugin_modules(app: Litestar) -> str:
    return " ".join(type(plugin).__module__ for plugin in app.plugins)


def test_pydantic_is_left_to_the_vendors_sdks() -> None:
    assert "pydantic" in plugin_modules(Litestar())
    assert "pydantic" not in plugin_modules(PlainLitestar())
