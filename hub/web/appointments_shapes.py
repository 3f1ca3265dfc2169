"""Appointments and slots as the API shows them, and what its calls read of a query."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from aiohttp import web

from hub.ports.appointments import Appointment, MeetingSlot
from hub.web.auth import Caller
from hub.web.problems import Invalid
from hub.web.query import text
from hub.web.routes import Query
from rooms.errors import Code, Refusal
from rooms.times import rfc3339

PAGE: Final = 100
NO_STORE: Final = {"Cache-Control": "no-store"}
ALL_STAFF: Final = ("owner", "editor", "staff")
DAY_MS: Final = 24 * 3_600_000
FAR_MS: Final = 8_000 * 366 * DAY_MS

WHEN: Final = (
    Query("from", {"type": "string", "format": "date-time"}, "not before"),
    Query("to", {"type": "string", "format": "date-time"}, "before"),
)
PAGING: Final = (
    Query("cursor", {"type": "string", "maxLength": 200}, "from ``next``"),
    Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "rows of one answer"),
)


def slot_body(one: MeetingSlot) -> dict[str, Any]:
    return {
        "id": one.id, "company": one.company, "staff": one.staff, "staff_name": one.staff_name,
        "starts_at": rfc3339(one.starts_ms), "ends_at": rfc3339(one.ends_ms),
        "place": one.place, "form": one.form, "title": one.title, "capacity": one.capacity,
        "left": one.left, "table": one.table, "cancelled": one.cancelled,
    }  # fmt: skip


def body_of(one: Appointment) -> dict[str, Any]:
    return {
        "id": one.id, "form": one.form, "slot": one.slot, "company": one.company,
        "company_name": one.company_name, "visitor": one.visitor,
        "visitor_name": one.visitor_name, "visitor_organisation": one.visitor_organisation,
        "staff": one.staff, "staff_name": one.staff_name, "subject": one.subject,
        "note": one.note, "place": one.place, "booth": one.booth, "table": one.table,
        "starts_at": rfc3339(one.starts_ms), "ends_at": rfc3339(one.ends_ms),
        "state": one.state.value, "turn": one.turn or None,
        "hold_until": None if one.hold_until_ms is None else rfc3339(one.hold_until_ms),
        "reason": one.reason, "room": one.room,
        "company_late_ms": one.late_ms(one.company_came_ms),
        "visitor_late_ms": one.late_ms(one.visitor_came_ms), "overrun_ms": one.overrun_ms,
        "absent": list(one.absent),
        "companies": [
            {
                "company": c.company, "name": c.name, "seats": c.seats, "staff": c.staff,
                "staff_name": c.staff_name, "state": c.state,
            }
            for c in one.companies
        ],
        "created_at": rfc3339(one.created_ms), "changed_at": rfc3339(one.changed_ms),
    }  # fmt: skip


def span(request: web.Request) -> tuple[int, int]:
    """``from`` and ``to`` of the query, RFC 3339; all there is when absent."""
    found = []
    for name, otherwise in (("from", 0), ("to", FAR_MS)):
        value = text(request, name, 40)
        found.append(otherwise if value is None else _moment(name, value))
    return found[0], found[1]


def _moment(name: str, value: str) -> int:
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        raise Invalid([(name, "bad_format")]) from None
    if moment.tzinfo is None:
        raise Invalid([(name, "bad_format")])
    if not 1970 <= moment.year < 9000:
        raise Invalid([(name, "out_of_range")])
    return int(moment.timestamp() * 1000)


def need_person(caller: Caller) -> None:
    """A company's acts are its own people's, organisers' only when they work there."""
    if caller.how not in ("session", "device"):
        raise Refusal(Code.FORBIDDEN, "this needs somebody of the company's staff")
