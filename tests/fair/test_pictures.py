"""Pictures that are published tell nothing but their pixels; broken and huge ones are refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from hub.fair.base import FairKeys
from hub.fair.companies import uploads
from hub.fair.pictures import bare
from hub.fair.results import attachments
from hub.ports.companies import BadUpload
from hub.ports.results import ResultRefused, Upload

KEYS = FairKeys(bytes(32), bytes(32), bytes(32))
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
SECRETS = (b"Hasselblad", b"somebody@example.com", b"GPSMARK", b"<x:xmpmeta")
XMP = b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">GPSMARK</x:xmpmeta>'


def exif(orientation: int) -> Image.Exif:
    """As a camera writes it: maker, owner, and where it was."""
    found = Image.Exif()
    found[ExifTags.Base.Make] = "Hasselblad"
    found[ExifTags.Base.Artist] = "somebody@example.com"
    found[ExifTags.Base.Orientation] = orientation
    place = found.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLongitudeRef] = "N", "E"
    place[ExifTags.GPS.GPSLatitude] = (39.0, 54.0, 27.5)
    place[ExifTags.GPS.GPSLongitude] = (116.0, 23.0, 17.2)
    place[ExifTags.GPS.GPSAreaInformation] = b"GPSMARK"
    return found


def photo(form: str, orientation: int = 6, **more: Any) -> bytes:
    picture = Image.linear_gradient("L").convert("RGB").resize((120, 80))
    picture.putpixel((3, 3), (250, 10, 10))
    if form == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("Author", "somebody@example.com", zip=False)
        text.add_text("XML:com.adobe.xmp", XMP.decode())
        more |= {"pnginfo": text}
    if form in ("JPEG", "GIF"):
        more |= {"comment": b"somebody@example.com"}
    if form in ("JPEG", "WEBP"):
        more |= {"xmp": XMP}
    if form != "GIF":
        more |= {"exif": exif(orientation)}
    out = io.BytesIO()
    picture.save(out, form, **more)
    return out.getvalue()


def frames(raw: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(raw)) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(picture.convert("RGBA").tobytes())
        return found


@pytest.mark.parametrize("form", TYPES)
def test_nothing_but_pixels_stays(form: str) -> None:
    raw = photo(form) + b"GPSMARK after the end"
    assert any(secret in raw for secret in SECRETS[1:])
    kept = uploads.bare(TYPES[form], raw)
    assert [secret for secret in SECRETS if secret in kept] == []
    assert frames(kept) == frames(raw)
    assert uploads.bare(TYPES[form], kept) == kept  # there is nothing more to take away
    with Image.open(io.BytesIO(kept)) as picture:
        found = dict(picture.getexif())
    assert found == ({} if form == "GIF" else {ExifTags.Base.Orientation: 6})
    assert uploads.bare(TYPES[form], photo(form, 1)).count(b"Exif\0\0") == 0


def test_what_shows_the_pixels_stays() -> None:
    profile = b"profile" * 20_000  # longer than a segment of JPEG
    for form in ("JPEG", "PNG", "WEBP"):
        raw = photo(form, icc_profile=profile, **({"progressive": True} if form == "JPEG" else {}))
        with Image.open(io.BytesIO(uploads.bare(TYPES[form], raw))) as picture:
            assert picture.info["icc_profile"] == profile, form
    many = [Image.new("RGB", (40, 40), colour) for colour in ("red", "green", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        many[0].save(out, form, save_all=True, append_images=many[1:], duration=80, loop=0)
        kept = uploads.bare(TYPES[form], out.getvalue())
        assert len(frames(kept)) == 3 and frames(kept) == frames(out.getvalue()), form
        with Image.open(io.BytesIO(kept)) as picture:
            assert picture.info["loop"] == 0, form
    cmyk = io.BytesIO()
    Image.new("CMYK", (30, 30), (9, 99, 0, 40)).save(cmyk, "JPEG")
    assert frames(uploads.bare("image/jpeg", cmyk.getvalue())) == frames(cmyk.getvalue())


@pytest.mark.parametrize("form", TYPES)
def test_broken_containers_are_refused_or_shortened_but_never_run_on(form: str) -> None:
    raw = photo(form)
    for end in range(12, len(raw), 7):
        try:
            kept = bare(TYPES[form], raw[:end])
        except ValueError:
            continue
        assert len(kept) <= end + 12
        assert [secret for secret in SECRETS if secret in kept] == []
    assert bare("application/pdf", b"%PDF-GPSMARK") == b"%PDF-GPSMARK"


def bomb() -> bytes:
    """A PNG of 4,096 million pixels in a few kilobytes."""

    def chunk(kind: bytes, said: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + said))
        return struct.pack(">I", len(said)) + kind + said + end

    header = struct.pack(">IIBBBBB", 64_000, 64_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(4_000_000))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
            + chunk(b"IEND", b""))  # fmt: skip


async def test_both_ways_in_strip_and_refuse() -> None:
    raw = photo("JPEG")
    kind, kept = await uploads.download(raw)
    file, sealed = await attachments.prepare(KEYS, "r1", Upload("Signing.JPG", raw))
    assert kind.content_type == file.content_type == "image/jpeg"
    assert kept == uploads.bare("image/jpeg", raw) and file.size == len(kept) < len(raw)
    assert len(sealed) == 12 + len(kept) + 16
    with pytest.raises(BadUpload):
        await uploads.download(bomb())
    with pytest.raises(ResultRefused, match="bad_file"):
        await attachments.prepare(KEYS, "r1", Upload("bomb.png", bomb()))
