"""Everything stored besides turns, one module per port of ``appliance.ports.repositories``.

Owns building the SQL; running it is left to ``appliance.storage.transactions``.
"""
