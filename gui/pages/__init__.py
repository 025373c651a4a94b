"""The pages of the panel, one module each.

Owns nothing itself; ``gui.page`` finds every module here by its ``PAGE``.
"""
