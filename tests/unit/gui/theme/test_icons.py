from importlib.resources import files

import pytest
from PySide6.QtGui import QColor, QIcon

from gui.page import load_pages
from gui.theme.icons import draw_icon, draw_pixmap

NAMES = sorted(
    file.name.removesuffix(".svg")
    for file in (files("gui.theme") / "icons").iterdir()
    if file.name.endswith(".svg")
)


def colors_of(pixmap) -> set[str]:
    image = pixmap.toImage()
    opaque = set()
    for x in range(image.width()):
        for y in range(image.height()):
            color = image.pixelColor(x, y)
            if color.alpha() == 255:
                opaque.add(color.name())
    return opaque


@pytest.mark.parametrize("name", NAMES)
def test_every_drawing_shows_something_sharp(qapp, name):
    pixmap = draw_pixmap(name, "#ff0000", 18, 2.0)
    assert (pixmap.width(), pixmap.devicePixelRatio()) == (36, 2.0)
    assert colors_of(draw_pixmap(name, "#ff0000", 48, 1.0))


def test_an_icon_takes_the_color_asked_for(qapp):
    assert colors_of(draw_pixmap("stop", "#12ab34", 64, 1.0)) == {"#12ab34"}


def test_checked_and_disabled_have_their_own_colors(qapp):
    icon = draw_icon("stop", "#ff0000", size_px=32, on="#00ff00", disabled="#0000ff")
    shown = {
        "on": icon.pixmap(32, QIcon.Mode.Normal, QIcon.State.On),
        "off": icon.pixmap(32, QIcon.Mode.Normal, QIcon.State.Off),
        "disabled": icon.pixmap(32, QIcon.Mode.Disabled, QIcon.State.Off),
    }
    middle = {name: pixmap.toImage().pixelColor(8, 16) for name, pixmap in shown.items()}
    assert middle["on"].green() > 200 > middle["off"].green()
    assert middle["disabled"] == QColor("#0000ff")


def test_every_page_has_its_drawing():
    assert {page.icon for page in load_pages()} <= set(NAMES)
