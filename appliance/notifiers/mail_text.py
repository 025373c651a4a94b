"""The words of an e-mail to a shop, in the shop's language.

Owns subject and body as plain text; sending it is left to ``smtp``.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from appliance.ports.notifier import Notice
from appliance.wording import FALLBACK_LANGUAGE, base_tag

MAX_LINE_LENGTH = 600
MAX_SUBJECT_LENGTH = 120

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def build_subject(notice: Notice) -> str:
    """Return the subject: one line, whatever the shop is called."""
    texts = _texts_for(notice.tenant.language)
    subject = texts[_name_event(notice)].replace("{shop}", notice.tenant.name)
    return _BLANKS.sub(" ", subject).strip()[:MAX_SUBJECT_LENGTH]


def build_text(notice: Notice) -> str:
    """Return the body: what is known of the visitor, the end of the conversation, where it is."""
    texts = _texts_for(notice.tenant.language)
    escalation = notice.escalation
    zone = ZoneInfo(notice.tenant.time_zone)
    facts = (
        ("cause", texts[f"cause_{escalation.cause}"]),
        ("reason", escalation.reason),
        ("contact", escalation.contact or texts["no_contact"]),
        ("visitor", notice.user_identifier),
        ("page", notice.page_url),
        ("time", f"{escalation.requested_at.astimezone(zone):%Y-%m-%d %H:%M}"),
    )
    lines = [f"{texts[name]}: {_one_line(value)}" for name, value in facts if value]
    said = [
        f"{texts[line.role]} ({line.created_at.astimezone(zone):%H:%M}): {_one_line(line.content)}"
        for line in notice.transcript
    ]
    parts = [
        texts["opening"].replace("{shop}", _one_line(notice.tenant.name)),
        "\n".join(lines),
        "\n".join([texts["transcript"], *said]) if said else "",
        f"{texts['conversation']}: {notice.conversation_url}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _name_event(notice: Notice) -> str:
    return "subject" if notice.event == "escalation.requested" else "subject_contact"


def _one_line(text: str) -> str:
    """Return ``text`` on one line, so that no visitor can write lines that look like ours."""
    line = _BLANKS.sub(" ", text).strip()
    return line if len(line) <= MAX_LINE_LENGTH else f"{line[:MAX_LINE_LENGTH]}…"


@lru_cache(maxsize=16)
def _texts_for(language: str) -> dict[str, str]:
    folder = files("appliance.notifiers").joinpath("texts")
    wanted = folder.joinpath(f"{base_tag(language)}.toml")
    path = wanted if wanted.is_file() else folder.joinpath(f"{FALLBACK_LANGUAGE}.toml")
    return dict(tomllib.loads(path.read_text(encoding="utf-8")))
