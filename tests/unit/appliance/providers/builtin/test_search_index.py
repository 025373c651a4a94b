from __future__ import annotations

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.search_index import SearchIndex, Term, document_keys, query_terms
from tests.unit.appliance.providers.builtin.reading import read

TITLES = ["Is there parking?", "Is there bicycle parking?", "Do you ship hamsters abroad?"]
INDEX = SearchIndex([dict.fromkeys(document_keys(read_text(title)), 1.0) for title in TITLES])


def best(text: str) -> tuple[int, float] | None:
    found = INDEX.search(query_terms(read(text)))
    return (found[0].document, found[0].coverage) if found else None


def test_the_document_that_is_about_just_this_wins() -> None:
    assert best("parking?") == (0, 1.0)
    assert best("where is the bicycle parking") == (1, 1.0)


def test_unknown_words_lower_the_coverage() -> None:
    found = best("parking for zeppelins")
    assert found is not None
    assert found[1] < 0.5


def test_synonyms_count_a_little_less() -> None:
    found = best("international delivery of hamsters")
    assert found is not None
    assert found[0] == 2
    assert 0.8 < found[1] < 1.0


def test_nothing_in_common_is_nothing_found() -> None:
    assert best("zeppelins") is None
    assert INDEX.search([]) == []


def test_rare_words_weigh_more() -> None:
    assert INDEX.idf("hamster") > INDEX.idf("park")
    assert INDEX.idf("zeppelin") > INDEX.idf("hamster")
    known, light = Term((("park", 1.0),)), Term((("park", 1.0),), weight=0.3)
    assert INDEX.weigh(light) < INDEX.weigh(known)


def test_a_phrase_counts_only_for_documents_that_have_it() -> None:
    terms = query_terms(read("do you have parking"))
    assert [term.is_bonus for term in terms] == [False, True]
    assert INDEX.factor(terms[0], 0) == 1.0
    assert INDEX.factor(terms[1], 0) == 0.0
    assert INDEX.has_key(0, "park")
    assert not INDEX.has_key(2, "park")
