"""The system prompt, put together from the files in ``prompts/`` and the tenant's own facts.

Owns their order and filling-in; the words are in the files.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from string import Template

from appliance.agent.language import base_language
from appliance.domain.json_types import JsonValue
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import BusinessInfo, Tenant

_LANGUAGE_NAMES = {
    "en": "English", "he": "Hebrew", "ar": "Arabic", "ru": "Russian", "fr": "French",
    "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
    "pl": "Polish",
}  # fmt: skip


def build_system_message(tenant: Tenant, *, now: datetime, has_tools: bool) -> ChatMessage:
    """Return the system message for ``tenant``.

    What changes least stands first, so that a provider's prompt cache can hold it; the present
    moment is the last part and the only one outside ``stable_chars``.

    Args:
        tenant: Whose assistant speaks.
        now: The present moment in the tenant's time zone.
        has_tools: Whether the tenant has tools switched on.
    """
    tone = f"Tone: {tenant.agent.tone}" if tenant.agent.tone else ""
    parts = [
        _fill("base", shop_name=tenant.name),
        _fill("personality", tone=tone),
    ]
    if has_tools:
        parts.append(_fill("tools"))
    language = _LANGUAGE_NAMES.get(base_language(tenant.language), tenant.language)
    parts.append(_fill("language", language_name=language))
    facts = build_facts(tenant.business_info)
    if facts:
        parts.append(_fill("business", shop_name=tenant.name, facts=facts))
    if tenant.business_info.instructions.strip():
        parts.append(
            _fill(
                "tenant",
                shop_name=tenant.name,
                instructions=tenant.business_info.instructions.strip(),
            )
        )
    moment = now.strftime("%A, %Y-%m-%d %H:%M")
    parts.append(_fill("now", now=moment, time_zone=tenant.time_zone))
    *stable, last = (part.strip() for part in parts)
    beginning = "\n\n".join(stable)
    return ChatMessage(role="system", content=f"{beginning}\n\n{last}", stable_chars=len(beginning))


def build_facts(info: BusinessInfo) -> str:
    """Return the business information as Markdown, empty when there is none."""
    sections: list[str] = []
    if info.about.strip():
        sections.append(info.about.strip())
    for title, entries in (
        ("Contact", info.contact),
        ("Opening hours", info.hours),
        ("Policies", info.policies),
    ):
        if entries:
            lines = [f"- {key}: {_plain(value)}" for key, value in entries.items()]
            sections.append("\n".join([f"### {title}", *lines]))
    if info.faqs:
        lines = [f"Q: {faq.question}\nA: {faq.answer}" for faq in info.faqs]
        sections.append("\n\n".join(["### Frequent questions", *lines]))
    return "\n\n".join(sections)


def _plain(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and set(value) == {"open", "close"}:
        return f"{value['open']}–{value['close']}"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def _fill(name: str, **values: str) -> str:
    return _template(name).substitute(values)


@cache
def _template(name: str) -> Template:
    path = files("appliance.agent").joinpath("prompts", f"{name}.md")
    return Template(path.read_text(encoding="utf-8"))
