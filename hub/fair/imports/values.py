"""What stands in a cell, as a value: each reader raises ``Bad`` with a stable code.

Most cells are plain text: those go through a quick test first, and only what fails it through
the full one (100,000 people are a million cells).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from email_validator import EmailNotValidError, validate_email

from hub.fair.people.records import email_key
from rooms.model import SLUG, NameRefused, clean_name

EMAIL_MAX: Final = 254
LIST_MAX: Final = 20
_PLAIN_EMAIL: Final = re.compile(
    r"[a-z0-9](?:[a-z0-9_+-]|\.(?=[a-z0-9])){0,62}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}"
)
_SPECIAL_DOMAIN: Final = re.compile(r"(?:^|\.)(?:test|invalid|localhost|local|onion|arpa)$")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-[A-Za-z]{2}|-[0-9]{3})?")
_SPLIT: Final = re.compile(r"[,;、，；|\n]")
_YES: Final = frozenset({"yes", "y", "true", "1", "on", "x", "是", "有", "√", "✓"})
_NO: Final = frozenset({"no", "n", "false", "0", "off", "-", "否", "无"})
#: What Chinese sheets call languages, and what English ones do, beside Babel's own words.
_TONGUES: Final = {"中文": "zh-Hans", "汉语": "zh-Hans", "普通话": "zh-Hans", "chinese": "zh-Hans",
                   "mandarin": "zh-Hans", "zh": "zh-Hans", "zh-cn": "zh-Hans"}  # fmt: skip
#: Not countries or regions of their own among Babel's territories.
_NO_TERRITORY: Final = frozenset({"ZZ", "EU", "UN", "EZ", "QO", "XA", "XB", "AC", "CP", "CQ", "DG",
                                  "EA", "IC", "TA"})  # fmt: skip
_OTHER_NAMES: Final = {"usa": "US", "us": "US", "unitedstatesofamerica": "US", "uk": "GB",
                       "greatbritain": "GB", "england": "GB", "uae": "AE", "korea": "KR",
                       "southkorea": "KR", "republicofkorea": "KR", "russianfederation": "RU",
                       "prchina": "CN", "中华人民共和国": "CN", "中国大陆": "CN", "hongkong": "HK",
                       "macau": "MO", "macao": "MO", "香港": "HK", "澳门": "MO", "台湾": "TW",
                       "中国香港": "HK", "中国澳门": "MO", "中国台湾": "TW", "chinesetaipei": "TW",
                       "vietnam": "VN", "turkey": "TR", "czechrepublic": "CZ", "burma": "MM",
                       "ivorycoast": "CI", "韩国": "KR", "朝鲜": "KP"}  # fmt: skip


class Bad(ValueError):
    """``code`` says why a cell is refused."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Reader = Callable[[str], Any]


def folded(text: str) -> str:
    """For comparing headers and names: letters and digits only, in one case and width."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def line(limit: int) -> Reader:
    """One line of text. Codes: too_long, bad_text."""

    def read(text: str) -> str:
        if len(text) > limit:
            raise Bad("too_long")
        # str.isprintable is false for every category clean_name refuses.
        if text.isprintable() and (text.isascii() or unicodedata.is_normalized("NFC", text)):
            return text
        try:
            return clean_name(text, limit)
        except NameRefused:
            raise Bad("bad_text") from None

    return read


def paragraphs(limit: int) -> Reader:
    """Text that may have more lines. Codes: too_long, bad_text."""
    one = line(limit)

    def read(text: str) -> str:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").split("\n")
        if len(text) > limit:
            raise Bad("too_long")
        return "\n".join(one(part.strip()) if part.strip() else "" for part in lines)

    return read


def email(text: str) -> tuple[str, str]:
    """(address as shown, address as compared). Codes: bad_format, too_long."""
    if len(text) > EMAIL_MAX:
        raise Bad("too_long")
    lowered = text.lower()
    if _PLAIN_EMAIL.fullmatch(lowered) and not _SPECIAL_DOMAIN.search(lowered):
        return text, lowered
    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise Bad("bad_format") from None
    address = f"{found.local_part}@{found.ascii_domain}"
    if len(address) > EMAIL_MAX:
        raise Bad("too_long")
    return address, email_key(address)


@lru_cache(maxsize=1)
def _territories() -> tuple[frozenset[str], dict[str, str]]:
    english = Locale.parse("en").territories
    codes = frozenset(str(code) for code in english)
    codes = frozenset(c for c in codes if len(c) == 2 and c.isalpha()) - _NO_TERRITORY
    names: dict[str, str] = {}
    for tag in ("en", "zh_Hans", "zh_Hant"):
        for code, name in Locale.parse(tag).territories.items():
            if code in codes:
                names.setdefault(folded(name), str(code))
    return codes, names | _OTHER_NAMES


def country(text: str) -> str:
    """ISO 3166-1 alpha-2, from the code or the name in English or Chinese. Code: unknown."""
    codes, names = _territories()
    if text in codes:
        return text
    code = names.get(folded(text)) or text.upper()
    if code not in codes:
        raise Bad("unknown")
    return code


def flag(text: str) -> bool:
    """yes or no in English or Chinese. Code: bad_format."""
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Bad("bad_format")


def number(low: int, high: int) -> Reader:
    """A whole number. Codes: bad_format, out_of_range."""

    def read(text: str) -> int:
        bare = text.replace(",", "").replace(" ", "")
        if not re.fullmatch(r"-?[0-9]{1,12}", bare):
            raise Bad("bad_format")
        if not low <= int(bare) <= high:
            raise Bad("out_of_range")
        return int(bare)

    return read


def slug(text: str) -> str:
    lowered = text.lower()
    if not SLUG.fullmatch(lowered):
        raise Bad("bad_format")
    return lowered


def web_address(text: str) -> str:
    """http or https with a host; a bare host gets https. Codes: bad_format, too_long."""
    address = text if "://" in text else f"https://{text}"
    if len(address) > 300:
        raise Bad("too_long")
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
        good = good and (parts.port is None or parts.port > 0) and "." in (parts.hostname or "")
    except ValueError:
        good = False
    if not good or not address.isprintable() or any(c in ' "<>\\^`{|}' for c in address):
        raise Bad("bad_format")
    return address


@lru_cache(maxsize=4096)
def language(text: str) -> str:
    """A BCP 47 tag, from the tag or the language's name. Code: unknown."""
    word = text.strip()
    known = _TONGUES.get(word.casefold())
    if known:
        return known
    if _LANGUAGE.fullmatch(word):
        try:
            parsed = Locale.parse(word, sep="-")
        except (UnknownLocaleError, ValueError):
            raise Bad("unknown") from None
        return str(parsed).replace("_", "-")
    for tag in ("en", "zh_Hans"):
        for code, name in Locale.parse(tag).languages.items():
            if folded(name) == folded(word) and len(code) <= 3:
                return str(code)
    raise Bad("unknown")


def time_zone(text: str) -> str:
    if text not in _zones():
        raise Bad("unknown")
    return text


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def listed(read: Reader) -> Reader:
    """Several values in one cell, each once and in order. Code: too_many, or the value's."""

    def read_all(text: str) -> list[Any]:
        found = list(
            dict.fromkeys(read(part.strip()) for part in _SPLIT.split(text) if part.strip())
        )
        if len(found) > LIST_MAX:
            raise Bad("too_many")
        return found

    return read_all


def one_of(names: Mapping[str, str]) -> Reader:
    """A value by any of its names (folded). Code: unknown."""

    @lru_cache(maxsize=1024)
    def read(text: str) -> str:
        found = names.get(folded(text))
        if found is None:
            raise Bad("unknown")
        return found

    return read


def moment(zone: ZoneInfo) -> Reader:
    """Milliseconds since the epoch; a time without a zone is in ``zone``. Code: bad_format."""

    def read(text: str) -> int:
        bare = unicodedata.normalize("NFKC", text).replace("/", "-").replace(".", "-", 2)
        bare = bare.replace("年", "-").replace("月", "-").replace("日", " ").strip()
        bare = re.sub(r"\s+", " ", bare)
        found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2})(:\d{2}.*)", bare)
        if found is None:
            raise Bad("bad_format")
        year, month, day, hour, rest = found.groups()
        try:
            when = datetime.fromisoformat(f"{year}-{month:>02}-{day:>02}T{hour:>02}{rest}")
        except ValueError:
            raise Bad("bad_format") from None
        if not 1970 <= when.year <= 8999:
            raise Bad("out_of_range")
        return int((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp() * 1000)

    return read


def sector_names(sectors: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """Folded name -> slug, of sectors as (slug, names by language)."""
    return {
        folded(name): slug
        for slug, names in sectors
        for name in (slug, *names.values())
        if folded(name)
    }
