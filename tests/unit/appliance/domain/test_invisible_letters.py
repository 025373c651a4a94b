from __future__ import annotations

import pytest

from appliance.domain.invisible_letters import strip_invisible


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain", "plain"),
        ("\u202elive\u202c", "live"),
        ("\u200fדנה\u200e \u2067לוי\u2069", "דנה לוי"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_only_what_nobody_sees_goes(text: str, left: str) -> None:
    assert strip_invisible(text) == left
