"""Identity numbers: read as people write them, checked, never echoed.

Chinese resident identity number: GB 11643-1999, 17 digits and a check character by
ISO 7064 MOD 11-2. Passports: ICAO 9303 part 3 allows nine characters in the zone that
machines read; some countries print more. Travel permits: those of Hong Kong and Macao
(H or M and 8 or 10 digits), of Taiwan (8 digits), and others of that form.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from hub.ports.onsite import DOCUMENT_KINDS, BadDocument, Document

RAW_MAX: Final = 64  # characters typed that are looked at
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
_DROPPED: Final = re.compile(r"[\s.·/‐-―−-]+")
_FORMS: Final = {
    "resident_id": re.compile(r"[1-9][0-9]{16}[0-9X]"),
    "passport": re.compile(r"(?=.*[0-9])[A-Z0-9]{5,15}"),
    "permit": re.compile(r"[A-Z]{0,2}[0-9]{7,12}"),
}
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Number:
    """A good number in its one form: two people who write it differently match."""

    kind: str
    country: str
    digits: str = field(repr=False)

    @property
    def last4(self) -> str:
        return self.digits[-4:]


def _resident_fault(number: str, today: date) -> str | None:
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False))
    if _CHECK[total % 11] != number[17]:
        return "bad_checksum"
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return "bad_date"
    return None if date(1900, 1, 1) <= born <= today else "bad_date"


def normalise(document: Document, today: date) -> Number:
    """Raises BadDocument: kind not_allowed; country bad_format; consent missing; number
    missing, too_long, bad_format, bad_checksum (one digit is wrong or two changed places),
    bad_date (no such birthday)."""
    if document.kind not in DOCUMENT_KINDS:
        raise BadDocument("kind", "not_allowed")
    country = "CN" if document.kind == "resident_id" else document.country.strip().upper()
    if not _COUNTRY.fullmatch(country):
        raise BadDocument("country", "bad_format" if country else "missing")
    if len(document.number) > RAW_MAX:
        raise BadDocument("number", "too_long")
    # NFKC makes the full-width digits of Chinese keyboards plain ones.
    number = _DROPPED.sub("", unicodedata.normalize("NFKC", document.number)).upper()
    if not number:
        raise BadDocument("number", "missing")
    if not (number.isascii() and _FORMS[document.kind].fullmatch(number)):
        raise BadDocument("number", "bad_format")
    if document.kind == "resident_id":
        fault = _resident_fault(number, today)
        if fault:
            raise BadDocument("number", fault)
    if not document.consent:
        raise BadDocument("consent", "missing")
    return Number(document.kind, country, number)
