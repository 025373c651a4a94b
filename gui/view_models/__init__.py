"""What the pages show, without a single widget.

Owns state, models and the calls that change them; drawing them is left to ``gui.pages`` and
``gui.widgets``.
"""
