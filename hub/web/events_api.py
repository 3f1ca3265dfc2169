"""/audit, /attendance: what happened, for organisers. Also the background work of both."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hub.ports.events import AuditCheck, AuditRow, Visit
from hub.services import SERVICES, Services
from hub.web.auth import need_fair_organiser
from hub.web.bodies_events import AuditCheckBody, AuditList, VisitList
from hub.web.problems import Invalid, Problem
from hub.web.query import cursor_text, limit_of, text
from hub.web.routes import Query, Route
from rooms.model import SLUG
from rooms.times import rfc3339

PAGE: Final = 100
FILTER_MAX: Final = 160
NO_STORE: Final = {"Cache-Control": "no-store"}
AUDIT_S: Final = 2.0
HEAD_S: Final = 60.0
WEBHOOKS_S: Final = 1.0
ROOMS_S: Final = 3.0
TIDY_S: Final = 60.0


def audit_body(row: AuditRow) -> dict[str, Any]:
    return {
        "seq": row.seq, "at": rfc3339(row.at_ms), "actor": row.actor,
        "actor_name": row.actor_name, "act": row.act, "target": row.target,
        "detail": row.detail, "address": row.address, "previous": row.previous, "hash": row.hash,
    }  # fmt: skip


def check_body(check: AuditCheck) -> dict[str, Any]:
    return {
        "ok": check.broken is None, "rows": check.rows, "head": str(check.head),
        "broken": check.broken, "why": check.why,
    }  # fmt: skip


def visit_body(visit: Visit) -> dict[str, Any]:
    def when(ms: int | None) -> str | None:
        return None if ms is None else rfc3339(ms)

    return {
        "person": visit.person, "name": visit.name, "company": visit.company, "role": visit.role,
        "room": visit.room, "first_entered_at": rfc3339(visit.first_ms),
        "last_left_at": when(visit.last_ms), "minutes": visit.minutes,
        "stays": [
            {"entered_at": rfc3339(entered), "left_at": when(left)}
            for entered, left in visit.stays
        ],
    }  # fmt: skip


async def audit_rows(request: web.Request) -> web.Response:
    await need_fair_organiser(request)
    asked = {name: text(request, name, FILTER_MAX) for name in ("actor", "act", "target")}
    try:
        rows, following = await request.app[SERVICES].fair.audit.list(
            **asked, cursor=cursor_text(request), limit=limit_of(request, PAGE)
        )
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    body = {"items": [audit_body(row) for row in rows], "next": following}
    return web.json_response(body, headers=NO_STORE)


async def audit_check(request: web.Request) -> web.Response:
    await need_fair_organiser(request)
    audit = request.app[SERVICES].fair.audit
    check = await audit.verify(await audit.kept_head())
    return web.json_response(check_body(check), headers=NO_STORE)


async def attendance(request: web.Request) -> web.Response:
    await need_fair_organiser(request)
    room, conference = text(request, "room", 64), text(request, "conference", 64)
    for name, value in (("room", room), ("conference", conference)):
        if value is not None and not SLUG.fullmatch(value):
            raise Invalid([(name, "bad_format")])
    if room is not None and conference is not None:
        raise Invalid([("room", "not_allowed")])  # a conference has its own
    try:
        visits, following = await request.app[SERVICES].fair.attendance.report(
            room=room, conference=conference, cursor=cursor_text(request),
            limit=limit_of(request, PAGE),
        )  # fmt: skip
    except LookupError:
        raise Problem(404, "unknown_conference", "there is no such conference") from None
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    body = {"items": [visit_body(visit) for visit in visits], "next": following}
    return web.json_response(body, headers=NO_STORE)


def setup(services: Services) -> None:
    """The background work of audit log and webhooks."""
    fair, every = services.fair, services.jobs.every
    every(AUDIT_S, "audit", fair.audit.flush)
    every(HEAD_S, "audit head", fair.audit.keep_head)
    every(WEBHOOKS_S, "webhooks told", fair.webhooks.flush)
    every(WEBHOOKS_S, "webhooks", fair.webhooks.pump)
    every(ROOMS_S, "webhooks of rooms", fair.webhooks.notice_rooms)
    every(TIDY_S, "webhooks tidied", fair.webhooks.tidy)


_SLUG: Final = {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}
_PAGING: Final = (
    Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
    Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "rows a page"),
)
_FILTER: Final = {"type": "string", "maxLength": FILTER_MAX}

ROUTES: Final = (
    Route(
        "GET", "/audit", audit_rows, "listAudit", "The audit log, newest first", 200, AuditList,
        problems=(422,),
        query=(
            Query("actor", _FILTER, "an id, or part of a name"),
            Query("act", _FILTER, "how the act begins, such as `room.`"),
            Query("target", _FILTER, "how the target begins, such as `room:`"),
            *_PAGING,
        ),
    ),
    Route(
        "GET", "/audit/check", audit_check, "checkAudit", "Verify the chain of the audit log",
        200, AuditCheckBody,
    ),
    Route(
        "GET", "/attendance", attendance, "listAttendance",
        "Who was in a room or conference, and for how long", 200, VisitList, problems=(404, 422),
        query=(
            Query("room", _SLUG, "one room"),
            Query("conference", _SLUG, "one conference: its room, in its time"),
            *_PAGING,
        ),
    ),
)  # fmt: skip
