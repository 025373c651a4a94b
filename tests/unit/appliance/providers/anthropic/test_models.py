from __future__ import annotations

import pytest

from appliance.providers.anthropic.models import ModelFacts, load_models, read_facts
from appliance.providers.anthropic.wire import Capabilities, EffortSupport, ModelEntry, Support


def test_the_default_model_is_one_that_is_known() -> None:
    book = load_models()
    assert book.default_model == "claude-haiku-5-5"
    assert set(book.models) == {
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-fable-5-1",
    }
    assert all(facts.context_length_tokens == 1_000_000 for facts in book.models.values())
    assert book.unknown.context_length_tokens == 200_000
    assert book.unknown.effort is None


@pytest.mark.parametrize(("wanted", "limit"), [(2_048, 3_048), (7_500, 8_000)])
def test_thinking_gets_room_beside_the_answer_up_to_the_models_limit(
    wanted: int, limit: int
) -> None:
    facts = ModelFacts(context_length_tokens=10_000, max_output_tokens=8_000, thinking_tokens=1_000)
    assert facts.output_limit(wanted) == limit


def test_a_model_that_says_what_it_can_is_believed() -> None:
    effort = Capabilities(effort=EffortSupport(low=Support(supported=True)))
    entry = ModelEntry(id="m", max_input_tokens=500_000, max_tokens=64_000, capabilities=effort)
    facts = read_facts(entry)
    assert (facts.context_length_tokens, facts.max_output_tokens) == (500_000, 64_000)
    assert facts.effort == "low"


@pytest.mark.parametrize("capabilities", [None, Capabilities(), Capabilities(EffortSupport())])
def test_a_model_that_says_nothing_gets_what_any_model_takes(
    capabilities: Capabilities | None,
) -> None:
    facts = read_facts(ModelEntry(id="m", capabilities=capabilities))
    assert facts == load_models().unknown
