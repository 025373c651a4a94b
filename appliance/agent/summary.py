"""What was said before the window that a model reads, in short.

Owns the digest: a line for each turn, made by rule and not by a model, so that it costs nothing,
holds no one up and makes nothing up. When it grows too long the oldest lines go, those without an
action first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from appliance.domain.message import SERVER_SENTENCES, StoredMessage
from appliance.domain.tool_failures import says_undone

MAX_CHARS = 2_400
_SAID_CHARS = 160
_DONE = " | did: "


def extend_summary(before: str, turns: Sequence[Sequence[StoredMessage]]) -> str:
    """Return the digest ``before`` with a line for each of ``turns``, which followed it."""
    lines = before.splitlines() + [line for turn in turns if (line := _write_turn(turn))]
    while sum(len(line) + 1 for line in lines) > MAX_CHARS:
        plain = (number for number, line in enumerate(lines) if _DONE not in line)
        del lines[next(plain, 0)]
    return "\n".join(lines)


def _write_turn(turn: Sequence[StoredMessage]) -> str:
    """Return a turn as one line, every text of it quoted so that it stays one."""
    asked = " ".join(message.content for message in turn if message.role == "user")
    answers = [m.content for m in turn if m.role in ("assistant", "agent") and m.content]
    not_done = {
        message.tool_call_id for message in turn if message.role == "tool" and _is_undone(message)
    }
    done = [
        f"{call.name} {json.dumps(call.arguments, ensure_ascii=False)}"
        for message in turn
        for call in message.tool_calls
        if call.id not in not_done
    ]
    if not asked and not answers:
        return ""
    line = f"- visitor: {_quote(asked)}"
    if answers:
        line += f" | assistant: {_quote(answers[-1])}"
    if done:
        line += _DONE + _quote("; ".join(done))
    return line


def _is_undone(message: StoredMessage) -> bool:
    """Say whether a tool message tells that nothing was done."""
    if message.is_error or message.content in SERVER_SENTENCES:
        return True
    try:
        return says_undone(json.loads(message.content))
    except (ValueError, RecursionError):
        return False


def _quote(text: str) -> str:
    plain = " ".join(text.split())
    short = plain if len(plain) <= _SAID_CHARS else plain[: _SAID_CHARS - 1] + "…"
    return json.dumps(short.replace(_DONE.strip(), ""), ensure_ascii=False)
