"""/organise/import: send a sheet, see what would come of it, import it, mend what was refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, cast

from aiohttp import web

from hub.ports.imports import COLUMNS, KINDS, ImportJob, Kind, TooManyImports
from hub.services import SERVICES, Services
from hub.sheets import Cell
from hub.web import form_texts, i18n
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.import_texts import explain, why_failed
from hub.web.imports_api import body_of, send_errors, submit, tell
from hub.web.organise.common import first_page, next_page, organiser, render, see
from hub.web.pages import PAGES
from hub.web.sheets import FORMATS, Format, send

PATH: Final = "/organise/import"
PAGE: Final = 20
FAULTS: Final = 100
WORK_S: Final = 1.0


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("sheet", "missing"): _("Choose a CSV or XLSX file."),
        ("sheet", "too_large"): _("This file is larger than this fair takes in."),
        ("sheet", "too_many_imports"): _("Many imports wait already. Try again in a minute."),
    }
)


class SheetForm(FormModel):
    kind: Kind
    at_once: bool = False


def _language(request: web.Request) -> i18n.Language:
    return request.app[PAGES].languages[i18n.language_of(request)]


async def _page(request: web.Request, form: Form[SheetForm]) -> web.Response:
    imports = request.app[SERVICES].fair.imports
    try:
        jobs, following = await imports.list(request.query.get("cursor") or None, PAGE)
    except ValueError:
        raise web.HTTPBadRequest() from None
    columns = {
        kind: [(column.head(_language(request).tag), column.required) for column in COLUMNS[kind]]
        for kind in KINDS
    }
    return await render(
        request, "import", status=422 if form.errors else 200, form=form, jobs=jobs,
        columns=columns, following=next_page(request, following), first=first_page(request),
        largest=request.app[SERVICES].config.limits.import_bytes // 1_000_000,
    )  # fmt: skip


async def listing(request: web.Request) -> web.Response:
    await organiser(request)
    return await _page(request, shown({"kind": request.query.get("kind", "people")}))


async def upload(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    form = await read_form(request, SheetForm, file_limit=services.config.limits.import_bytes)
    sheet = form.files.get("sheet")
    if sheet is None:
        form.refuse("sheet", "missing")
    if form.data is None or sheet is None:
        return await _page(request, form)
    name = "".join(char for char in sheet.name if char.isprintable())[:160] or "sheet"
    try:
        job = await submit(
            request, session.identity, form.data.kind, name, sheet.body, not form.data.at_once
        )
    except TooManyImports:
        return await _page(request, form.refuse("sheet", "too_many_imports"))
    raise see(f"{PATH}/{job.id}")


async def _job(request: web.Request, services: Services) -> ImportJob:
    job = await services.fair.imports.get(request.match_info["job"])
    if job is None:
        raise web.HTTPNotFound()
    return job


async def one(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    job = await _job(request, services)
    after = request.query.get("cursor", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 15):
        raise web.HTTPBadRequest()
    faults = await services.fair.imports.errors(job.id, int(after), FAULTS) if job.bad else ()
    language = _language(request)
    following = str(faults[-1].id) if len(faults) == FAULTS else None
    return await render(
        request, "import_job", job=job, why=why_failed(job, language),
        faults=[(one.row, explain(job.kind, one.faults, language)) for one in faults],
        following=next_page(request, following), first=first_page(request),
        again=request.query.get("gone", ""),
    )  # fmt: skip


async def now(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    job = await _job(request, services)
    return web.json_response(body_of(job), headers={"Cache-Control": "no-store"})


async def start(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    await read_form(request, FormModel)
    job = await _job(request, services)
    try:
        started = await services.fair.imports.start_real(job.id, session.identity.id)
    except TooManyImports:
        raise web.HTTPServiceUnavailable() from None
    if started is None:
        raise see(f"{PATH}/{job.id}?gone=1")
    await tell(request, session.identity, "import.submit", started)
    raise see(f"{PATH}/{started.id}")


async def cancel(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    await read_form(request, FormModel)
    job = await _job(request, services)
    if await services.fair.imports.cancel(job.id):
        await tell(request, session.identity, "import.cancel", job)
    raise see(f"{PATH}/{job.id}")


def _format(request: web.Request) -> Format:
    form = request.match_info["format"]
    if form not in FORMATS:
        raise web.HTTPNotFound()
    return cast(Format, form)


async def errors(request: web.Request) -> web.StreamResponse:
    services, _session = await organiser(request)
    job = await _job(request, services)
    return await send_errors(request, job, _format(request), _language(request))


async def template(request: web.Request) -> web.StreamResponse:
    await organiser(request)
    kind = request.match_info["kind"]
    if kind not in KINDS:
        raise web.HTTPNotFound()
    columns = COLUMNS[kind]
    language = _language(request).tag

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        yield [column.sample for column in columns]

    heads = [column.head(language) for column in columns]
    return await send(request, kind, _format(request), heads, rows())


def setup(app: web.Application, services: Services) -> None:
    """Add the pages, and the work itself to the hub's jobs."""
    app.router.add_get(PATH, listing)
    app.router.add_post(PATH, upload)
    app.router.add_get(f"{PATH}/template/{{kind}}.{{format}}", template)
    app.router.add_get(f"{PATH}/{{job}}", one)
    app.router.add_get(f"{PATH}/{{job}}/now.json", now)
    app.router.add_get(f"{PATH}/{{job}}/errors.{{format}}", errors)
    app.router.add_post(f"{PATH}/{{job}}/start", start)
    app.router.add_post(f"{PATH}/{{job}}/cancel", cancel)
    services.jobs.every(WORK_S, "imports", services.fair.imports.work)
