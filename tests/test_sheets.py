"""Sheets: encodings, formulas, bombs, and what is written is read back."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import datetime

import pytest
import xlsxwriter

from hub import sheets
from hub.sheets import BadSheet, read_sheet

ROWS = [["name", "note", "n"], ["王小明", "=cmd|' /C calc'!A0", 7], ["Zoë", "-1+1", None],
        ["a,b\"c\nd", "@SUM(A1)", 2.5]]  # fmt: skip


def xlsx(rows: list[list[object]] = ROWS) -> bytes:
    target = io.BytesIO()
    sheets.write_xlsx(target, rows, "a/b")  # type: ignore[arg-type]
    return target.getvalue()


def repacked(name: str, change: bytes | None = None, **more: bytes) -> bytes:
    """The sample workbook with one part changed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx())) as old, zipfile.ZipFile(target, "w", 8) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change if entry.filename == name else old.read(entry))
        for extra, body in more.items():
            new.writestr(extra, body)
    return target.getvalue()


def contents(data: bytes) -> list[list[str]]:
    sheet = read_sheet(data)
    return [sheet.header, *(cells for _, cells in sheet.rows())]


WANTED = [["name", "note", "n"], ["王小明", "=cmd|' /C calc'!A0", "7"], ["Zoë", "-1+1", ""],
          ["a,b\"c\nd", "@SUM(A1)", "2.5"]]  # fmt: skip


def test_written_sheets_hold_no_formula_and_read_back_the_same() -> None:
    as_csv = b"".join(sheets.csv_chunks(ROWS))  # type: ignore[arg-type]
    assert as_csv.startswith(b"\xef\xbb\xbf") and b"'=cmd" in as_csv and b"'-1+1" in as_csv
    assert b"'@SUM" in as_csv
    with zipfile.ZipFile(io.BytesIO(xlsx())) as package:
        xml = package.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in xml and b"&#39;=cmd" in xml.replace(b"'", b"&#39;")
    assert contents(as_csv) == WANTED
    assert contents(xlsx()) == WANTED
    for start in "=+-@\t\r\n＝＋－＠":
        assert str(sheets.guarded(start + "x")).startswith("'")
        assert sheets.unguarded(str(sheets.guarded(start + "x"))) == start + "x"
    assert sheets.unguarded("'tis") == "'tis"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_every_encoding_and_delimiter_is_read(encoding: str, mark: str) -> None:
    text = f"姓名{mark}公司\r\n王小明{mark}中国国际服务贸易公司\r\n\r\n李娜{mark}\r\n"
    sheet = read_sheet(text.encode(encoding))
    assert sheet.header == ["姓名", "公司"] and sheet.count == 2
    assert list(sheet.rows()) == [(2, ["王小明", "中国国际服务贸易公司"]), (4, ["李娜", ""])]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("name\r\nJosé Müller Ñandú\r\nFrançois Lefèvre".encode("latin-1"), "bad_encoding"),
        (b"name\x00\r\nx", "bad_encoding"),
        (b"\xff\xfe\x00", "bad_encoding"),
        (b"", "empty"),
        (b"\r\n\r\n,,\r\n", "empty"),
        (b"PK\x03\x04 not a zip", "not_a_sheet"),
        (b"a\r\n" + b"x" * 140_000, "cell_too_long"),
        (b"a\r\n" + b"," * 70 + b"x", "too_many_columns"),
        (b"a\n" + b"x\n" * (sheets.ROWS_MAX + 2), "too_many_rows"),
    ],
    ids=["latin", "nul", "half", "nothing", "blank", "nozip", "cell", "columns", "rows"],
)
def test_what_is_no_sheet_has_its_code(data: bytes, code: str) -> None:
    with pytest.raises(BadSheet) as caught:
        read_sheet(data)
    assert caught.value.code == code


def bomb(declared: int | None) -> bytes:
    """A part of 8 MB of zeros, which may lie about its size in both headers."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", 8) as package, package.open("xl/workbook.xml", "w") as part:
        for _ in range(8):
            part.write(b"\0" * 1_048_576)
    data = bytearray(target.getvalue())
    if declared is not None:
        central = data.rindex(b"PK\x01\x02")
        struct.pack_into("<I", data, central + 24, declared)
        struct.pack_into("<I", data, 22, declared)
    return bytes(data)


def test_bombs_are_refused_before_they_unpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "UNPACKED_MAX", 4 * 1024 * 1024)
    far = b'<worksheet><sheetData><row r="%s"><c r="%s"><v>1</v></c></row></sheetData></worksheet>'
    name = "xl/worksheets/sheet1.xml"
    for data, code in (
        (bomb(None), "too_large"),
        (bomb(1000), "too_large"),
        (repacked(name, far % (b"1048576", b"A1048576")), "too_many_rows"),
        (repacked(name, far % (b"1", b"XFD1")), "too_many_columns"),
        (repacked(name, far % (b"250000", b"BA250000")), "too_large"),
        (repacked(name, b"<nonsense"), "not_a_sheet"),
    ):
        with pytest.raises(BadSheet) as caught:
            read_sheet(data)
        assert caught.value.code == code, len(data)


def test_cells_are_read_as_people_see_them() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        book.add_worksheet("hidden").hide()
        page = book.add_worksheet("shown")
        page.activate()
        page.write_row(3, 0, ["when", "capacity", "on", "long"])
        page.write_datetime(4, 0, datetime(2026, 9, 5, 9, 30))
        page.write_row(4, 1, [1000, True])
        page.write_string(4, 3, "x" * 32_767)
    sheet = read_sheet(target.getvalue())
    number, cells = next(sheet.rows())
    assert number == 5 and cells[:3] == ["2026-09-05 09:30", "1000", "yes"]
    assert len(cells[3]) == sheets.CELL_MAX
