"""Reading what models cost from ``prices.toml``, the shipped one and the operator's.

Owns the files' form and their order; what follows from a price is left to
``appliance.domain.prices``.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from appliance.domain.prices import ModelPrice, PriceList
from appliance.domain.tenant import PROVIDER_NAMES, canonical_provider
from appliance.errors import ConfigurationError

FILE_NAME: Final = "prices.toml"
_AMOUNTS: Final = ("input", "output", "cached_input", "cache_write")
_FIELDS: Final = (*_AMOUNTS, "max_input_tokens")

Prices = dict[str, dict[str, list[ModelPrice]]]


def load_price_list(own_file: Path) -> PriceList:
    """Return the shipped prices, and over them those of ``own_file`` where it exists.

    Raises:
        ConfigurationError: The file cannot be read or has something else than prices; says where.
    """
    shipped = files("appliance.providers").joinpath(FILE_NAME).read_text(encoding="utf-8")
    prices = parse_prices(shipped, FILE_NAME)
    for provider, models in _read_own(own_file).items():
        # The operator's first, so that his patterns come before those that ship.
        prices[provider] = models | {
            name: tiers for name, tiers in prices.get(provider, {}).items() if name not in models
        }
    return PriceList(prices)


def _read_own(path: Path) -> Prices:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text.") from error
    return parse_prices(text, str(path))


def parse_prices(text: str, place: str) -> Prices:
    """Return the prices that a file's text has.

    Args:
        text: TOML.
        place: The file's name, for errors.

    Raises:
        ConfigurationError: Something in it is no price; names the provider and the model.
    """
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, InvalidOperation) as error:
        raise ConfigurationError(f"{place} is not valid TOML: {error}.") from error
    prices: Prices = {}
    for provider, models in tables.items():
        if not isinstance(models, dict):
            raise _misplaced(place, provider)
        name = canonical_provider(provider)
        if name not in PROVIDER_NAMES:
            raise ConfigurationError(
                f"{place}: there is no provider {provider!r}. Choose one of "
                f"{', '.join(PROVIDER_NAMES)}."
            )
        for model, tiers in models.items():
            where = f"{place}, {provider}.{model!r}"
            prices.setdefault(name, {})[model] = _read_tiers(tiers, where)
    return prices


def _read_tiers(tiers: Any, where: str) -> list[ModelPrice]:
    if (
        not isinstance(tiers, list)
        or not tiers
        or not all(isinstance(tier, dict) for tier in tiers)
    ):
        raise ConfigurationError(
            f'{where}: write it as [[provider."model"]] with its prices below.'
        )
    read = [_read_price(tier, where) for tier in tiers]
    limits = [price.max_input_tokens for price in read]
    bounded = [limit for limit in limits[:-1] if limit is not None]
    ends = bounded + [limit for limit in limits[-1:] if limit is not None]
    if len(bounded) != len(read) - 1 or ends != sorted(set(ends)):
        raise ConfigurationError(
            f"{where}: of several entries each but the last needs a max_input_tokens, and the "
            "smaller ones stand first."
        )
    return read


def _read_price(tier: dict[str, Any], where: str) -> ModelPrice:
    unknown = sorted(set(tier) - set(_FIELDS))
    if unknown:
        raise ConfigurationError(f"{where}: {', '.join(unknown)} is none of {', '.join(_FIELDS)}.")
    missing = [name for name in ("input", "output") if name not in tier]
    if missing:
        raise ConfigurationError(f"{where}: {' and '.join(missing)} is missing.")
    amounts = {
        name: _read_amount(tier[name], f"{where}: {name}") for name in tier if name in _AMOUNTS
    }
    limit = tier.get("max_input_tokens")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ConfigurationError(f"{where}: max_input_tokens must be a whole number above 0.")
    return ModelPrice(**amounts, max_input_tokens=limit)


def _read_amount(raw: Any, where: str) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ConfigurationError(f"{where} must be dollars per million tokens, such as 0.25.")
    amount = Decimal(raw)
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError(f"{where} must be dollars per million tokens, such as 0.25.")
    return amount


def _misplaced(place: str, name: str) -> ConfigurationError:
    return ConfigurationError(f'{place}: {name!r} stands outside of a [[provider."model"]].')
