"""A stand-in for a language model that always does the obvious.

Owns picking a tool by its words and filling its arguments from the visitor's sentence; how that
travels is left to ``ollama_server``. Deterministic, so that browser tests can rely on it.
"""

from __future__ import annotations

import re
from typing import Any

WORD = re.compile(r"[\w']+")
MIN_SCORE = 2
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are at can could do for from have i in is it me my of on or the this to use we "
        "what when where which with would you your",
    )
)
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\btoday\b|\btomorrow\b|מחר|היום", re.IGNORECASE)
TIME = re.compile(r"\b([01]?\d|2[0-3]):[0-5]\d\b")
NUMBER = re.compile(r"\b\d+\b")
EMAIL = re.compile(r"\S+@\S+\.\w+")


class ObedientModel:
    """Answers a chat request the way a willing but simple model would."""

    def answer(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """Return the pieces of text and the tool calls of the answer."""
        last = messages[-1]
        if last["role"] == "tool":
            return split_words(f"Here is what I found: {last['content']}"), []
        said = [message["content"] for message in messages if message["role"] == "user"]
        question = said[-1] if said else ""
        tool = pick_tool(question, [tool["function"] for tool in tools])
        if tool is None:
            return split_words(f"You said: {question}"), []
        arguments = fill_arguments(question, tool["parameters"])
        missing = [name for name in tool["parameters"].get("required", []) if name not in arguments]
        if missing:
            return split_words(f"Please tell me: {', '.join(missing)}."), []
        return [], [{"name": tool["name"], "arguments": arguments}]


def split_words(text: str) -> list[str]:
    """Return ``text`` in pieces about the size of tokens."""
    return re.findall(r"\s*\S+|\s+$", text)


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


def fill_arguments(question: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that can be read from ``question``."""
    found: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        value = read_value(question, name, field)
        if value is not None:
            found[name] = value
    return found


def read_value(question: str, name: str, field: dict[str, Any]) -> Any:
    """Return one argument, or ``None`` when the question does not hold it."""
    kinds = field.get("type", "string")
    kind = kinds if isinstance(kinds, str) else next(k for k in kinds if k != "null")
    wanted = words_of(name)
    if "enum" in field:
        return next((v for v in field["enum"] if str(v).lower() in question.lower()), None)
    if kind in ("integer", "number"):
        bare = TIME.sub(" ", DATE.sub(" ", question))
        return int(match[0]) if (match := NUMBER.search(bare)) else None
    if kind == "boolean":
        return None
    if field.get("format") == "date" or "date" in wanted:
        return match[0] if (match := DATE.search(question)) else None
    if field.get("format") == "time" or "time" in wanted:
        return match[0] if (match := TIME.search(question)) else None
    if "email" in wanted:
        return match[0] if (match := EMAIL.search(question)) else None
    if wanted & {"order", "number", "id", "code", "phone"}:
        return match[0] if (match := NUMBER.search(question)) else None
    return read_subject(question)


def read_subject(question: str) -> str | None:
    """Return what the sentence is about: its words behind the last verb-like opening."""
    cleaned = re.sub(r"[?.!]+$", "", question.strip())
    match = re.search(r"(?:have|sell|stock|offer|buy|about|of|for|any)\s+(.+)$", cleaned, re.I)
    return match[1].strip() if match else None
