"""A stand-in for a language model that always does the obvious.

Owns picking a tool by its words and filling its arguments from the visitor's sentences; how that
travels is left to ``ollama_server``. Deterministic, so that browser tests can rely on it.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from appliance.tool_spelling.result_fence import CLOSING, OPENING

WORD = re.compile(r"[\w']+")
MIN_SCORE = 2
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are at can could do does for from have i in is it me my of on or the there this "
        "to use we what when where which with would you your visitor say example",
    )
)
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
RELATIVE_DAYS = {"today": 0, "tonight": 0, "tomorrow": 1, "היום": 0, "הערב": 0, "מחר": 1}
TIME = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d\b")
NUMBER = re.compile(r"(?<![\d:-])\d+(?![\d:-])")
EMAIL = re.compile(r"\S+@\S+\.\w+")
NAME = re.compile(
    r"(?:name is|under the name|for|בשם|על שם)\s+((?:[A-Z]\w+\s?)+|[א-ת]+(?: [א-ת]+)?)"
)
SUBJECT = re.compile(
    r"(?:have|sell|stock|offer|about|any|much is|does the|יש לכם|כמה עולה|יש עוד)\s+(.+)$",
    re.IGNORECASE,
)
ASKING = "Please tell me: "
PREFIX_CHARS = 4


class ObedientModel:
    """Answers a chat request the way a willing but simple model would."""

    def answer(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """Return the pieces of text and the tool calls of the answer."""
        last = messages[-1]
        if last["role"] == "tool":
            found = last["content"].removeprefix(OPENING).removesuffix(CLOSING)
            return split_words(f"Here is what I found: {found}"), []
        said, asked_for = read_request(messages)
        tool = pick_tool(" ".join(said), [tool["function"] for tool in tools])
        if tool is None:
            return split_words(read_aloud(said[-1], messages[0]["content"])), []
        schema = tool["parameters"]
        arguments = fill_arguments(" ".join(said), schema, read_today(messages[0]["content"]))
        if asked_for in schema.get("required", []):
            arguments.setdefault(asked_for, said[-1].strip())
        missing = [name for name in schema.get("required", []) if name not in arguments]
        if missing:
            return split_words(f"{ASKING}{missing[0]}."), []
        return [], [{"name": tool["name"], "arguments": arguments}]


def split_words(text: str) -> list[str]:
    """Return ``text`` in pieces about the size of tokens."""
    return re.findall(r"\s*\S+|\s+$", text)


def read_request(messages: list[dict[str, Any]]) -> tuple[list[str], str]:
    """Return what the visitor said for this request, and the detail they were asked for last."""
    said: list[str] = []
    asked_for = ""
    for message in reversed(messages):
        content = message["content"]
        if message["role"] == "user":
            said.insert(0, content)
        elif message["role"] == "assistant" and content.startswith(ASKING):
            asked_for = asked_for or content.removeprefix(ASKING).rstrip(".")
        else:
            break
    return said or [""], asked_for


def words_of(text: str) -> set[str]:
    """Return the words that carry meaning, without a plural's s."""
    words = {word.casefold() for word in WORD.findall(text.replace("_", " "))}
    return {word.removesuffix("s") if len(word) > 3 else word for word in words - STOP_WORDS}


def pick_tool(question: str, functions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the function that shares the most words with ``question``, if any fits."""
    asked = words_of(question)

    def score(function: dict[str, Any]) -> int:
        in_name = len(asked & words_of(function["name"]))
        return 2 * in_name + len(asked & words_of(function.get("description", "")))

    best = max(functions, key=score, default=None)
    return best if best is not None and score(best) >= MIN_SCORE else None


def read_today(system: str) -> date:
    """Return the first date in the system message, which says what day it is."""
    match = DATE.search(system)
    return date.fromisoformat(match[0]) if match else date(2026, 11, 20)


def fill_arguments(text: str, schema: dict[str, Any], today: date) -> dict[str, Any]:
    """Return the required arguments that can be read from ``text``."""
    found: dict[str, Any] = {}
    for name in schema.get("required", []):
        value = read_value(text, name, schema["properties"].get(name, {}), today)
        if value is not None:
            found[name] = value
    return found


def read_value(text: str, name: str, field: dict[str, Any], today: date) -> Any:
    """Return one argument, or ``None`` when the text does not hold it."""
    wanted = words_of(name)
    if "enum" in field:
        return next((v for v in field["enum"] if str(v).lower() in text.lower()), None)
    if field.get("type") in ("integer", "number"):
        return int(match[0]) if (match := NUMBER.search(text)) else None
    if "date" in wanted:
        return read_date(text, today)
    if "time" in wanted:
        return match[0].zfill(5) if (match := TIME.search(text)) else None
    if "name" in wanted:
        return match[1].strip() if (match := NAME.search(text)) else None
    if "email" in wanted:
        return match[0] if (match := EMAIL.search(text)) else None
    if wanted & {"order", "number", "id", "code", "phone"}:
        return match[0] if (match := NUMBER.search(text)) else None
    match = SUBJECT.search(re.sub(r"[?.!]+$", "", text.strip()))
    return re.sub(r"\s+(?:in stock|cost|available)$", "", match[1]) if match else None


def read_date(text: str, today: date) -> str | None:
    """Return the day that ``text`` names, as YYYY-MM-DD."""
    if match := DATE.search(text):
        return match[0]
    words = {word.casefold() for word in WORD.findall(text)}
    for word, days in RELATIVE_DAYS.items():
        if word in words or f"ל{word}" in words:
            return (today + timedelta(days=days)).isoformat()
    return None


def read_aloud(question: str, system: str) -> str:
    """Return the paragraph of the shop's information that is most about ``question``."""

    def prefixes(text: str) -> set[str]:
        return {word[:PREFIX_CHARS] for word in words_of(text) if len(word) >= PREFIX_CHARS}

    asked = prefixes(question)
    _, _, facts = system.partition("## Business information")
    paragraphs = facts.split("\n## ")[0].split("\n\n")
    best = max(paragraphs, key=lambda paragraph: len(asked & prefixes(paragraph)))
    if not asked & prefixes(best):
        return f"You said: {question}"
    return best.strip().removeprefix("### ").partition("\nA: ")[2] or best.strip("\n #")
