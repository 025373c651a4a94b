from __future__ import annotations

import pytest

from appliance.domain.secrets import hide, is_hidden, mask_known, mask_text


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("Bearer sesame-1 and more", "Bearer [redacted] and more"),
        ({"sesame-1": [{"deep": "xsesame-1x"}]}, {"[redacted]": [{"deep": "x[redacted]x"}]}),
        ([1, None, True, "plain"], [1, None, True, "plain"]),
    ],
)
def test_known_secrets_are_taken_out_wherever_they_stand(value, masked):
    assert mask_known(value, ["sesame-1", "key"]) == masked


def test_the_longest_is_taken_out_first_and_short_words_stay():
    assert mask_known("abcdef-ghijkl", ["abcdef", "abcdef-ghijkl"]) == "[redacted]"
    assert mask_known("the key is on the table", ["key"]) == "the key is on the table"


def test_no_text_stays_none():
    assert mask_text(None, ["sesame-1"]) is None
    assert mask_text("sesame-1", {"sesame-1"}) == "[redacted]"


@pytest.mark.parametrize("secret", [None, "", "short", "a-secret-of-some-length"])
def test_what_was_hidden_is_known_again(secret):
    hidden = hide(secret)
    assert is_hidden(hidden)
    assert secret is None or len(secret) < 12 or secret not in str(hidden)
