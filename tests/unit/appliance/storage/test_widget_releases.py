from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from appliance.domain.widget_files import WidgetFiles
from appliance.errors import ConfigurationError
from appliance.storage.widget_releases import MAX_KEPT, load_widget_files


class Builds:
    """Builds of the widget, one after the other, and the folder that keeps them."""

    def __init__(self, folder: Path) -> None:
        self.dist = folder / "dist"
        self.kept = folder / "data" / "widget"
        self.number = 0

    def build(self, script: str) -> None:
        self.dist.mkdir(exist_ok=True)
        for path in self.dist.iterdir():
            path.unlink()
        (self.dist / "widget.js").write_text(script, encoding="utf-8")
        (self.dist / "widget.js.map").write_text("{}", encoding="utf-8")
        for end in (".js", ".js.map"):
            extras = self.dist / f"widget-extras.{name_of(script)[:8]}{end}"
            extras.write_text(f"extras of {script}", encoding="utf-8")

    def load(self) -> WidgetFiles:
        return load_widget_files(self.dist / "widget.js", self.kept)

    def release(self, script: str) -> WidgetFiles:
        """Build and serve a release, later than those before it."""
        self.build(script)
        loaded = self.load()
        self.number += 1
        os.utime(self.kept / name_of(script), ns=(self.number * 10**9, self.number * 10**9))
        return loaded


def name_of(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()[:16]


def contents(files: WidgetFiles) -> dict[str, str]:
    return {file.name: file.content.decode() for file in files.files}


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def test_a_build_is_served_under_its_names(builds: Builds) -> None:
    files = builds.release("one")
    digest = name_of("one")
    extras = f"widget-extras.{digest[:8]}"
    assert contents(files) == {
        "widget.js": "one",
        f"widget.{digest}.js": "one",
        f"{extras}.js": "extras of one",
        f"{extras}.js.map": "extras of one",
        "widget.js.map": "{}",
    }
    assert files.pinned_name == f"widget.{digest}.js"
    assert {file.name for file in files.files if not file.is_immutable} == {
        *("widget.js", "widget.js.map")
    }


def test_what_pages_hold_by_name_stays_after_an_upgrade(builds: Builds) -> None:
    builds.release("one")
    files = contents(builds.release("two"))
    assert files["widget.js"] == files[f"widget.{name_of('two')}.js"] == "two"
    assert files[f"widget.{name_of('one')}.js"] == "one"
    assert files[f"widget-extras.{name_of('one')[:8]}.js"] == "extras of one"


def test_as_many_releases_are_kept_as_were_served_last(builds: Builds) -> None:
    scripts = [f"release {number}" for number in range(MAX_KEPT + 3)]
    for script in scripts:
        builds.release(script)
    builds.release(scripts[4])
    files = contents(builds.release("newest"))
    kept = {script for script in scripts if f"widget.{name_of(script)}.js" in files}
    assert kept == {*scripts[-3:], scripts[4]}
    assert len(list(builds.kept.iterdir())) == MAX_KEPT


def test_what_is_not_what_its_name_says_is_not_served(builds: Builds) -> None:
    builds.release("one")
    release = builds.kept / name_of("one")
    (release / f"widget.{name_of('one')}.js").write_text("evil", encoding="utf-8")
    (release / "widget-extras.%2e%2e.js").write_text("evil", encoding="utf-8")
    (release / "more.js").write_text("evil", encoding="utf-8")
    (builds.kept / "notes").mkdir()
    files = contents(builds.release("two"))
    assert "evil" not in files.values()


def test_a_release_that_was_half_kept_is_kept_again(builds: Builds) -> None:
    builds.build("one")
    half = builds.kept / f"{name_of('one')}.new"
    half.mkdir(parents=True)
    (half / "widget-extras.half0000.js").write_text("half", encoding="utf-8")
    builds.release("one")
    assert "half" not in contents(builds.release("two")).values()
    assert sorted(path.name for path in builds.kept.iterdir()) == sorted(
        map(name_of, ("one", "two"))
    )


def test_where_nothing_can_be_kept_the_build_is_served(builds: Builds) -> None:
    builds.build("one")
    builds.kept.parent.mkdir()
    builds.kept.write_text("no folder", encoding="utf-8")
    assert contents(builds.load())["widget.js"] == "one"


def test_without_a_build_the_operator_is_told(builds: Builds) -> None:
    with pytest.raises(ConfigurationError, match="make widget"):
        builds.load()
