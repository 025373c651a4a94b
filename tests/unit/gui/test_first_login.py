import os

import pytest

from gui.first_login import FILE_NAME, FirstLogin, load_first_login


def test_name_and_password_are_read(tmp_path):
    (tmp_path / FILE_NAME).write_text("username=admin\npassword=a=b c \n")
    assert load_first_login(tmp_path) == FirstLogin("admin", "a=b c")


@pytest.mark.parametrize(
    "content", [b"", b"username=admin\n", b"password=x", b"\xff\xfe\x00", b"username=\npassword=x"]
)
def test_an_incomplete_file_is_no_login(tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    assert load_first_login(tmp_path) is None


def test_a_missing_file_or_folder_is_no_login(tmp_path):
    assert load_first_login(tmp_path) is None
    assert load_first_login(tmp_path / "nowhere") is None
    assert load_first_login(None) is None
    os.mkdir(tmp_path / FILE_NAME)
    assert load_first_login(tmp_path) is None


def test_the_password_is_not_written_by_repr():
    assert "secret" not in repr(FirstLogin("admin", "secret"))
