"""Everything that a server imports sooner or later, for the processes that are forked from this."""

from importlib import import_module

from appliance.storage.sqlite_library import install

install()
for name in ("alembic.context", "appliance.cli.main", "appliance.cli.server_process"):
    import_module(name)
