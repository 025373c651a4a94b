from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.workflows.field_paths import MISSING, read_path, remove_path, set_path, split_path


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ["a"]),
        ("a.b", ["a", "b"]),
        ("a.b[0].c", ["a", "b", 0, "c"]),
        ('a["b c"].d', ["a", "b c", "d"]),
        ("", [""]),
    ],
)
def test_splits_a_path(path, parts):
    assert split_path(path) == parts


def test_reads_nested_values_and_says_what_is_missing():
    source = {"a": {"b": [10, {"c": 5}]}, "x.y": 1}
    assert read_path(source, "a.b[1].c") == 5
    assert read_path(source, "x.y") == 1
    assert read_path(source, "a.b.0") == 10
    assert read_path(source, "a.b[9]") is MISSING
    assert read_path(source, "a.b", is_nested=False) is MISSING


def test_sets_what_is_not_there_yet():
    target = {"a": 1}
    set_path(target, "a.b", 2)
    set_path(target, "list[1].x", 3)
    set_path(target, "p.q", 4, is_nested=False)
    assert target == {"a": {"b": 2}, "list": [None, {"x": 3}], "p.q": 4}


def test_an_absurd_index_makes_no_absurd_list():
    target = {}
    set_path(target, "a[999999999]", 1)
    assert target == {"a": []}


def test_a_path_of_more_than_a_hundred_parts_is_refused():
    target = {}
    set_path(target, ".".join("a" * 100), 1)
    assert read_path(target, ".".join("a" * 100)) == 1
    for path in (".".join("a" * 101), "a" + "[0]" * 100):
        for work in (split_path, lambda path: set_path({}, path, 1)):
            with pytest.raises(Rejected, match=r"the field 'a.* has more than 100 parts"):
                work(path)


def test_removes_nested_values():
    target = {"a": {"b": 1, "c": 2}, "x.y": 1}
    remove_path(target, "a.b")
    remove_path(target, "x.y")
    remove_path(target, "no.such.path")
    assert target == {"a": {"c": 2}}
