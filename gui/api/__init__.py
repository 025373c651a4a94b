"""The panel's side of the admin HTTP API.

Owns requests, answers, credentials in memory and event streams; what is done with them is left to
``gui.view_models``.
"""
