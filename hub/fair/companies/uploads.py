"""What companies send: logos made anew from their pixels, files judged by content.

Nothing here believes a name or a Content-Type. Decoding runs in two threads of its own, so
that a large picture holds up neither the loop nor more than its share of the processors.
"""

from __future__ import annotations

import asyncio
import io
import re
import struct
import unicodedata
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from hub.fair import pictures
from hub.ports.companies import FILE_BYTES_MAX, PICTURE_BYTES_MAX, BadUpload

PICTURE_TYPE: Final = "image/webp"
LARGE: Final = 512
SMALL: Final = 96
_PIXELS_MAX: Final = 24_000_000
_SIDE_MAX: Final = 12_000
_SIDE_MIN: Final = 16
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_UNPACKED_MAX: Final = 200 * 1024 * 1024
_ENTRIES_MAX: Final = 5_000
_TYPES_MAX: Final = 1024 * 1024  # bytes of [Content_Types].xml
_NAME_MAX: Final = 100
_POOL: Final = ThreadPoolExecutor(2, thread_name_prefix="picture")


@dataclass(frozen=True, slots=True)
class FileKind:
    content_type: str
    extension: str


_OOXML: Final = "application/vnd.openxmlformats-officedocument."
PDF: Final = FileKind("application/pdf", "pdf")
PICTURES: Final = {
    "PNG": FileKind("image/png", "png"),
    "JPEG": FileKind("image/jpeg", "jpg"),
    "WEBP": FileKind("image/webp", "webp"),
}
#: The type of an OOXML package's main part -> what the whole is (ECMA-376 part 1, 11-15).
OFFICE: Final = {
    _OOXML + "wordprocessingml.document": "docx",
    _OOXML + "spreadsheetml.sheet": "xlsx",
    _OOXML + "presentationml.presentation": "pptx",
}


async def logo(raw: bytes) -> tuple[bytes, bytes]:
    """A large and a small WebP of a picture. Raises BadUpload."""
    if len(raw) > PICTURE_BYTES_MAX:
        raise BadUpload("too_large")
    return await asyncio.get_running_loop().run_in_executor(_POOL, _scaled, raw)


async def download(raw: bytes) -> tuple[FileKind, bytes]:
    """What it is, by its content, and what of it is kept: everything, but of a picture what
    ``bare`` leaves. Raises BadUpload."""
    if len(raw) > FILE_BYTES_MAX:
        raise BadUpload("too_large")
    return await asyncio.get_running_loop().run_in_executor(_POOL, _download, raw)


def opened(raw: bytes, formats: tuple[str, ...]) -> Image.Image:
    """The header alone: no pixel is decoded before the size is known to be fair."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(raw), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadUpload("too_many_pixels") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, zlib.error):
        raise BadUpload("not_a_picture") from None
    if picture.width * picture.height > _PIXELS_MAX or max(picture.size) > _SIDE_MAX:
        raise BadUpload("too_many_pixels")
    return picture


def _scaled(raw: bytes) -> tuple[bytes, bytes]:
    picture = opened(raw, _FORMATS)
    if min(picture.size) < _SIDE_MIN:
        raise BadUpload("too_small")
    try:
        if picture.format == "JPEG":
            picture.draft("RGB", (LARGE, LARGE))  # decoded at a fraction of its size
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        flat = upright.convert("RGBA" if "A" in upright.mode or upright.info else "RGB")
        made = []
        for side in (LARGE, SMALL):
            scaled = flat.copy()
            scaled.thumbnail((side, side), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            # Pixels alone are kept: no EXIF (places, cameras), no colour profile, no text.
            scaled.save(out, "WEBP", quality=82, method=4, exif=b"", icc_profile=b"", xmp=b"")
            made.append(out.getvalue())
    except (OSError, ValueError, SyntaxError, zlib.error, Image.DecompressionBombError):
        raise BadUpload("not_a_picture") from None
    return made[0], made[1]


def _download(raw: bytes) -> tuple[FileKind, bytes]:
    kind = _judged(raw)
    return kind, bare(kind.content_type, raw)


def bare(content_type: str, raw: bytes) -> bytes:
    """A picture without metadata, upright as before; anything else as it is. Its size was
    found to be fair (``opened``). Raises BadUpload(not_allowed)."""
    if not content_type.startswith("image/"):
        return raw
    try:
        return pictures.bare(content_type, raw, _orientation(raw))
    except ValueError:
        raise BadUpload("not_allowed") from None


def _orientation(raw: bytes) -> int:
    """By Exif; 1, upright, for what makes no sense."""
    try:
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as picture:
            found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError, struct.error, TypeError, KeyError, zlib.error):
        return 1
    return found if isinstance(found, int) else 1


def _judged(raw: bytes) -> FileKind:
    if raw.startswith(b"%PDF-") and b"%%EOF" in raw[-2048:]:
        return PDF
    if raw.startswith(b"PK\x03\x04"):
        return office(raw)
    try:
        picture = opened(raw, tuple(PICTURES))
        kind = PICTURES[picture.format or ""]
        picture.load()
    except (BadUpload, OSError, ValueError, SyntaxError, zlib.error, KeyError):
        raise BadUpload("not_allowed") from None
    return kind


def office(raw: bytes) -> FileKind:
    """Word, Excel and PowerPoint without macros; every other archive is refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            entries = package.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if len(entries) > _ENTRIES_MAX or unpacked > _UNPACKED_MAX:
                raise BadUpload("not_allowed")
            types = package.getinfo("[Content_Types].xml")
            if types.file_size > _TYPES_MAX or any(entry.flag_bits & 1 for entry in entries):
                raise BadUpload("not_allowed")
            with package.open(types) as part:
                text = part.read(_TYPES_MAX).decode("utf-8").lower()
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, RuntimeError, zlib.error,
            NotImplementedError):  # fmt: skip
        raise BadUpload("not_allowed") from None
    names = {entry.filename.lower() for entry in entries}
    if "macroenabled" in text or "vbaproject" in text or any("vbaproject" in n for n in names):
        raise BadUpload("not_allowed")
    for content_type, extension in OFFICE.items():
        if f'"{content_type}.main+xml"' in text:
            return FileKind(content_type, extension)
    raise BadUpload("not_allowed")


def safe_filename(name: str, kind: FileKind) -> str:
    """``name`` without path, hidden characters and extension, with that of its content."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem = base.rpartition(".")[0] or base
    kept = "".join(
        char if char.isalnum() or char in " -_()" else "_"
        for char in stem
        if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    )
    kept = re.sub(r"[ _]{2,}", "_", kept).strip(" _-")[:_NAME_MAX]
    return f"{kept or 'file'}.{kind.extension}"
