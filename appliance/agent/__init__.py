"""The agent: how a visitor's message becomes an answer. No I/O of its own."""
