"""Currencies by ISO 4217 code: those that are legal tender somewhere now, with the number of
decimals their smallest unit stands for (both from the CLDR)."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Final

from babel import Locale
from babel.core import get_global
from babel.numbers import format_currency, get_currency_name, get_currency_precision

#: First in a list to choose from: what trade is mostly done in.
FIRST: Final = ("CNY", "USD", "EUR", "JPY", "GBP", "HKD")


@cache
def codes() -> frozenset[str]:
    now = {
        str(code)
        for rows in get_global("territory_currencies").values()
        for code, _since, until, tender in rows
        if until is None and tender
    }
    return frozenset(now)


def is_currency(code: str) -> bool:
    return code in codes()


def decimals_of(code: str) -> int:
    """0 for JPY, 2 for EUR, 3 for KWD."""
    return int(get_currency_precision(code))


def shown(amount: int, code: str, decimals: int, locale: Locale) -> str:
    """``€1,250,000.50`` as a reader of ``locale`` writes it, with the code where the sign alone
    could be another currency's."""
    value = Decimal(amount).scaleb(-decimals)
    text = str(format_currency(value, code, locale=locale))
    return text if code in text else f"{text} ({code})"


def plain(amount: int, decimals: int) -> str:
    """``1250000.50``, as a form takes it."""
    return f"{Decimal(amount).scaleb(-decimals):f}"


@cache
def _listed(locale: str) -> tuple[tuple[str, str], ...]:
    rest = sorted(codes() - set(FIRST))
    return tuple(
        (code, f"{code} · {get_currency_name(code, locale=locale)}") for code in (*FIRST, *rest)
    )


def listed(locale: Locale) -> tuple[tuple[str, str], ...]:
    """(code, ``EUR · Euro``) of all."""
    return _listed(str(locale))
