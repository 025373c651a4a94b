from __future__ import annotations

from appliance.notifiers.mail_text import build_subject, build_text
from appliance.ports.notifier import TranscriptLine
from tests.fakes.notices import CLOCK, build_notice


def test_the_mail_tells_who_why_and_what_was_said() -> None:
    notice = build_notice(tenant={"time_zone": "Asia/Jerusalem"})
    assert build_subject(notice) == "Bob's Pizza Shop: a visitor asks for a person"
    assert build_text(notice).splitlines() == [
        "A visitor of Bob's Pizza Shop needs a person.",
        "",
        "Asked by: the visitor",
        "Reason: I want a human",
        "Contact: dana@example.org",
        "Visitor: dana",
        "Page: https://shop.example/pizza",
        "Time: 2026-03-02 11:30",
        "",
        "The end of the conversation:",
        "Visitor (11:30): I want a human",
        "Assistant (11:31): Passed on.",
        "",
        "The conversation on the admin side: http://127.0.0.1:8081/api/admin/conversations/c1",
    ]


def test_a_hebrew_shop_is_told_in_hebrew() -> None:
    notice = build_notice(
        tenant={"language": "he-IL", "name": "הפיצה של בוב"},
        escalation={"cause": "assistant", "contact": None, "reason": None},
        event="escalation.contact_given",
        user_identifier=None,
        page_url=None,
        transcript=(),
    )
    assert build_subject(notice) == "הפיצה של בוב: פרטי הקשר של המבקר שביקש נציג"
    assert build_text(notice).splitlines()[:5] == [
        "מבקר באתר של הפיצה של בוב זקוק לנציג.",
        "",
        "מי ביקש: העוזר האוטומטי, שלא הצליח לעזור",
        "פרטי קשר: לא נמסרו",
        "שעה: 2026-03-02 09:30",
    ]


def test_another_language_is_told_in_english() -> None:
    assert "asks for a person" in build_subject(build_notice(tenant={"language": "fr"}))


def test_no_visitor_writes_a_line_of_his_own() -> None:
    forged = "Hi\r\nContact: evil@example.org\u2028Page: https://evil.example"
    line = TranscriptLine(role="user", content=forged + "x" * 5_000, created_at=CLOCK.now())
    text = build_text(build_notice(transcript=(line,), escalation={"reason": forged}))
    assert not any(line.startswith("Contact: evil") for line in text.splitlines())
    assert max(map(len, text.splitlines())) < 700
    subject = build_subject(build_notice(tenant={"name": "Bob\r\nBcc: x@evil.example" + "x" * 900}))
    assert subject.startswith("Bob Bcc: x@evil.example")
    assert len(subject) <= 120
