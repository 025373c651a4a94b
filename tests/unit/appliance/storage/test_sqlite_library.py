from __future__ import annotations

import subprocess
import sys

import pytest

from appliance.errors import ConfigurationError
from appliance.storage.sqlite_library import MINIMUM_VERSION, check_version


def test_everyone_gets_the_bundled_library():
    script = (
        "from appliance.storage.sqlite_library import install\n"
        "import sys\n"
        "heavy = {'sqlalchemy', 'alembic', 'msgspec', 'asyncio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'sqlite3' not in sys.modules\n"
        "install()\n"
        "import sqlite3, sqlite3.dbapi2, pysqlite3\n"
        "assert sqlite3 is pysqlite3 and sqlite3.dbapi2 is pysqlite3.dbapi2\n"
        "from sqlalchemy import create_engine\n"
        "assert create_engine('sqlite://').dialect.dbapi.connect is pysqlite3.dbapi2.connect\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert ran.returncode == 0


def test_an_old_library_is_refused():
    check_version(MINIMUM_VERSION)
    check_version((3, 60, 0))
    with pytest.raises(ConfigurationError, match=r"3\.51\.2.*3\.51\.3") as refused:
        check_version((3, 51, 2))
    assert refused.value.code == "sqlite_too_old"
