"""The system prompt, put together from the files in ``prompts/`` and the tenant's own facts.

Owns their order and filling-in; the words are in the files.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files
from string import Template

import msgspec

from appliance.agent.faq_selection import FaqIndex
from appliance.agent.language import base_language
from appliance.domain.json_types import JsonValue
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import BusinessInfo, Faq, Tenant
from appliance.domain.tokens import estimate_tokens
from appliance.domain.visitor import VisitorDetails
from appliance.wording import load_words

_LANGUAGE_NAMES = {
    "en": {
        "en": "English", "he": "Hebrew", "ar": "Arabic", "ru": "Russian", "fr": "French",
        "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
        "pl": "Polish",
    },
    "he": {"he": "עברית"},
}  # fmt: skip
FALLBACK_PROMPTS = "en"
MAX_FAQ_TOKENS = 4_000
"""As many frequent questions are in every prompt; of more, those that fit what was asked."""
MAX_CHOSEN_FAQ_TOKENS = 1_500
MAX_QUOTED_CHARS = 300


def build_system_message(
    tenant: Tenant,
    *,
    now: datetime,
    has_tools: bool,
    asked: str = "",
    summary: str = "",
    visitor: VisitorDetails | None = None,
) -> ChatMessage:
    """Return the system message for ``tenant``, in the tenant's language where there are prompts.

    What changes least stands first, so that a provider's prompt cache can hold it. What is of this
    conversation or of this moment is last and outside ``stable_chars``.

    Args:
        tenant: Whose assistant speaks.
        now: The present moment in the tenant's time zone.
        has_tools: Whether the tenant has tools switched on.
        asked: What the visitor wrote last, by which questions are chosen when there are many.
        summary: What was said before the messages that follow.
        visitor: What the visitor told of themselves.
    """
    prompts = _Prompts(choose_prompts(tenant.language))
    beginning, has_all = _build_stable(_Shop(tenant, has_tools))
    chosen = (
        []
        if has_all or not asked
        else _index_faqs(_Shop(tenant, has_tools)).select(asked, max_tokens=MAX_CHOSEN_FAQ_TOKENS)
    )
    weekday = load_words(prompts.language).weekday_names[now.weekday()]
    moving = [
        prompts.fill("questions", questions=_write_faqs(chosen, prompts.titles)) if chosen else "",
        prompts.fill("summary", summary=summary) if summary else "",
        prompts.fill("visitor", details=_quote(visitor)) if visitor is not None else "",
        prompts.fill("now", now=f"{weekday}, {now:%Y-%m-%d %H:%M}", time_zone=tenant.time_zone),
    ]
    content = f"{beginning}\n\n{_join(moving)}"
    return ChatMessage(role="system", content=content, stable_chars=len(beginning))


class _Shop:
    """A tenant as it was at its last change, by which its part of the prompt is remembered."""

    def __init__(self, tenant: Tenant, has_tools: bool) -> None:
        self.tenant = tenant
        self.has_tools = has_tools
        self._key = (tenant.id, tenant.updated_at, has_tools)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shop) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=16)
def _index_faqs(shop: _Shop) -> FaqIndex:
    return FaqIndex(shop.tenant.business_info.faqs)


@lru_cache(maxsize=256)
def _build_stable(shop: _Shop) -> tuple[str, bool]:
    """Return what is the same in all conversations, and whether it has all frequent questions."""
    tenant = shop.tenant
    prompts = _Prompts(choose_prompts(tenant.language))
    info = tenant.business_info
    has_all = _count_faq_tokens(info.faqs) <= MAX_FAQ_TOKENS
    tone = f"{prompts.titles['tone']} {tenant.agent.tone}" if tenant.agent.tone else ""
    base = base_language(tenant.language)
    facts = build_facts(info, prompts.titles, has_faqs=has_all)
    instructions = info.instructions.strip()
    stable = [
        prompts.fill("base", shop_name=tenant.name),
        prompts.fill("personality", tone=tone),
        prompts.fill("tools") if shop.has_tools else "",
        prompts.fill(
            "language", language_name=_LANGUAGE_NAMES[prompts.language].get(base, tenant.language)
        ),
        prompts.fill("business", shop_name=tenant.name, facts=facts) if facts else "",
        prompts.fill("tenant", shop_name=tenant.name, instructions=instructions)
        if instructions
        else "",
    ]
    return _join(stable), has_all


def _quote(visitor: VisitorDetails) -> str:
    """Return what the visitor told as JSON, in which no text can pass for a line of ours."""
    return msgspec.json.encode(visitor).decode()


def add_correction(system: ChatMessage, claim: str, *, shown: str, language: str) -> ChatMessage:
    """Return the system message for a second try, after a claim that nothing proves.

    Args:
        system: The turn's system message.
        claim: The sentence that was held back.
        shown: What of the first try the visitor has read.
        language: In which it was asked.
    """
    prompts = _Prompts(choose_prompts(language))
    read = prompts.fill("claim_shown", shown=shown).strip() if shown else ""
    quoted = " ".join(claim.split())[:MAX_QUOTED_CHARS]
    correction = prompts.fill("claim", claim=quoted, read=read).strip()
    return msgspec.structs.replace(system, content=f"{system.content}\n\n{correction}")


def choose_prompts(language: str) -> str:
    """Return the language of the prompts for a tenant's language."""
    base = base_language(language)
    return base if base in _LANGUAGE_NAMES else FALLBACK_PROMPTS


def build_facts(info: BusinessInfo, titles: Mapping[str, str], *, has_faqs: bool = True) -> str:
    """Return the business information as Markdown, empty when there is none."""
    sections: list[str] = []
    if info.about.strip():
        sections.append(info.about.strip())
    for title, entries in (
        (titles["contact"], info.contact),
        (titles["hours"], info.hours),
        (titles["policies"], info.policies),
    ):
        if entries:
            lines = [f"- {key}: {_plain(value)}" for key, value in entries.items()]
            sections.append("\n".join([f"### {title}", *lines]))
    if info.faqs and has_faqs:
        sections.append(f"### {titles['questions']}\n\n{_write_faqs(info.faqs, titles)}")
    return "\n\n".join(sections)


def _write_faqs(faqs: Sequence[Faq], titles: Mapping[str, str]) -> str:
    question, answer = titles["question"], titles["answer"]
    return "\n\n".join(f"{question} {faq.question}\n{answer} {faq.answer}" for faq in faqs)


def _count_faq_tokens(faqs: Sequence[Faq]) -> int:
    return sum(estimate_tokens(faq.question) + estimate_tokens(faq.answer) for faq in faqs)


def _plain(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and set(value) == {"open", "close"}:
        return f"{value['open']}–{value['close']}"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def _join(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())


class _Prompts:
    """The files of one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    @property
    def titles(self) -> Mapping[str, str]:
        return load_titles(self.language)

    def fill(self, name: str, **values: str) -> str:
        return _template(self.language, name).substitute(values)


@cache
def load_titles(language: str) -> Mapping[str, str]:
    """Return the headings of the business information in a language that has prompts."""
    return tomllib.loads(_read(language, "titles.toml"))


@cache
def _template(language: str, name: str) -> Template:
    return Template(_read(language, f"{name}.md"))


def _read(language: str, name: str) -> str:
    return files("appliance.agent").joinpath("prompts", language, name).read_text(encoding="utf-8")
