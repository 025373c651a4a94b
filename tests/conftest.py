"""What holds for every test: the right SQLite library, before anything imports it."""

from appliance.storage.sqlite_library import install

install()
