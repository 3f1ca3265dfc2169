"""Pictures without what cameras and editors write beside the pixels: where a photo was taken, by
whom, with what, and small pictures of what was cut away.

The pixels stay bit for bit; so do colour profiles, animation and which way is up. Everything else
of the container is left out, and what comes after its end. No library rewrites all four formats
without coding the pixels anew, which would cost a photo its quality and an animation its frames.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import Final

_ORIENTATION: Final = 0x0112
#: Frame headers, tables and scans are below these; JFIF, colour profile and Adobe's transform
#: say how to show the pixels (ITU-T T.81 B.1.1, T.872).
_JPEG_BESIDE: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
_JPEG_KEPT: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_JPEG_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_JPEG_SCAN_END: Final = re.compile(b"\xff(?=[^\x00\xd0-\xd7\xff])")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT cICP bKGD hIST pHYs sPLT acTL fcTL fdAT"
    .split()
)  # fmt: skip
_WEBP_KEPT: Final = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_GIF_KEPT: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # how often it repeats


def bare(content_type: str, raw: bytes, orientation: int = 1) -> bytes:
    """``raw`` without metadata; as it is when it is no picture. ``orientation``: the value of
    Exif's tag, which is kept unless it is 1. Raises ValueError for a broken container."""
    strip = _STRIPS.get(content_type)
    if strip is None:
        return raw
    exif = b"" if orientation not in range(2, 9) else _exif(orientation)
    try:
        return strip(raw, exif)
    except (IndexError, struct.error):
        raise ValueError("the picture ends too soon") from None


def _exif(orientation: int) -> bytes:
    """A TIFF directory with one entry."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


def _jpeg(raw: bytes, exif: bytes) -> bytes:
    out, at = bytearray(raw[:2]), 2
    if exif:
        out += b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    while True:
        if raw[at] != 0xFF:
            raise ValueError("no marker where one must be")
        while raw[at] == 0xFF:
            at += 1
        marker, at = raw[at], at + 1
        if marker == 0xD9:
            return bytes(out + b"\xff\xd9")
        if marker in _JPEG_ALONE:
            continue
        (length,) = struct.unpack_from(">H", raw, at)
        said = raw[at + 2 : at + length]
        if length < 2 or len(said) != length - 2:
            raise ValueError("a segment is longer than the file")
        kept = _JPEG_KEPT.get(marker)
        if marker not in _JPEG_BESIDE or (kept is not None and said.startswith(kept)):
            out += bytes((0xFF, marker)) + raw[at : at + length]
        at += length
        if marker == 0xDA:
            ends = _JPEG_SCAN_END.search(raw, at)
            if ends is None:  # decoders forgive a missing end
                return bytes(out + raw[at:] + b"\xff\xd9")
            out += raw[at : ends.start()]
            at = ends.start()


def _png(raw: bytes, exif: bytes) -> bytes:
    out, at, kind = bytearray(_PNG), len(_PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", raw, at)
        chunk = raw[at : at + length + 12]
        if len(chunk) != length + 12:
            raise ValueError("a chunk is longer than the file")
        if kind in _PNG_KEPT:
            out += chunk
        if kind == b"IHDR" and exif:
            said = b"eXIf" + exif
            out += struct.pack(">I", len(exif)) + said + struct.pack(">I", zlib.crc32(said))
        at += length + 12
    return bytes(out)


def _webp(raw: bytes, exif: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", raw, 4)
    ends = 8 + size
    if ends > len(raw):
        raise ValueError("it says that it is longer than the file")
    out = bytearray(raw[:12])
    at = 12
    while at + 8 <= ends:
        kind, length = struct.unpack_from("<4sI", raw, at)
        after = at + 8 + length + length % 2
        if at + 8 + length > ends:
            raise ValueError("a chunk is longer than the file")
        if kind in _WEBP_KEPT:
            chunk = bytearray(raw[at:after].ljust(after - at, b"\0"))
            if kind == b"VP8X":  # says that there is Exif (bit 3), that there is XMP (bit 2)
                chunk[8] = chunk[8] & ~0x0C | (0x08 if exif else 0)
            out += chunk
        at = after
    if exif and bytes(out[12:16]) == b"VP8X":
        out += b"EXIF" + struct.pack("<I", len(exif)) + exif
    out[4:8] = struct.pack("<I", len(out) - 8)
    return bytes(out)


def _gif(raw: bytes, exif: bytes) -> bytes:
    """Exif has no place in it."""

    def table(flags: int) -> int:
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0

    def blocks(at: int) -> int:
        """Where what comes after the data that begins at ``at`` begins."""
        while raw[at]:
            at += raw[at] + 1
        return at + 1

    at = 13 + table(raw[10])
    out = bytearray(raw[:at])
    while at < len(raw) and raw[at] != 0x3B:
        if raw[at] == 0x2C:
            after, kept = blocks(at + 11 + table(raw[at + 9])), True
        elif raw[at] == 0x21:
            after = blocks(at + 2)
            kept = raw[at + 1] == 0xF9 or (
                raw[at + 1] == 0xFF and raw[at + 3 : at + 14] in _GIF_KEPT
            )
        else:
            raise ValueError("no block where one must be")
        if kept:
            out += raw[at:after]
        at = after
    return bytes(out + b";")


_STRIPS: Final[dict[str, Callable[[bytes, bytes], bytes]]] = {
    "image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/gif": _gif,
}  # fmt: skip
