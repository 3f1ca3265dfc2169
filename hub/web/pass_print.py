"""A pass as a picture: QR as inline SVG and PNG, the badge as a PDF of A6.

PDF: Helvetica for Latin text, the CID font STSong-Light for the rest; every PDF reader
brings it or something like it, so no font travels with us. A character that neither has
(Arabic, Thai) is left to the reader's replacement.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import segno
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A6
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

QUIET: Final = 4  # modules of white around a QR code: ISO/IEC 18004
_HAN: Final = "STSong-Light"
_BRAND: Final = HexColor("#0b4f8a")
_TEXT: Final = HexColor("#16202c")
_MUTED: Final = HexColor("#51606f")
_RULE: Final = HexColor("#d3dae2")
_MARGIN: Final = 8 * mm
_NAME_LEAST: Final = 17  # points: smaller than this, a name goes on two lines


@dataclass(frozen=True, slots=True)
class Badge:
    """What stands on it, already in the reader's language. ``rules``: short sentences."""

    fair: str
    title: str
    name: str
    day: str
    time: str
    zone: str
    number: str
    code: str
    rules: tuple[str, ...]


def grouped(code: str) -> str:
    """In fours, as people read it aloud."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _qr(code: str) -> Any:
    # Version 1 at level M holds 20 characters: few, large modules read from a scratched phone.
    return segno.make(code, error="m", micro=False)


def svg(code: str, label: str) -> str:
    """Markup of our own making and ``label`` escaped by segno: safe to put into a page."""
    made = _qr(code).svg_inline(
        border=QUIET, omitsize=True, svgclass="qr-code", lineclass=None, title=label, light="#fff"
    )
    return str(made)


def png(code: str) -> bytes:
    out = io.BytesIO()
    _qr(code).save(out, kind="png", scale=32, border=QUIET)
    return out.getvalue()


def _font(text: str, bold: bool = False) -> str:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        if _HAN not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont(_HAN))
        return _HAN
    return "Helvetica-Bold" if bold else "Helvetica"


def _fit(text: str, font: str, size: float, width: float, least: float) -> tuple[str, float]:
    """The text and its size so that it fits: smaller first, then cut with dots."""
    while size > least and pdfmetrics.stringWidth(text, font, size) > width:
        size -= 0.5
    whole = text
    while text and pdfmetrics.stringWidth(text, font, size) > width:
        text = text[:-1]
    return (text if text == whole else text[:-1] + "…"), size


def _lines(text: str, font: str, size: float, width: float) -> list[str]:
    """Broken at spaces; Chinese, which has none, anywhere."""
    words = text.split(" ") if " " in text and font != _HAN else list(text)
    joint = " " if " " in text and font != _HAN else ""
    lines = [""]
    for word in words:
        longer = lines[-1] + (joint if lines[-1] else "") + word
        if lines[-1] and pdfmetrics.stringWidth(longer, font, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _name(name: str, width: float) -> list[tuple[float, float, str]]:
    """(millimetres from the top, size, text): one large line, else two at a space."""
    font = _font(name, bold=True)
    if pdfmetrics.stringWidth(name, font, _NAME_LEAST) <= width or " " not in name:
        return [(34, 26, name)]
    gaps = [at for at, character in enumerate(name) if character == " "]
    middle = min(gaps, key=lambda at: abs(2 * at - len(name)))
    return [(29, 18, name[:middle]), (36.5, 18, name[middle + 1 :])]


def pdf(badge: Badge) -> bytes:
    """One page of A6, upright."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A6)
    canvas.setTitle(badge.title)
    canvas.setAuthor(badge.fair)
    width, height = A6
    inner = width - 2 * _MARGIN

    def line(text: str, down: float, size: float, colour: Any, bold: bool = False) -> None:
        text = " ".join(text.split())  # thin spaces of times: Helvetica has none
        font = _font(text, bold)
        fitted, size = _fit(text, font, size, inner, 7)
        left = (width - pdfmetrics.stringWidth(fitted, font, size)) / 2
        canvas.saveState()
        drawn = canvas.beginText(left, height - down * mm)
        drawn.setFont(font, size)
        drawn.setFillColor(colour)
        if bold and font == _HAN:  # it has no bold: its outline makes it so
            drawn.setStrokeColor(colour)
            drawn.setTextRenderMode(2)
            canvas.setLineWidth(size * 0.03)
        drawn.textOut(fitted)
        canvas.drawText(drawn)
        canvas.restoreState()

    canvas.setFillColor(_BRAND)
    canvas.rect(0, height - 20 * mm, width, 20 * mm, stroke=0, fill=1)
    line(badge.fair, 10, 14, HexColor("#ffffff"), bold=True)
    line(badge.title, 16, 9.5, HexColor("#ffffff"))
    for down, size, part in _name(badge.name, inner):
        line(part, down, size, _TEXT, bold=True)
    line(badge.day, 43.5, 12, _TEXT)
    line(badge.time, 50.5, 17, _TEXT, bold=True)
    line(badge.zone, 55, 8.5, _MUTED)
    _draw_qr(canvas, badge.code, width / 2, height - 55 * mm, 64 * mm)
    line(grouped(badge.code), 121, 12, _TEXT, bold=True)
    line(badge.number, 126.5, 9, _MUTED)
    canvas.setStrokeColor(_RULE)
    canvas.setLineWidth(0.5)
    canvas.line(_MARGIN, height - 130 * mm, width - _MARGIN, height - 130 * mm)
    canvas.setFillColor(_TEXT)
    y = height - 134.5 * mm
    for rule in badge.rules:
        font = _font(rule)
        for part in _lines(rule, font, 8, inner):
            canvas.setFont(font, 8)
            canvas.drawString(_MARGIN, y, part)
            y -= 3.5 * mm
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw_qr(canvas: Canvas, code: str, centre: float, top: float, side: float) -> None:
    """Squares, not a picture: as sharp as the printer can be."""
    rows = [list(row) for row in _qr(code).matrix_iter(border=QUIET)]
    step = side / len(rows)
    left = centre - side / 2
    canvas.setFillColor(HexColor("#000000"))
    for down, row in enumerate(rows):
        for right, dark in enumerate(row):
            if dark:
                canvas.rect(
                    left + right * step, top - (down + 1) * step, step, step, stroke=0, fill=1
                )
