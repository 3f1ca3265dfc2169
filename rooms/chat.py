"""Chat text: what may be said, independent of who says it."""

from __future__ import annotations

import unicodedata
from typing import Final

from rooms.errors import Code, Refusal

TEXT_MAX: Final = 2000
_KEPT: Final = frozenset("\n\t")
# Bidirectional overrides and isolates can make a line read otherwise than it was written;
# the zero-width joiners of emoji and of several scripts stay.
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_text(raw: str) -> str:
    """NFC, one kind of line end, outer white space gone, no control or bidi characters.

    Raises:
        Refusal: bad_message, when nothing is left, it is too long, or a character is refused.
    """
    text = unicodedata.normalize("NFC", raw.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not 1 <= len(text) <= TEXT_MAX:
        raise Refusal(Code.BAD_MESSAGE, f"text: 1 to {TEXT_MAX} characters are needed")
    for char in text:
        if char in _KEPT:
            continue
        if char in _BIDI or unicodedata.category(char) in {"Cc", "Cs"}:
            raise Refusal(Code.BAD_MESSAGE, f"text: character U+{ord(char):04X} is not allowed")
    return text
