import pkgutil

import gui.pages
from gui.page import list_page_modules, load_pages


def test_every_module_in_the_folder_is_a_page():
    names = [module.name for module in pkgutil.iter_modules(gui.pages.__path__)]
    assert sorted(spec.name for spec in load_pages()) == sorted(names)
    assert list_page_modules() == sorted(f"gui.pages.{name}" for name in names)


def test_pages_have_a_fixed_order_and_a_drawing_each():
    pages = load_pages()
    assert [page.order for page in pages] == sorted({page.order for page in pages})
    assert pages[0].name == "overview"
    assert all(page.title() for page in pages)
