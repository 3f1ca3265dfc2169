"""/imports: sheets of people, companies, conferences and rooms, for organisers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, cast

from aiohttp import web

from hub import sheets
from hub.ports.imports import KINDS, REASON, ImportFault, ImportJob, Kind, TooManyImports
from hub.services import SERVICES, Services
from hub.sheets import Cell
from hub.web import i18n
from hub.web.audits import audit
from hub.web.auth import need_fair_organiser
from hub.web.bodies import read_bytes
from hub.web.bodies_imports import ImportBody, ImportList, RowFaultList
from hub.web.import_texts import explain
from hub.web.pages import PAGES
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.routes import BASE, Query, Route
from hub.web.sheets import FORMATS, Format, send
from rooms.model import Identity
from rooms.times import rfc3339

PAGE: Final = 50
FAULTS: Final = 500  # of one reading, while an error file is written
NO_STORE: Final = {"Cache-Control": "no-store"}
FILENAME_MAX: Final = 160


def body_of(job: ImportJob) -> dict[str, Any]:
    return {
        "id": job.id, "kind": job.kind, "filename": job.filename, "dry_run": job.dry_run,
        "state": job.state, "why": job.why, "unknown": list(job.unknown),
        "rows_total": job.rows_total, "rows_done": job.rows_done, "created": job.created,
        "updated": job.updated, "unchanged": job.unchanged, "bad": job.bad,
        "created_at": rfc3339(job.created_ms),
        "finished_at": None if job.finished_ms is None else rfc3339(job.finished_ms),
    }  # fmt: skip


async def submit(
    request: web.Request, who: Identity, kind: Kind, filename: str, source: bytes, dry_run: bool
) -> ImportJob:
    """Take a sheet in, and say so in the audit log. Raises TooManyImports."""
    services = request.app[SERVICES]
    job = await services.fair.imports.submit(kind, filename, source, who.id, dry_run=dry_run)
    await tell(request, who, "import.submit", job)
    return job


async def tell(request: web.Request, who: Identity, act: str, job: ImportJob) -> None:
    detail = {"kind": job.kind, "filename": job.filename, "dry_run": job.dry_run}
    await audit(request, who, act, f"import:{job.id}", detail)


async def error_rows(
    services: Services, job: ImportJob, language: i18n.Language
) -> AsyncIterator[Sequence[Cell]]:
    """Refused rows as they were sent, each with its reason behind it."""
    after, width = 0, len(job.header)
    while faults := await services.fair.imports.errors(job.id, after, FAULTS):
        for found in faults:
            cells: list[Cell] = [*found.cells, *[""] * width]
            yield [*cells[:width], explain(job.kind, found.faults, language)]
        after = faults[-1].id


async def send_errors(
    request: web.Request, job: ImportJob, form: Format, language: i18n.Language
) -> web.StreamResponse:
    header = [*job.header, REASON[1 if language.tag.startswith("zh") else 0]]
    rows = error_rows(request.app[SERVICES], job, language)
    return await send(request, f"{job.kind}-refused", form, header, rows)


# --- handlers --------------------------------------------------------------------------------


async def _job(request: web.Request) -> ImportJob:
    await need_fair_organiser(request)
    job = await request.app[SERVICES].fair.imports.get(request.match_info["id"])
    if job is None:
        raise Problem(404, "unknown_import")
    return job


async def create_import(request: web.Request) -> web.Response:
    caller = await need_fair_organiser(request)
    kind = choice(request, "kind", KINDS)
    if kind is None:
        raise Invalid([("kind", "missing")])
    dry_run = choice(request, "dry_run", ("true", "false")) == "true"
    filename = text(request, "filename", FILENAME_MAX) or f"{kind}.csv"
    limit = request.app[SERVICES].config.limits.import_bytes
    source = await read_bytes(request, limit)
    if not source:
        raise Invalid([("body", "missing")])
    try:
        job = await submit(request, caller.identity, cast(Kind, kind), filename, source, dry_run)
    except TooManyImports:
        raise Problem(429, "too_many_imports", retry_after_ms=30_000) from None
    headers = {"Location": f"{BASE}/imports/{job.id}", **NO_STORE}
    return web.json_response(body_of(job), status=202, headers=headers)


async def list_imports(request: web.Request) -> web.Response:
    await need_fair_organiser(request)
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    try:
        jobs, following = await request.app[SERVICES].fair.imports.list(cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    items = [body_of(job) for job in jobs]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def get_import(request: web.Request) -> web.Response:
    return web.json_response(body_of(await _job(request)), headers=NO_STORE)


def _fault_body(job: ImportJob, found: ImportFault, language: i18n.Language) -> dict[str, Any]:
    return {
        "row": found.row,
        "reason": explain(job.kind, found.faults, language),
        "faults": list(found.faults),
    }


async def list_faults(request: web.Request) -> web.Response:
    job = await _job(request)
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    if cursor is not None and not (cursor.isdigit() and len(cursor) <= 15):
        raise Invalid([("cursor", "bad_format")])
    found = await request.app[SERVICES].fair.imports.errors(job.id, int(cursor or 0), limit)
    language = request.app[PAGES].languages[i18n.language_of(request)]
    items = [_fault_body(job, one, language) for one in found]
    following = str(found[-1].id) if len(found) == limit else None
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def error_file(request: web.Request) -> web.StreamResponse:
    job = await _job(request)
    form = choice(request, "format", FORMATS) or "csv"
    language = request.app[PAGES].languages[i18n.language_of(request)]
    return await send_errors(request, job, cast(Format, form), language)


async def cancel_import(request: web.Request) -> web.Response:
    caller = await need_fair_organiser(request)
    job = await _job(request)
    if not await request.app[SERVICES].fair.imports.cancel(job.id):
        raise Problem(409, "import_over", "this import has ended already")
    await tell(request, caller.identity, "import.cancel", job)
    return web.Response(status=204, headers=NO_STORE)


_CURSOR: Final = Query("cursor", {"type": "string", "maxLength": 200}, "``next`` of the last page")
_LIMIT: Final = Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "rows of a page")
ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST", "/imports", create_import, "createImport",
        "Take in a sheet (CSV or XLSX); it is carried out in the background",
        202, ImportBody, sheet=True, headers=[("Location", "the import")],
        query=[
            Query("kind", {"type": "string", "enum": list(KINDS)}, "what the rows are; needed"),
            Query("dry_run", {"type": "boolean"}, "check only, change nothing"),
            Query("filename", {"type": "string", "maxLength": FILENAME_MAX}, "shown in the list"),
        ],
    ),
    Route("GET", "/imports", list_imports, "listImports", "Imports, newest first", 200, ImportList,
          query=[_CURSOR, _LIMIT], problems=[422]),
    Route("GET", "/imports/{id}", get_import, "getImport", "One import and how far it is", 200,
          ImportBody, problems=[404]),
    Route("GET", "/imports/{id}/errors", list_faults, "listImportErrors",
          "Refused rows, in the order of the sheet", 200, RowFaultList, query=[_CURSOR, _LIMIT],
          problems=[404, 422]),
    Route("GET", "/imports/{id}/file", error_file, "getImportErrorFile",
          "Refused rows as a sheet to mend and send again", 200, None,
          query=[Query("format", {"type": "string", "enum": list(FORMATS)}, "csv unless said")],
          problems=[404, 422], gives=[sheets.CSV_TYPE, sheets.XLSX_TYPE]),
    Route("DELETE", "/imports/{id}", cancel_import, "cancelImport",
          "Stop an import; what is in stays", 204, None, problems=[404, 409]),
)  # fmt: skip
