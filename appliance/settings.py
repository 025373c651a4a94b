"""The program's settings, frozen, read once.

Owns their names, defaults and parsing, and the order flag, variable, ``.env``, ``config.toml``.
What a setting does is left to who receives its slice from ``appliance.bootstrap``.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from dotenv import dotenv_values
from msgspec import Struct

from appliance.domain.mcp_server import McpProgram, ServerName
from appliance.domain.tenant import PROVIDER_NAMES, canonical_provider
from appliance.errors import ConfigurationError
from appliance.paths import DataPaths, default_data_dir
from appliance.redaction import redact

LOG_LEVELS = ("debug", "info", "warning", "error")


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the operator can set; see docs/operations.md for each one's meaning."""

    data_dir: Path
    host: str
    port: int
    admin_host: str
    admin_port: int
    admin_password: str | None
    llm_provider: str
    ollama_url: str
    ollama_model: str | None
    anthropic_api_key: str | None
    anthropic_base_url: str | None
    anthropic_model: str | None
    openai_api_key: str | None
    openai_base_url: str | None
    openai_model: str | None
    otlp_endpoint: str | None
    smtp_url: str | None
    mail_from: str | None
    n8n_url: str | None
    n8n_api_key: str | None
    egress_allow: tuple[str, ...]
    sqlite_dir: Path | None
    mcp_programs: Mapping[str, McpProgram]
    rate_limit_per_minute: int
    log_level: str
    public_url: str | None
    trusted_proxies: tuple[str, ...]
    database_url: str | None
    cache_url: str | None
    key_store: str
    maintenance_at: time
    retention_days: int
    tool_execution_days: int
    archive_url: str | None
    archive_s3_endpoint: str | None
    archive_s3_region: str
    archive_s3_access_key_id: str | None
    archive_s3_secret_access_key: str | None
    backup_dir: Path | None
    backup_keep: int
    backup_passphrase: str | None

    @property
    def database_place(self) -> Path | str:
        """The SQLite file, or the URL of the Postgres database that stands in its place."""
        return self.database_url or self.paths.database

    @property
    def paths(self) -> DataPaths:
        """The places inside the data folder."""
        return DataPaths(self.data_dir)


def _text(raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("give a text that is not empty")
    return raw.strip()


def _secret(raw: Any) -> str:
    if not isinstance(raw, str) or len(raw) < 8:
        raise ValueError("give at least 8 characters")
    return raw


def _key(raw: Any) -> str:
    """Take a vendor's key of any length: servers of one's own are often given a dummy."""
    return _text(raw)


def _folder(raw: Any) -> Path:
    return Path(_text(raw)).expanduser().absolute()


def _fixed_folder(raw: Any) -> Path:
    """Refuse a folder that would be another one for each command, by where it was started."""
    folder = Path(_text(raw)).expanduser()
    if not folder.is_absolute():
        raise ValueError(f"give the folder's whole path, such as {folder.absolute()}")
    return folder


def _port(raw: Any) -> int:
    number = _count(raw)
    if number > 65535:
        raise ValueError("give a port from 0 to 65535, where 0 takes a free one")
    return number


def _count(raw: Any) -> int:
    if isinstance(raw, bool) or not str(raw).strip().isdecimal():
        raise ValueError("give a whole number that is not negative")
    return int(str(raw))


def _url(raw: Any) -> str:
    text = _text(raw).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give an address such as http://127.0.0.1:11434")
    return text


def _database_url(raw: Any) -> str:
    text = _text(raw)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
        raise ValueError("give an address such as postgresql://user:password@127.0.0.1/csai")
    return f"postgresql://{rest}"


def parse_database_url(raw: str) -> str:
    """Return a Postgres address as the program uses it.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        return _database_url(raw)
    except ValueError as error:
        raise ConfigurationError(f"The address is not one of Postgres: {error}.") from error


def _cache_url(raw: Any) -> str:
    text = _text(raw)
    scheme, separator, rest = text.partition("://")
    schemes = {"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss"}
    if not separator or scheme not in schemes:
        raise ValueError("give an address such as redis://127.0.0.1:6379/0")
    return f"{schemes[scheme]}://{rest}"


def _archive_url(raw: Any) -> str:
    text = _text(raw)
    if text.startswith("s3://"):
        if not urlsplit(text).hostname:
            raise ValueError("give a bucket, such as s3://bucket/folder")
        return text
    if "://" in text:
        raise ValueError("give a folder, or a bucket such as s3://bucket/folder")
    return str(_fixed_folder(text))


def _days(raw: Any) -> int:
    number = _count(raw)
    if not 1 <= number <= 3650:
        raise ValueError("give a number of days from 1 to 3650")
    return number


def _copies(raw: Any) -> int:
    number = _count(raw)
    if number > 1000:
        raise ValueError("give a number from 0 to 1000, where 0 makes no daily backups")
    return number


def _clock_time(raw: Any) -> time:
    text = _text(raw)
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise ValueError("give a time of day such as 03:30") from error


def _one_of(*choices: str) -> Callable[[Any], str]:
    def parse(raw: Any) -> str:
        text = _text(raw).lower()
        if text not in choices:
            raise ValueError(f"choose one of {', '.join(choices)}")
        return text

    return parse


def _items(raw: Any) -> tuple[str, ...]:
    parts = raw if isinstance(raw, list) else str(raw).split(",")
    return tuple(item for item in (str(part).strip() for part in parts) if item)


def _networks(raw: Any) -> tuple[str, ...]:
    items = _items(raw)
    for item in items:
        ipaddress.ip_network(item, strict=False)
    return items


def _provider(raw: Any) -> str:
    name = canonical_provider(_text(raw))
    return _one_of("auto", *PROVIDER_NAMES)(name)


def _smtp_url(raw: Any) -> str:
    text = _text(raw)
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("give an address such as smtp://user:password@mail.example.com:587")
    return text


def _mcp_programs(raw: Any) -> Mapping[str, McpProgram]:
    if not isinstance(raw, dict):
        raise ValueError("register programs in config.toml only, as [mcp_programs.NAME]")
    try:
        return msgspec.convert(raw, dict[ServerName, McpProgram])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class SettingSpec(NamedTuple):
    """One setting: its field, its variables (the first is its name), its default and parser."""

    field: str
    variables: tuple[str, ...]
    default: Any
    parse: Callable[[Any], Any]

    @property
    def config_key(self) -> str:
        """Its key in ``config.toml``."""
        return self.variables[0].removeprefix("CSAI_").lower()


SETTINGS: tuple[SettingSpec, ...] = (
    SettingSpec("data_dir", ("CSAI_DATA_DIR",), None, _folder),
    SettingSpec("host", ("CSAI_HOST",), "127.0.0.1", _text),
    SettingSpec("port", ("CSAI_PORT",), 8080, _port),
    SettingSpec("admin_host", ("CSAI_ADMIN_HOST",), "127.0.0.1", _text),
    SettingSpec("admin_port", ("CSAI_ADMIN_PORT",), 8081, _port),
    SettingSpec("admin_password", ("CSAI_ADMIN_PASSWORD",), None, _secret),
    SettingSpec(
        "llm_provider",
        ("CSAI_LLM_PROVIDER", "LLM_PROVIDER"),
        "auto",
        _provider,
    ),
    SettingSpec("ollama_url", ("CSAI_OLLAMA_URL",), "http://127.0.0.1:11434", _url),
    SettingSpec("ollama_model", ("CSAI_OLLAMA_MODEL",), None, _text),
    SettingSpec("anthropic_api_key", ("CSAI_ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY"), None, _key),
    SettingSpec("anthropic_base_url", ("CSAI_ANTHROPIC_BASE_URL",), None, _url),
    SettingSpec("anthropic_model", ("CSAI_ANTHROPIC_MODEL",), None, _text),
    SettingSpec("openai_api_key", ("CSAI_OPENAI_API_KEY", "OPENAI_API_KEY"), None, _key),
    SettingSpec("openai_base_url", ("CSAI_OPENAI_BASE_URL",), None, _url),
    SettingSpec("openai_model", ("CSAI_OPENAI_MODEL",), None, _text),
    SettingSpec("otlp_endpoint", ("CSAI_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"), None, _url),
    SettingSpec("smtp_url", ("CSAI_SMTP_URL",), None, _smtp_url),
    SettingSpec("mail_from", ("CSAI_MAIL_FROM",), None, _text),
    SettingSpec("n8n_url", ("CSAI_N8N_URL",), None, _url),
    SettingSpec("n8n_api_key", ("CSAI_N8N_API_KEY",), None, _key),
    SettingSpec("egress_allow", ("CSAI_EGRESS_ALLOW",), (), _items),
    SettingSpec("sqlite_dir", ("CSAI_SQLITE_DIR",), None, _fixed_folder),
    SettingSpec("mcp_programs", ("CSAI_MCP_PROGRAMS",), {}, _mcp_programs),
    SettingSpec("rate_limit_per_minute", ("CSAI_RATE_LIMIT_PER_MINUTE",), 60, _count),
    SettingSpec("log_level", ("CSAI_LOG_LEVEL",), "info", _one_of(*LOG_LEVELS)),
    SettingSpec("public_url", ("CSAI_PUBLIC_URL",), None, _url),
    SettingSpec("trusted_proxies", ("CSAI_TRUSTED_PROXIES",), (), _networks),
    SettingSpec("database_url", ("CSAI_DATABASE_URL",), None, _database_url),
    SettingSpec("cache_url", ("CSAI_CACHE_URL",), None, _cache_url),
    SettingSpec("key_store", ("CSAI_KEY_STORE",), "file", _one_of("file", "keyring")),
    SettingSpec("maintenance_at", ("CSAI_MAINTENANCE_AT",), time(3, 30), _clock_time),
    SettingSpec("retention_days", ("CSAI_RETENTION_DAYS",), 30, _days),
    SettingSpec("tool_execution_days", ("CSAI_TOOL_EXECUTION_DAYS",), 90, _days),
    SettingSpec("archive_url", ("CSAI_ARCHIVE_URL",), None, _archive_url),
    SettingSpec("archive_s3_endpoint", ("CSAI_ARCHIVE_S3_ENDPOINT",), None, _url),
    SettingSpec("archive_s3_region", ("CSAI_ARCHIVE_S3_REGION",), "us-east-1", _text),
    SettingSpec("archive_s3_access_key_id", ("CSAI_ARCHIVE_S3_ACCESS_KEY_ID",), None, _text),
    SettingSpec(
        "archive_s3_secret_access_key", ("CSAI_ARCHIVE_S3_SECRET_ACCESS_KEY",), None, _secret
    ),
    SettingSpec("backup_dir", ("CSAI_BACKUP_DIR",), None, _fixed_folder),
    SettingSpec("backup_keep", ("CSAI_BACKUP_KEEP",), 7, _copies),
    SettingSpec("backup_passphrase", ("CSAI_BACKUP_PASSPHRASE",), None, _secret),
)


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    working_dir: Path | None = None,
) -> Settings:
    """Read the settings: flags win over variables, those over ``.env``, that over the file.

    Args:
        flags: Values by field name, ``None`` where a flag was not given.
        environ: Instead of the process's environment.
        working_dir: Where to look for ``.env``; the current folder by default.

    Raises:
        ConfigurationError: A value does not fit; names the setting and what to give.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    variables = dict(os.environ if environ is None else environ)
    dotenv = _read_dotenv((working_dir or Path.cwd()) / ".env")
    spec = SETTINGS[0]
    data_dir = _resolve(spec, (given, variables, dotenv, {})) or default_data_dir()
    config = _read_config(DataPaths(data_dir).config_file)
    values = {
        spec.field: _resolve(spec, (given, variables, dotenv, config)) for spec in SETTINGS[1:]
    }
    return Settings(data_dir=data_dir, **values)


def _resolve(
    spec: SettingSpec,
    sources: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]],
) -> Any:
    flags, variables, dotenv, config = sources
    candidates: list[tuple[str, Any]] = [
        (f"--{spec.field.replace('_', '-')}", flags.get(spec.field))
    ]
    for source in (variables, dotenv):
        candidates += [(name, source.get(name) or None) for name in spec.variables]
    candidates.append((f"{spec.config_key} in config.toml", config.get(spec.config_key)))
    for name, raw in candidates:
        if raw is None:
            continue
        try:
            return spec.parse(str(raw) if isinstance(raw, Path) else raw)
        except ValueError as error:
            shown = (
                "the given value"
                if spec.parse in (_secret, _key, _smtp_url, _mcp_programs)
                else redact(repr(raw))
            )
            raise ConfigurationError(
                f"{name} cannot be {shown}: {error}.", setting=spec.variables[0]
            ) from error
    return spec.default


def _read_dotenv(path: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(path) if path.is_file() else {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text.") from error


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            config = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}  # what is wrong with the folder itself, if anything, its opening will tell
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error
    known = {spec.config_key for spec in SETTINGS[1:]}
    unknown: Sequence[str] = sorted(set(config) - known)
    if unknown:
        raise ConfigurationError(
            f"{path} has unknown settings: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."
        )
    return config
