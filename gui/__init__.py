"""The control panel: a desktop window over the admin HTTP API.

Owns everything an operator sees and clicks; the assistant itself is left to the server, which the
panel knows only by its addresses and as a command to start.
"""
