"""Where the appliance keeps its data: the database, the cache and the data folder.

Owns the adapters behind the storage ports. Imports nothing itself, because ``sqlite_library`` must
run before anything loads SQLite; ``database`` is the door for everything else.
"""
