"""What may be put into a talk: kinds of file by their content, names that are only names.

A file is of the kind its content is; a name that says something else is a fault, not a hint.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from typing import Final

from hub.fair.companies import uploads
from hub.fair.companies.uploads import OFFICE, PDF, PICTURES, FileKind
from hub.ports.companies import BadUpload
from hub.ports.talks import TalkRefused

TEXT: Final = FileKind("text/plain", "txt")
CSV: Final = FileKind("text/csv", "csv")
_PICTURES: Final = {**PICTURES, "GIF": FileKind("image/gif", "gif")}
_STEM_MAX: Final = 100
_REFUSED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: What a name may end with, by what the content is; another ending is a false type.
_ENDINGS: Final[dict[str, frozenset[str]]] = {
    PDF.content_type: frozenset({"pdf"}),
    TEXT.content_type: frozenset({"txt", "md", "log"}),
    CSV.content_type: frozenset({"csv"}),
    **{kind.content_type: frozenset({kind.extension}) for kind in _PICTURES.values()},
    **{content_type: frozenset({extension}) for content_type, extension in OFFICE.items()},
    "image/jpeg": frozenset({"jpg", "jpeg"}),
}
#: Control characters that no text has: all but tab, line breaks and form feed.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_ENDING: Final = re.compile(r"\.([A-Za-z0-9]{1,8})\Z")


def judge(filename: str, body: bytes) -> tuple[str, str]:
    """(a clean name, the content type). Decodes pictures: not for the event loop.
    Raises TalkRefused(bad_file)."""
    stem, ending = _parts(filename)
    kind = _kind(body, ending)
    if ending and ending not in _ENDINGS[kind.content_type]:
        raise TalkRefused("bad_file")
    return f"{stem}.{ending or kind.extension}", kind.content_type


def _parts(filename: str) -> tuple[str, str]:
    """A name without path and hidden characters, and its ending in small letters."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1]
    shown = "".join(char for char in base if unicodedata.category(char) not in _REFUSED).strip()
    found = _ENDING.search(shown)
    ending = found[1].lower() if found else ""
    stem = shown[: found.start()] if found else shown
    kept = "".join(char if char.isalnum() or char in " -_()." else "_" for char in stem)
    kept = re.sub(r"[ _]{2,}", "_", re.sub(r"\.{2,}", ".", kept)).strip(" _-.")[:_STEM_MAX]
    return kept or "file", ending


def _kind(body: bytes, ending: str) -> FileKind:
    try:
        if body.startswith(b"%PDF-") and b"%%EOF" in body[-2048:]:
            return PDF
        if body.startswith(b"PK\x03\x04"):
            return uploads.office(body)
        if ending in _ENDINGS[TEXT.content_type] | _ENDINGS[CSV.content_type] or not ending:
            text = _text(body)
            if text is not None:
                return CSV if ending == "csv" else TEXT
        picture = uploads.opened(body, tuple(_PICTURES))
        kind = _PICTURES[picture.format or ""]
        picture.load()  # a header alone is no picture
    except (BadUpload, OSError, ValueError, SyntaxError, zlib.error, KeyError):
        raise TalkRefused("bad_file") from None
    return kind


def _text(body: bytes) -> str | None:
    """UTF-8 that a person can read; None when it is none, or nothing."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) or not text.strip() else text
