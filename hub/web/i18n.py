"""Languages of the pages: gettext catalogues, read as they stand, for Jinja2 and for scripts.

The message ids are the English texts; ``{name}`` marks a value. ``catalogues.py`` extracts
them from templates and scripts and keeps the ``.po`` files in step.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LOCALE_DIR: Final = Path(__file__).resolve().parent / "locale"
COOKIE: Final = "pavilion_lang"
_HEADER_PARTS: Final = 20  # ranges of an Accept-Language that are looked at

#: BCP 47 tag -> folder of its catalogue; the first is the fallback.
LANGUAGES: Final[dict[str, str]] = {"en": "en", "zh-Hans": "zh_Hans"}
#: Each language's name in itself, for the switch.
NAMES: Final[dict[str, str]] = {"en": "English", "zh-Hans": "简体中文"}


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its texts, and the same as JSON for the scripts."""

    tag: str
    locale: Locale
    texts: dict[str, str | tuple[str, ...]]
    json: bytes
    version: str

    def text(self, message: str, **values: object) -> str:
        """``message`` in this language; the English text when the catalogue lacks it."""
        found = self.texts.get(message, message)
        return _fill(found if isinstance(found, str) else found[0], values)

    def plural(self, one: str, many: str, n: int, **values: object) -> str:
        """``{n}`` is written as the reader writes numbers: 1,204."""
        found = self.texts.get(one)
        forms = found if isinstance(found, tuple) else (one, many)
        first = len(forms) == 1 or (self.locale.language == "en" and n == 1)
        return _fill(forms[0 if first else -1], {"n": self.number(n), **values})

    def number(self, n: int) -> str:
        return str(n) if abs(n) < 1_000 else str(format_decimal(n, locale=self.locale))


def _fill(text: str, values: dict[str, Any]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def read_catalogue(tag: str) -> Catalog:
    """The ``.po`` of a language. Raises OSError or babel's PoFileError."""
    path = LOCALE_DIR / LANGUAGES[tag] / "LC_MESSAGES" / "pavilion.po"
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGES[tag], abort_invalid=True)


@cache
def load_language(tag: str) -> Language:
    texts: dict[str, str | tuple[str, ...]] = {}
    for message in read_catalogue(tag):
        if not message.id or message.fuzzy:
            continue
        if isinstance(message.id, str):
            if message.string:
                texts[message.id] = str(message.string)
        else:
            forms = message.string if isinstance(message.string, (tuple, list)) else ()
            if forms and all(forms):
                texts[message.id[0]] = tuple(forms)
    # English texts are their own ids; sending them twice would only cost time.
    differing = {k: v for k, v in texts.items() if v != k and not (tag == "en" and v == (k,))}
    body = json.dumps({"lang": tag, "texts": differing}, ensure_ascii=False, sort_keys=True)
    raw = body.encode()
    return Language(
        tag=tag,
        locale=Locale.parse(LANGUAGES[tag]),
        texts=texts,
        json=raw,
        version=hashlib.sha256(raw).hexdigest()[:12],
    )


def load_languages() -> dict[str, Language]:
    """Every language, read once at start. Raises what ``read_catalogue`` raises."""
    return {tag: load_language(tag) for tag in LANGUAGES}


def match(tag: str) -> str | None:
    """The language we have for a BCP 47 tag, or None."""
    lowered = tag.strip().lower().replace("_", "-")
    for known in LANGUAGES:
        if lowered == known.lower():
            return known
    # A reader of any Chinese is served better by simplified Chinese than by English.
    primary = lowered.split("-", 1)[0]
    return next((known for known in LANGUAGES if known.lower().split("-")[0] == primary), None)


def negotiate(header: str) -> str:
    """The best language for an Accept-Language header (RFC 9110 section 12.5.4)."""
    ranges: list[tuple[float, int, str]] = []
    for order, part in enumerate(header.split(",")[:_HEADER_PARTS]):
        tag, _, quality = part.partition(";")
        name, _, value = quality.partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if 0 < weight <= 1:
            ranges.append((-weight, order, tag))
    for _, _, tag in sorted(ranges):
        found = match(tag)
        if found:
            return found
    return next(iter(LANGUAGES))


def language_of(request: web.Request) -> str:
    """The language of a request: ``?lang=``, then the cookie, then Accept-Language."""
    for asked in (request.query.get("lang"), request.cookies.get(COOKIE)):
        found = match(asked) if asked else None
        if found:
            return found
    return negotiate(request.headers.get("Accept-Language", ""))
