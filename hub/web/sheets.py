"""Sheets as answers: a CSV or XLSX file streamed while its rows are read.

Every text in them is guarded against being taken for a formula (``hub.sheets``).
"""

from __future__ import annotations

import asyncio
import queue
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import IO, Final, Literal
from urllib.parse import quote

from aiohttp import web

from hub import sheets
from hub.sheets import Cell

Format = Literal["csv", "xlsx"]
FORMATS: Final = ("csv", "xlsx")
_BATCH: Final = 500
_PIECE: Final = 64 * 1024
_SPOOL: Final = 1024 * 1024  # what of an XLSX file stays in memory
_GIVE_UP_S: Final = 60.0

Rows = AsyncIterator[Sequence[Cell]]


def disposition(filename: str) -> str:
    """Content-Disposition for a download, RFC 6266: the name in UTF-8 and in plain ASCII."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


async def send(
    request: web.Request, stem: str, form: Format, header: Sequence[str], rows: Rows,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:  # fmt: skip
    """Answer with ``stem.csv`` or ``stem.xlsx``. Rows are taken as they are sent, so
    their number is bounded by whoever gives them, not by memory. ``headers``: beside or in
    place of what every sheet has."""
    response = web.StreamResponse(
        headers={
            "Content-Disposition": disposition(f"{stem}.{form}"),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        }
    )
    if form == "csv":
        response.content_type, response.charset = sheets.CSV_TYPE, "utf-8"
        await response.prepare(request)
        await _stream_csv(response, header, rows)
    else:
        response.content_type = sheets.XLSX_TYPE
        with tempfile.SpooledTemporaryFile(_SPOOL) as file:
            await _fill_xlsx(file, stem, header, rows)
            file.seek(0)
            await response.prepare(request)
            while piece := await asyncio.to_thread(file.read, _PIECE):
                await response.write(piece)
    await response.write_eof()
    return response


async def _stream_csv(response: web.StreamResponse, header: Sequence[str], rows: Rows) -> None:
    mark = "\ufeff".encode()
    batch: list[Sequence[Cell]] = [header]
    first = True
    async for row in rows:
        batch.append(row)
        if len(batch) >= _BATCH:
            body = b"".join(sheets.csv_chunks(batch))
            await response.write(body if first else body.removeprefix(mark))
            batch, first = [], False
    body = b"".join(sheets.csv_chunks(batch))
    await response.write(body if first else body.removeprefix(mark))


async def _fill_xlsx(file: IO[bytes], title: str, header: Sequence[str], rows: Rows) -> None:
    """The writer works in a thread (compressing takes its time), fed through a short queue."""
    fed: queue.Queue[list[Sequence[Cell]] | None] = queue.Queue(maxsize=4)
    stopped = threading.Event()

    def taken() -> Iterator[Sequence[Cell]]:
        yield header
        while not stopped.is_set() and (batch := fed.get(timeout=_GIVE_UP_S)) is not None:
            yield from batch

    writing = asyncio.create_task(asyncio.to_thread(sheets.write_xlsx, file, taken(), title))
    try:
        batch: list[Sequence[Cell]] = []
        async for row in rows:
            batch.append(row)
            if len(batch) >= _BATCH:
                await asyncio.to_thread(fed.put, batch, timeout=_GIVE_UP_S)
                batch = []
        await asyncio.to_thread(fed.put, batch, timeout=_GIVE_UP_S)
        await asyncio.to_thread(fed.put, None, timeout=_GIVE_UP_S)
        await writing
    except BaseException:
        stopped.set()
        if fed.empty():
            fed.put_nowait(None)
        raise
