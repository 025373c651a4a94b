from __future__ import annotations

from appliance.providers.call_ids import CallIds


def test_a_model_s_own_id_is_kept() -> None:
    assert CallIds(["a"]).take("b") == "b"


def test_an_id_that_is_missing_or_taken_is_replaced_by_a_new_one() -> None:
    ids = CallIds(["a"])
    taken = [ids.take("a"), ids.take("b"), ids.take("b"), ids.take(""), ids.take("")]
    assert len({*taken, "a"}) == 6
    assert all(taken)
