"""Use cases: what visitors and operators can do, on top of ports only."""
