"""A message read on Wednesday 7 May 2025, 14:30."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.providers.builtin.mentions import ReadingContext
from appliance.providers.builtin.message import Message, read_message


def build_context(
    language: str = "en", zone: str = "Europe/London", shop: str = ""
) -> ReadingContext:
    now = datetime(2025, 5, 7, 14, 30, tzinfo=ZoneInfo(zone))
    return ReadingContext(now=now, language=language, time_zone=zone, shop_name=shop)


def read(text: str, language: str = "en", zone: str = "Europe/London", shop: str = "") -> Message:
    return read_message(text, build_context(language, zone, shop))
