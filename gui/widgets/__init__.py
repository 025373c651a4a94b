"""The parts pages are put together from.

Owns what more than one page, or a dialog, draws; which data is shown is left to ``gui.pages``.
"""
