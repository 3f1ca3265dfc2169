"""Countries and regions by ISO 3166-1 alpha-2 code, named in the reader's language."""

from __future__ import annotations

from functools import cache
from typing import Final

from babel import Locale

#: Two letters in CLDR that are no country or region one is from: groupings, exceptional
#: reservations and codes for tests.
_NONE: Final = frozenset(
    {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
)


@cache
def codes() -> frozenset[str]:
    names = [str(code) for code in Locale.parse("en").territories]
    return frozenset(
        code for code in names if len(code) == 2 and code.isalpha() and code not in _NONE
    )


def is_country(code: str) -> bool:
    return code in codes()


def name_of(code: str, locale: Locale) -> str:
    """The name in ``locale``; the code itself for one nobody knows."""
    return str(locale.territories.get(code, code))


@cache
def _listed(locale: str) -> tuple[tuple[str, str], ...]:
    parsed = Locale.parse(locale)
    return tuple(
        sorted(((code, name_of(code, parsed)) for code in codes()), key=lambda row: _order(row[1]))
    )


def _order(name: str) -> bytes:
    # Chinese names in the order of GB 2312: by pinyin, as Chinese readers expect a list.
    return name.encode("gb18030", "replace")


def listed(locale: Locale) -> tuple[tuple[str, str], ...]:
    """(code, name) of all, in the order a reader of ``locale`` looks for them."""
    return _listed(str(locale))
