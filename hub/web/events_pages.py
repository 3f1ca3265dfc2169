"""/organise/attendance and /organise/audit: who was where, who did what."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from aiohttp import web

from hub.ports import RoomRecord
from hub.ports.events import Visit
from hub.ports.programme import Conference, Filter
from hub.services import SERVICES, Services
from hub.sheets import Cell
from hub.web import events_api, flash
from hub.web.audits import audit
from hub.web.forms import FormModel, read_form
from hub.web.organise.common import first_page, next_page, organiser, render, see
from hub.web.sheets import FORMATS, send
from rooms.model import SLUG, Kind
from rooms.times import rfc3339

PAGE: Final = 100
EXPORT_PAGE: Final = 500
ATTENDANCE: Final = "/organise/attendance"
AUDIT: Final = "/organise/audit"
FILTER_MAX: Final = 160
CHOICES_MAX: Final = 500


def _slug(request: web.Request, name: str) -> str | None:
    value = request.query.get(name, "").strip()
    return value if SLUG.fullmatch(value) else None


async def _report(
    services: Services, asked: dict[str, str | None], cursor: str | None, limit: int
) -> tuple[tuple[Visit, ...], str | None]:
    """Raises HTTPNotFound, HTTPBadRequest."""
    try:
        return await services.fair.attendance.report(
            room=asked["room"], conference=asked["conference"], cursor=cursor, limit=limit
        )
    except LookupError:
        raise web.HTTPNotFound() from None
    except ValueError:
        raise web.HTTPBadRequest() from None


async def attendance(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    asked = {name: _slug(request, name) for name in ("room", "conference")}
    if asked["conference"]:
        asked["room"] = None
    wrong = {
        name for name in asked if request.query.get(name, "").strip() and not _slug(request, name)
    }
    visits: tuple[Visit, ...] = ()
    following = None
    chosen = bool(asked["room"] or asked["conference"])
    unknown = bool(wrong)
    if chosen:
        try:
            visits, following = await _report(
                services, asked, request.query.get("cursor") or None, PAGE
            )
        except web.HTTPNotFound:
            unknown = True
    exported = str(
        request.rel_url.with_path(f"{ATTENDANCE}/sheet").without_query_params("cursor", "done")
    )
    conferences, rooms = await _choices(services)
    return await render(
        request, "attendance", visits=visits, asked=asked, chosen=chosen, unknown=unknown,
        sheet=exported, conferences=conferences, rooms=rooms, first=first_page(request),
        following=next_page(request, following),
    )  # fmt: skip


async def _choices(
    services: Services,
) -> tuple[tuple[Conference, ...], tuple[RoomRecord, ...]]:
    """What the fields offer by title and time; what is beyond is typed by its address."""
    conferences, _more = await services.fair.conferences.find(Filter(), None, CHOICES_MAX)
    rooms, _next = await services.directory.rooms(
        kind=Kind.CONFERENCE.value, q=None, cursor=None, limit=CHOICES_MAX
    )
    return conferences, rooms


async def sheet(request: web.Request) -> web.StreamResponse:
    """Everybody of the room or conference as CSV or XLSX."""
    services, session = await organiser(request)
    asked = {name: _slug(request, name) for name in ("room", "conference")}
    if asked["conference"]:
        asked["room"] = None
    form = request.query.get("format", "csv")
    if form not in FORMATS or not any(asked.values()):
        raise web.HTTPNotFound()
    page, following = await _report(services, asked, None, EXPORT_PAGE)
    what = asked["conference"] or asked["room"]
    await audit(
        request, session.identity, "attendance.export",
        f"{'conference' if asked['conference'] else 'room'}:{what}", {"format": form},
    )  # fmt: skip

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        visits, cursor = page, following
        while True:
            for visit in visits:
                yield _cells(visit)
            if cursor is None:
                return
            visits, cursor = await _report(services, asked, cursor, EXPORT_PAGE)

    header = ("person", "name", "company", "role", "room", "first_join", "last_leave", "stays",
              "minutes", "joins_and_leaves")  # fmt: skip
    return await send(request, f"attendance-{what}", form, header, rows())  # type: ignore[arg-type]


def _cells(visit: Visit) -> Sequence[Cell]:
    def when(ms: int | None) -> str:
        return "" if ms is None else rfc3339(ms)

    stays = "; ".join(f"{when(entered)} - {when(left)}" for entered, left in visit.stays[:100])
    return (
        visit.person, visit.name, visit.company or "", visit.role, visit.room,
        when(visit.first_ms), when(visit.last_ms), len(visit.stays), visit.minutes, stays,
    )  # fmt: skip


# --- the audit log ------------------------------------------------------------------------


async def audit_log(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    asked = {
        name: request.query.get(name, "").strip()[:FILTER_MAX].replace("\0", "")
        for name in ("actor", "act", "target")
    }
    try:
        rows, following = await services.fair.audit.list(
            actor=asked["actor"] or None, act=asked["act"] or None, target=asked["target"] or None,
            cursor=request.query.get("cursor") or None, limit=PAGE,
        )  # fmt: skip
    except ValueError:
        raise web.HTTPBadRequest() from None
    answer = await render(
        request, "audit", rows=rows, asked=asked, filtered=any(asked.values()),
        check=flash.take(request, session), head=await services.fair.audit.head(), shown=_shown,
        first=first_page(request), following=next_page(request, following),
    )  # fmt: skip
    return flash.taken(request, answer)


def _shown(detail: dict[str, Any]) -> str:
    return json.dumps(detail, ensure_ascii=False, sort_keys=True) if detail else ""


async def verify(request: web.Request) -> web.Response:
    """Reads the whole log: a button, not a link."""
    services, session = await organiser(request)
    await read_form(request, FormModel)
    check = await services.fair.audit.verify(await services.fair.audit.kept_head())
    said = {"rows": check.rows, "broken": check.broken}
    raise flash.leave(request, session, see(AUDIT), said)


def setup(app: web.Application) -> None:
    app.router.add_get(ATTENDANCE, attendance)
    app.router.add_get(f"{ATTENDANCE}/sheet", sheet)
    app.router.add_get(AUDIT, audit_log)
    app.router.add_post(AUDIT, verify)
    events_api.setup(app[SERVICES])
