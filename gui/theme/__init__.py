"""How the panel looks.

Owns colours, the style sheet and icons; where they are used is left to ``gui.widgets`` and
``gui.pages``.
"""
