"""Sheets in and out: CSV and XLSX, read with bounds and written without formulas.

A base module: the fair's imports, the pages' exports and the commands all use it. Reading gives
rows of text with their 1-based number in the file (the header is row 1); whatever cannot be read
is a ``BadSheet`` with a stable code. Writing guards every text that a spreadsheet would take for
a formula (owasp.org/www-community/attacks/CSV_Injection); reading takes the guard off again, so
that a file of ours can be mended and sent back.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, Final

import python_calamine
import xlsxwriter  # type: ignore[import-untyped]

ROWS_MAX: Final = 300_000
COLUMNS_MAX: Final = 64
CELL_MAX: Final = 32_767  # what a cell of XLSX holds
CELLS_MAX: Final = 6_000_000  # a sheet is held densely while it is read
UNPACKED_MAX: Final = 400 * 1024 * 1024
ENTRIES_MAX: Final = 2_000
_SNIFF: Final = 64 * 1024
_PIECE: Final = 256 * 1024

CSV_TYPE: Final = "text/csv"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: What a spreadsheet may take for the beginning of a formula; full width ones too.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_GUARD: Final = "'"

Cell = str | int | float | None
Row = tuple[int, list[str]]


class BadSheet(ValueError):
    """A file that cannot be read as a sheet.

    ``code``: bad_encoding, not_a_sheet, too_large, too_many_rows, too_many_columns,
    cell_too_long, empty. ``row`` where one is known.
    """

    def __init__(self, code: str, row: int | None = None) -> None:
        super().__init__(code if row is None else f"{code} in row {row}")
        self.code = code
        self.row = row


# --- writing --------------------------------------------------------------------------------


def guarded(value: Cell) -> Cell:
    """``value`` so that no spreadsheet reads it as a formula; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return _GUARD + value
    return value


def unguarded(text: str) -> str:
    """What ``guarded`` was given."""
    if text.startswith(_GUARD) and text[1:].startswith(_FORMULA):
        return text[1:]
    return text


def csv_chunks(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """CSV (RFC 4180) in UTF-8 with a byte order mark, for Excel reads it as the local code
    page without one. Pieces of about 64 KiB."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
        if buffer.tell() >= _SNIFF:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "replace")


def write_xlsx(target: Path | IO[bytes], rows: Iterable[Sequence[Cell]], title: str) -> None:
    """One sheet in constant memory (temporary files); the first row is the bold header."""
    name = re.sub(r"[\[\]:*?/\\']", " ", title).strip()[:31] or "Sheet"
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(target, options) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    # A cell of type text is never a formula; the guard is for whoever saves
                    # the sheet as CSV later.
                    text = str(guarded(cell))[:CELL_MAX]
                    sheet.write_string(number, column, text, bold if number == 0 else None)
                elif cell is not None:
                    sheet.write_number(number, column, cell)


# --- reading --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet ready to be read: ``rows()`` may be called again and starts over.

    ``count`` is the number of rows below the header that are not empty.
    """

    header: list[str]
    count: int
    _source: _Csv | _Xlsx

    def rows(self) -> Iterator[Row]:
        """Rows that are not empty, as long as the header, with their number in the file."""
        width = len(self.header)
        for number, cells in self._source.filled():
            if number != self._source.header_row:
                yield number, (cells + [""] * width)[:width] if len(cells) != width else cells


class _Csv:
    def __init__(self, data: bytes) -> None:
        self._text = _decoded(data)
        self._dialect = _delimiter(self._text)
        self.header_row = 0

    def filled(self) -> Iterator[Row]:
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._dialect)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if number > ROWS_MAX + 1:
                    raise BadSheet("too_many_rows", number)
                if len(cells) > COLUMNS_MAX and any(cells[COLUMNS_MAX:]):
                    raise BadSheet("too_many_columns", number)
                cells = [_cut(unguarded(cell.strip())) for cell in cells[:COLUMNS_MAX]]
                if any(cells):
                    yield number, cells
        except csv.Error as fault:
            code = "cell_too_long" if "field larger" in str(fault) else "not_a_sheet"
            raise BadSheet(code, number + 1) from None


class _Xlsx:
    def __init__(self, data: bytes) -> None:
        _check_package(data)
        self.header_row = 0
        try:
            book = python_calamine.load_workbook(io.BytesIO(data))
            visible = [
                found.name
                for found in book.sheets_metadata
                if found.visible == python_calamine.SheetVisibleEnum.Visible
            ]
            self._sheet = book.get_sheet_by_name((visible or book.sheet_names)[0])
        except (python_calamine.CalamineError, IndexError, ValueError, OSError):
            raise BadSheet("not_a_sheet") from None
        if self._sheet.height > ROWS_MAX + 1:
            raise BadSheet("too_many_rows")
        if self._sheet.width > COLUMNS_MAX:
            raise BadSheet("too_many_columns")

    def filled(self) -> Iterator[Row]:
        for number, cells in enumerate(self._sheet.iter_rows(), 1):  # empty ones at the top too
            texts = [_cell_text(cell) for cell in cells]
            if any(texts):
                yield number, texts


def read_sheet(data: bytes) -> Sheet:
    """The first visible sheet of an XLSX file, or a CSV file: told apart by their content.

    Raises BadSheet. CSV: UTF-8 with or without a mark, UTF-16 with one, else GB18030;
    separated by comma, semicolon or tab.
    """
    source: _Csv | _Xlsx = _Xlsx(data) if data[:4] == b"PK\x03\x04" else _Csv(data)
    header: list[str] = []
    count = 0
    for number, cells in source.filled():
        if source.header_row == 0:
            source.header_row, header = number, cells
        else:
            count += 1
    while header and not header[-1]:
        header.pop()
    if not header:
        raise BadSheet("empty")
    return Sheet(header, count, source)


def _cut(text: str) -> str:
    # One character more than a cell may have: whoever checks lengths sees that it is too long.
    return text if len(text) <= CELL_MAX else text[: CELL_MAX + 1]


def _cell_text(cell: Any) -> str:
    """What a person sees in the cell: 100000 and not 100000.0, times as RFC 3339 has them."""
    if isinstance(cell, str):
        return _cut(unguarded(cell.strip()))
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return "" if cell is None else _cut(str(cell))


def _decoded(data: bytes) -> str:
    """Text of a CSV file. Raises BadSheet(bad_encoding)."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encodings = ("utf-16",)
    elif data[:3] == b"\xef\xbb\xbf":
        encodings = ("utf-8-sig",)
    else:
        # Text in GB18030 is hardly ever valid UTF-8 by chance, the other way round it often
        # is: UTF-8 goes first. GBK and GB2312 are parts of GB18030.
        encodings = ("utf-8", "gb18030")  # type: ignore[assignment]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text[:_SNIFF]:
            break
        # Latin text in an old code page decodes as rare Chinese characters or private ones.
        if encoding == "gb18030" and not _plausibly_chinese(text[:_SNIFF]):
            break
        return text
    raise BadSheet("bad_encoding")


def _plausibly_chinese(text: str) -> bool:
    """Most of what is not ASCII is common: level 1 characters of GB 2312 or punctuation."""
    others = [char for char in text if ord(char) > 127]
    if not others:
        return True
    common = 0
    for char in others:
        try:
            lead = char.encode("gb2312")[0]
        except UnicodeEncodeError:
            continue
        common += 0xA1 <= lead <= 0xA3 or 0xB0 <= lead <= 0xD7
    return common * 10 >= len(others) * 7


def _delimiter(text: str) -> str:
    """Of the header, outside quotes; Excel writes semicolons where the comma is decimal."""
    line = re.sub(r'"[^"]*"', "", text[:_SNIFF].lstrip("\ufeff\r\n").split("\n", 1)[0])
    counts = {mark: line.count(mark) for mark in (",", ";", "\t")}
    return max(counts, key=lambda mark: counts[mark])


#: A cell's or row's place in a sheet's XML: r="BC12" or r="12".
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{0,8})(\d{1,10})""")


def _check_package(data: bytes) -> None:
    """Refuses what would unpack to too much before anything is read. Raises BadSheet.

    The sizes a zip file states may lie, so each part is unpacked once, in pieces, and
    counted; the places of cells are looked at too, for one cell in the last corner makes a
    dense sheet of 17,000,000,000.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = package.infolist()
            if len(entries) > ENTRIES_MAX or sum(e.file_size for e in entries) > UNPACKED_MAX:
                raise BadSheet("too_large")
            left = UNPACKED_MAX
            for entry in entries:
                declared = entry.file_size
                entry.file_size = 1 << 62  # read on past what it says of itself
                real = _measure(package, entry, left)
                if real != declared:
                    raise BadSheet("not_a_sheet")
                left -= real
    except BadSheet:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError,
            NotImplementedError):  # fmt: skip
        raise BadSheet("not_a_sheet") from None


def _measure(package: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    """Real size of a part; raises BadSheet past ``left`` bytes or too far a cell."""
    size = rows = columns = 0
    tail = b""
    is_sheet = "sheet" in entry.filename.lower()
    with package.open(entry) as part:
        while piece := part.read(_PIECE):
            size += len(piece)
            if size > left:
                raise BadSheet("too_large")
            if not is_sheet:
                continue
            for letters, digits in _PLACE.findall(tail + piece):
                rows = max(rows, int(digits))
                columns = max(columns, _column_number(letters))
            tail = piece[-40:]
            if rows > ROWS_MAX + 1:
                raise BadSheet("too_many_rows")
            if columns > COLUMNS_MAX:
                raise BadSheet("too_many_columns")
    if rows * columns > CELLS_MAX:
        raise BadSheet("too_large")
    return size


def _column_number(letters: bytes) -> int:
    """A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
