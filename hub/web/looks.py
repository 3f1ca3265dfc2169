"""How a name stands for a picture that is not there: initials on one of six tints."""

from __future__ import annotations

import unicodedata
import zlib
from typing import Final

TINTS: Final = 6
_HAN: Final = ("CJK UNIFIED", "HANGUL", "HIRAGANA", "KATAKANA")


def _wide(char: str) -> bool:
    return unicodedata.name(char, "").startswith(_HAN)


def initials(name: str) -> str:
    """One Chinese, Japanese or Korean character, else the first letters of the first and the
    last word; empty for a name without letters."""
    words = [
        letters
        for word in name.split()
        if (letters := "".join(char for char in word if char.isalnum()))
    ]
    if not words:
        return ""
    if _wide(words[0][0]):
        return words[0][0]
    picked = words[0][0] + (words[-1][0] if len(words) > 1 and not _wide(words[-1][0]) else "")
    return picked.upper()[:2]


def tint(name: str) -> int:
    """1 to TINTS, the same for the same name on every machine."""
    return zlib.crc32(name.encode(errors="replace")) % TINTS + 1
