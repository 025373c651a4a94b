from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ConfigurationError
from appliance.paths import default_data_dir
from appliance.settings import SETTINGS, Settings, load_settings

CANARY = "canary-secret-42"


class Machine:
    """A data folder, a working folder with ``.env``, an environment."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.working_dir = folder / "work"
        self.data_dir.mkdir()
        self.working_dir.mkdir()

    def write_config(self, text: str) -> None:
        (self.data_dir / "config.toml").write_text(text, encoding="utf-8")

    def write_dotenv(self, text: str) -> None:
        (self.working_dir / ".env").write_text(text, encoding="utf-8")

    def load(self, flags: dict[str, Any] | None = None, **environ: str) -> Settings:
        return load_settings(
            {"data_dir": self.data_dir} | (flags or {}),
            environ=environ,
            working_dir=self.working_dir,
        )

    def fail(self, flags: dict[str, Any] | None = None, **environ: str) -> ConfigurationError:
        with pytest.raises(ConfigurationError) as caught:
            self.load(flags, **environ)
        return caught.value


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_needs_to_be_set(machine: Machine) -> None:
    settings = machine.load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.admin_host, settings.admin_port) == ("127.0.0.1", 8081)
    assert settings.admin_password is None
    assert (settings.llm_provider, settings.ollama_url) == ("auto", "http://127.0.0.1:11434")
    assert settings.ollama_model is None
    assert (settings.egress_allow, settings.trusted_proxies) == ((), ())
    assert settings.rate_limit_per_minute == 60
    assert (settings.log_level, settings.public_url) == ("info", None)
    assert settings.paths.root == machine.data_dir


def test_the_data_folder_defaults_to_the_users_own(tmp_path: Path) -> None:
    settings = load_settings(environ={}, working_dir=tmp_path)
    assert settings.data_dir == default_data_dir()


def test_flags_win_over_variables_over_dotenv_over_the_file(machine: Machine) -> None:
    machine.write_config("port = 1001\nadmin_port = 2001\nlog_level = 'error'\nhost = '10.0.0.1'\n")
    machine.write_dotenv("CSAI_PORT=1002\nCSAI_ADMIN_PORT=2002\nCSAI_LOG_LEVEL=warning\n")
    settings = machine.load({"port": 1004}, CSAI_PORT="1003", CSAI_ADMIN_PORT="2003")
    assert settings.port == 1004
    assert settings.admin_port == 2003
    assert settings.log_level == "warning"
    assert settings.host == "10.0.0.1"


def test_a_flag_that_was_not_given_does_not_count(machine: Machine) -> None:
    assert machine.load({"port": None}, CSAI_PORT="1003").port == 1003


@pytest.mark.parametrize("source", ["variable", "dotenv"])
def test_an_empty_value_is_none(machine: Machine, source: str) -> None:
    machine.write_config("port = 1001\n")
    if source == "dotenv":
        machine.write_dotenv("CSAI_PORT=\nCSAI_PUBLIC_URL\n")
        assert machine.load().port == 1001
    else:
        assert machine.load(CSAI_PORT="", CSAI_PUBLIC_URL="").port == 1001


def test_the_data_folder_decides_which_file_is_read(machine: Machine, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.toml").write_text("port = 1111\n", encoding="utf-8")
    settings = load_settings(environ={"CSAI_DATA_DIR": str(other)}, working_dir=machine.working_dir)
    assert (settings.data_dir, settings.port) == (other, 1111)


def test_a_data_folder_is_absolute_and_knows_the_home(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/tmp/dana")
    monkeypatch.chdir(machine.working_dir)
    for given, expected in (("~/csai", Path("/tmp/dana/csai")), ("here", Path.cwd() / "here")):
        settings = load_settings({"data_dir": given}, environ={}, working_dir=machine.working_dir)
        assert settings.data_dir == expected


@pytest.mark.parametrize("name", ["CSAI_ARCHIVE_URL", "CSAI_BACKUP_DIR"])
def test_a_folder_that_commands_share_is_given_whole(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(machine.working_dir)
    for given in ("kept/here", "./here", "../here"):
        error = machine.fail(**{name: given})
        assert error.setting == name
        assert f"give the folder's whole path, such as {Path(given).absolute()}" in error.message
    field = name.removeprefix("CSAI_").lower()
    assert str(getattr(machine.load(**{name: "/srv/kept"}), field)) == "/srv/kept"
    monkeypatch.setenv("HOME", "/tmp/dana")
    assert str(getattr(machine.load(**{name: "~/kept"}), field)) == "/tmp/dana/kept"


def test_the_provider_has_a_short_name_too_and_the_long_one_wins(machine: Machine) -> None:
    assert machine.load(LLM_PROVIDER="builtin").llm_provider == "builtin"
    both = machine.load(LLM_PROVIDER="builtin", CSAI_LLM_PROVIDER="Ollama")
    assert both.llm_provider == "ollama"


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "CSAI_ANTHROPIC_API_KEY"])
def test_a_vendors_key_may_be_a_short_dummy(machine: Machine, variable: str) -> None:
    settings = machine.load(**{variable: "EMPTY"})
    assert "EMPTY" in (settings.openai_api_key, settings.anthropic_api_key)


@pytest.mark.parametrize(
    ("given", "items"),
    [("a.example, b.example:8080 ,", ("a.example", "b.example:8080")), ("", ()), (" , ", ())],
)
def test_lists_are_separated_by_commas(
    machine: Machine, given: str, items: tuple[str, ...]
) -> None:
    assert machine.load(CSAI_EGRESS_ALLOW=given).egress_allow == items
    machine.write_config(f"egress_allow = {list(items)!r}\n")
    assert machine.load().egress_allow == items


BAD: list[tuple[str, str]] = [
    ("CSAI_PORT", "65536"),
    ("CSAI_PORT", "-1"),
    ("CSAI_PORT", "80.5"),
    ("CSAI_PORT", "http"),
    ("CSAI_PORT", "٨٠٨٠x"),
    ("CSAI_ADMIN_PORT", "99999"),
    ("CSAI_RATE_LIMIT_PER_MINUTE", "-5"),
    ("CSAI_RATE_LIMIT_PER_MINUTE", "many"),
    ("CSAI_RATE_LIMIT_PER_MINUTE", "9" * 5_000),
    ("CSAI_LLM_PROVIDER", "skynet"),
    ("LLM_PROVIDER", "skynet"),
    ("CSAI_LOG_LEVEL", "loud"),
    ("CSAI_OLLAMA_URL", "localhost:11434"),
    ("CSAI_OLLAMA_URL", "http://["),
    ("CSAI_OLLAMA_URL", "ftp://localhost"),
    ("CSAI_PUBLIC_URL", "chat.example"),
    ("CSAI_PUBLIC_URL", "https://"),
    ("CSAI_TRUSTED_PROXIES", "10.0.0.0/33"),
    ("CSAI_TRUSTED_PROXIES", "10.0.0.1,proxy.local"),
    ("CSAI_HOST", "   "),
    ("CSAI_DATA_DIR", "   "),
]


@pytest.mark.parametrize(("name", "value"), BAD)
@pytest.mark.parametrize("source", ["variable", "dotenv"])
def test_a_bad_value_is_named_with_its_variable(
    machine: Machine, source: str, name: str, value: str
) -> None:
    if source == "dotenv":
        machine.write_dotenv(f'{name}="{value}"\n')
    flags = {"data_dir": None} if name == "CSAI_DATA_DIR" else None
    error = machine.fail(flags, **({name: value} if source == "variable" else {}))
    assert error.message.startswith(f"{name} cannot be ")
    assert repr(value) in error.message
    assert error.setting == (name if name.startswith("CSAI") else f"CSAI_{name}")


def test_a_bad_flag_is_named_as_a_flag(machine: Machine) -> None:
    error = machine.fail({"admin_port": "70000"})
    assert error.message.startswith("--admin-port cannot be '70000': ")
    assert error.setting == "CSAI_ADMIN_PORT"


@pytest.mark.parametrize(
    "line", ["port = 70000", "port = true", "port = 1.5", "port = [1]", "host = 5", "log_level = 1"]
)
def test_a_bad_value_in_the_file_is_named_with_its_key(machine: Machine, line: str) -> None:
    machine.write_config(line)
    key = line.partition(" ")[0]
    error = machine.fail()
    assert error.message.startswith(f"{key} in config.toml cannot be ")
    assert error.setting == f"CSAI_{key.upper()}"


def test_a_good_value_hides_a_bad_one_below_it(machine: Machine) -> None:
    machine.write_config("port = 70000\n")
    assert machine.load(CSAI_PORT="1003").port == 1003


def test_unknown_keys_in_the_file_are_named_with_the_known_ones(machine: Machine) -> None:
    machine.write_config("prot = 1\nhots = 'x'\n")
    error = machine.fail()
    assert "hots, prot" in error.message
    assert "rate_limit_per_minute" in error.message


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2\n"])
def test_a_file_that_is_no_toml_is_named(machine: Machine, content: bytes) -> None:
    (machine.data_dir / "config.toml").write_bytes(content)
    assert str(machine.data_dir / "config.toml") in machine.fail().message


def test_a_file_that_cannot_be_read_is_named(machine: Machine) -> None:
    (machine.data_dir / "config.toml").mkdir()
    assert "config.toml cannot be read" in machine.fail().message


def test_a_dotenv_that_is_no_text_is_named(machine: Machine) -> None:
    (machine.working_dir / ".env").write_bytes(b"CSAI_PORT=\xff\xfe\n")
    assert str(machine.working_dir / ".env") in machine.fail().message


@pytest.mark.parametrize(
    "environ",
    [
        {"CSAI_ADMIN_PASSWORD": CANARY[:7]},
        {"CSAI_OLLAMA_URL": f"htp://user:{CANARY}@ollama.example"},
        {"CSAI_PUBLIC_URL": f"//:{CANARY}@chat.example"},
        {"CSAI_PUBLIC_URL": f"chat.example/?token={CANARY}"},
        {"CSAI_LLM_PROVIDER": f"sk-{CANARY}"},
    ],
)
def test_a_secret_is_in_no_message(machine: Machine, environ: dict[str, str]) -> None:
    error = machine.fail(**environ)
    assert CANARY[:7] not in error.message
    assert next(iter(environ)) in error.message
    machine.write_dotenv("".join(f"{name}={value}\n" for name, value in environ.items()))
    assert CANARY[:7] not in machine.fail().message


def test_a_secret_in_the_file_is_in_no_message_either(machine: Machine) -> None:
    machine.write_config(f'admin_password = ["{CANARY}"]\n')
    assert CANARY not in machine.fail().message


def test_every_field_can_be_set_by_its_variable_flag_and_key() -> None:
    assert [spec.field for spec in SETTINGS] == list(Settings.__struct_fields__)
    for spec in SETTINGS:
        assert spec.variables[0] == f"CSAI_{spec.field.upper()}"
        assert spec.config_key == spec.field


def test_the_process_environment_is_read_by_default(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CSAI_PORT", "4321")
    monkeypatch.chdir(machine.working_dir)
    machine.write_dotenv("CSAI_ADMIN_PORT=4322\n")
    settings = load_settings({"data_dir": machine.data_dir})
    assert (settings.port, settings.admin_port) == (4321, 4322)
