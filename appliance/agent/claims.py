"""Sentences that say something was done, and what would prove them.

Owns finding such claims in English and Hebrew, and which tools and results bear them out; the
phrases are data (``claims.toml``). What happens with a claim that nothing proves is left to
``appliance.agent.claim_guard`` and ``appliance.agent.loop``. See docs/adr/0021.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from appliance.agent.plain_text import find_place, read_plain
from appliance.domain.json_types import JsonValue
from appliance.domain.tool import TenantTool
from appliance.wording import load_words

_NUMBER = re.compile(r"(?<![\w-])[\w-]*\d[\w-]*")
_WORD = re.compile(r"[^\W\d_]+")
_MARK, _JOINT = "\ue000", "_"
_MARKED = re.compile(rf"{_MARK}([\w-]+)")
_HARD = frozenset(("cancel", "refund", "remove"))
"""Actions that only a tool of their own kind proves; others, any that changes something."""


class Claim(Struct, frozen=True, kw_only=True):
    """A sentence that says something was done.

    ``actions`` are the kinds of what it says. ``is_own``: the assistant says that of itself.
    ``is_vague``: it says no more than that all is done.
    """

    sentence: str
    actions: frozenset[str]
    is_own: bool = False
    is_vague: bool = False


class _Language(Struct, frozen=True, kw_only=True):
    letters: re.Pattern[str]
    verb: re.Pattern[str]
    own: tuple[re.Pattern[str], ...]
    told: tuple[re.Pattern[str], ...]
    vague: tuple[re.Pattern[str], ...]
    unreal: re.Pattern[str]
    unreal_own: re.Pattern[str]
    general: re.Pattern[str]
    cue: re.Pattern[str]
    first_words: frozenset[str]
    ignored: re.Pattern[str]

    def may_claim(self, text: str) -> bool:
        """Say quickly whether ``text`` has a word that a claim begins with."""
        words = self.first_words
        return not words or not words.isdisjoint(_WORD.findall(text.casefold()))


def find_claim(sentence: str) -> Claim | None:
    """Return what ``sentence`` claims was done, or ``None``."""
    readings = dict.fromkeys((read_plain(sentence), read_plain(sentence, keeps_emoji=True)))
    pairs = [(text, language) for text in readings for language in _languages_of(text)]
    for text, language in pairs:
        if any(pattern.search(text) for pattern in language.vague):
            return Claim(sentence=sentence.strip(), actions=frozenset(), is_vague=True)
    for text, language in pairs:
        if not language.may_claim(text):
            continue
        for match, is_own in _matches(text, language):
            actions = _name_actions(match[0])
            return Claim(sentence=sentence.strip(), actions=actions, is_own=is_own)
    return None


def find_cue(text: str) -> int | None:
    """Return where a claim could begin in ``text``, the first whole words of a sentence."""
    plain = read_plain(text)
    languages = (language for language in _languages_of(plain) if language.may_claim(plain))
    found = (language.cue.search(plain) for language in languages)
    first = min((match.start() for match in found if match), default=None)
    return None if first is None else find_place(text, first)


def is_proven(
    claim: Claim,
    *,
    written: Iterable[TenantTool | str],
    results: Iterable[str],
    earlier: Iterable[str] = (),
) -> bool:
    """Say whether what happened bears ``claim`` out.

    Args:
        claim: What is said.
        written: The tools that changed something in this conversation, by name where no longer
            known.
        results: What tools returned in this turn, as the model read it.
        earlier: What they returned in earlier turns that the model still reads. It bears out only
            what is said of a thing by its number, and not of the assistant itself.
    """
    texts = list(results)
    kinds = [_name_kind(tool) for tool in written]
    if claim.is_vague:
        return bool(texts or kinds)
    if any(_is_of_kind(action, kind) for action in claim.actions for kind in kinds):
        return True
    if claim.is_own or not claim.actions:
        return bool(kinds) and not claim.actions
    numbers = _NUMBER.findall(read_plain(claim.sentence))
    if numbers:
        texts += [text for text in earlier if all(n in read_plain(text) for n in numbers)]
    said = frozenset(word for text in texts for word in _words_of_result(text))
    return all(said & _said_words(action) for action in claim.actions)


def _matches(text: str, language: _Language) -> Iterable[tuple[re.Match[str], bool]]:
    text = language.verb.sub(_mark, language.ignored.sub("", text))
    for is_own, patterns in ((True, language.own), (False, language.told)):
        unreal = language.unreal_own if is_own else language.unreal
        for pattern in patterns:
            for match in pattern.finditer(text):
                before = text[: match.start()]
                is_rule = not is_own and language.general.search(text)
                if not is_rule and not (unreal.pattern and unreal.search(before)):
                    yield match, is_own


def _mark(match: re.Match[str]) -> str:
    """Return a verb that a claim may be made of as one marked word, which patterns look for."""
    return f"{match[1]}{_MARK}{match[2].replace(' ', _JOINT)}"


def _is_of_kind(action: str, kind: str | None) -> bool:
    if kind is None or action == kind:
        return True
    if {action, kind} == {"cancel", "remove"}:
        return True
    return action not in _HARD and (kind not in _HARD or action in ("send", "complete"))


def _name_actions(text: str) -> frozenset[str]:
    """Return the kinds of what a matched text says was done, by its verbs, else by any word."""
    said = {_actions_by_form().get(form) for form in _MARKED.findall(text)}
    found = said or {_first_kind(word) for word in text.split()}
    return frozenset(action for action in found if action is not None)


def _name_kind(tool: TenantTool | str) -> str | None:
    """Return the kind of action of a tool by its name, else by its description."""
    if isinstance(tool, str):
        return _first_kind(tool)
    return _first_kind(tool.tool.tool_name) or _first_kind(tool.tool.description)


def _first_kind(text: str) -> str | None:
    for word in _WORD.findall(text.replace("_", " ").casefold()):
        for action, stems in _tool_stems().items():
            if word.startswith(stems):
                return action
    return None


def _words_of_result(text: str) -> Iterable[str]:
    """Yield the words by which a result says that something is so: its values, and true flags."""
    try:
        value: JsonValue = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = text
    yield from _words_of_value(value)


def _words_of_value(value: JsonValue) -> Iterable[str]:
    if isinstance(value, str):
        yield from _WORD.findall(read_plain(value.replace("_", " ")))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if part is True or (isinstance(part, str) and key.endswith(("_at", "_on"))):
                yield from _WORD.findall(str(key).replace("_", " ").casefold())
            yield from _words_of_value(part)
    elif isinstance(value, list):
        for part in value:
            yield from _words_of_value(part)


@lru_cache(maxsize=1)
def _book() -> dict[str, Any]:
    raw = files("appliance.agent").joinpath("claims.toml").read_text(encoding="utf-8")
    return tomllib.loads(raw)


@lru_cache(maxsize=1)
def _tool_stems() -> dict[str, tuple[str, ...]]:
    return {name: tuple(action["tools"]) for name, action in _book()["actions"].items()}


@lru_cache(maxsize=32)
def _said_words(action: str) -> frozenset[str]:
    said = _book()["actions"][action]["said"]
    return frozenset(word for forms in said.values() for form in forms for word in form.split())


@lru_cache(maxsize=1)
def _actions_by_form() -> dict[str, str]:
    return {
        form.replace(" ", _JOINT): name
        for name, action in _book()["actions"].items()
        for forms in action["said"].values()
        for form in forms
    }


def _languages_of(text: str) -> list[_Language]:
    """Return the languages of whose letters the text has any."""
    return [language for language in _languages() if language.letters.search(text)]


@lru_cache(maxsize=1)
def _languages() -> tuple[_Language, ...]:
    return tuple(_read_language(tag) for tag in _book()["languages"])


def _read_language(tag: str) -> _Language:
    raw = _book()["languages"][tag]
    forms = [form for action in _book()["actions"].values() for form in action["said"][tag]]
    verbs = _join(forms)
    subjects, openers = raw["subjects"], raw["openers"]
    firsts = (*subjects, *openers, *raw["things"], *forms) if subjects else ()

    def fill(pattern: str, verb: str = rf"{_MARK}[\w-]+") -> re.Pattern[str]:
        things = "|".join(raw["things"])
        filled = pattern.replace("{verb}", verb).replace("{thing}", things)
        filled = filled.replace("{mark}", _MARK)
        filled = filled.replace("{subject}", "|".join(subjects))
        filled = filled.replace("{opener}", "|".join(openers))
        return re.compile(filled.replace("{after}", raw["after"]), re.IGNORECASE)

    return _Language(
        letters=re.compile(f"[{load_words(tag).letters}]", re.IGNORECASE),
        verb=re.compile(rf"(?<![\w\"'])({raw['prefix']})({verbs})(?![\w\"'])"),
        own=tuple(map(fill, raw["active"])),
        told=tuple(map(fill, raw["passive"])),
        vague=tuple(re.compile(pattern) for pattern in raw["vague"]),
        unreal=fill(raw["unreal"]),
        unreal_own=fill(raw["unreal_active"] or raw["unreal"]),
        general=fill(raw["general"]),
        cue=fill(raw["cue"], f"(?:{verbs})"),
        first_words=frozenset(_WORD.findall(phrase)[0] for phrase in firsts),
        ignored=fill(raw["ignored"]),
    )


def _join(forms: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, forms), key=len, reverse=True))
