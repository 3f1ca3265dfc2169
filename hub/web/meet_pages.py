"""Asking for a meeting, and what a visitor has agreed.

/companies/{company}/meet             choose a time and ask
/me/appointments                      what waits, what is agreed, what is over
/me/appointments/{id}/{act}           POST: accept, decline, cancel
/me/appointments/{id}.ics             one for the calendar
"""

from __future__ import annotations

from datetime import date, time
from typing import Any, Final

from aiohttp import web
from pydantic import Field

from hub.ports.appointments import (
    Appointment,
    AppointmentRefused,
    Asking,
    Change,
    Clash,
    FreeTime,
    Which,
)
from hub.ports.companies import Company
from hub.services import SERVICES, Services
from hub.web import appointments_jobs, auth
from hub.web.accounts import HOUR_S, counted
from hub.web.appointments import acted, moment_in
from hub.web.appointments_api import ASKED_BY
from hub.web.appointments_calendar import calendar_of
from hub.web.appointments_rows import Shows, SlotRow, shows
from hub.web.appointments_texts import quota_text, refused_text
from hub.web.bodies_appointments import LongNote, Reason, Subject, WhereName
from hub.web.calendar import respond
from hub.web.companies_pages import Shown, find
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.pages import PAGES
from rooms.appointments import AGREED, ENDED, Act, State
from rooms.errors import Refusal

LENGTHS: Final = (15, 20, 25, 30, 45, 60)
FREE_SHOWN: Final = 18  # times that are no slots
LISTED: Final = 200
PAST: Final = 20
_FIELD: Final = {
    "bad_length": "length", "in_the_past": "pick", "too_far": "pick", "no_such_time": "clock",
    "bad_place": "place", "table_busy": "pick", "staff_busy": "pick", "visitor_busy": "pick",
    "slot_taken": "pick", "unknown_slot": "pick", "clash": "pick", "bad_time": "clock",
}  # fmt: skip


class AskForm(FormModel):
    """``pick``: a slot, a free time, or ``own`` with day, clock and length."""

    pick: str = Field(pattern=r"^(s\.[0-9a-f]{1,32}|t\.[0-9]{1,15}\.[0-9]{1,15}|own)$")
    subject: Subject
    note: LongNote | None = None
    place: WhereName | None = None
    day: date | None = None
    clock: time | None = None
    length: int = Field(30, ge=15, le=60)
    anyway: bool = False


class ActForm(FormModel):
    reason: Reason | None = None


async def _account(request: web.Request) -> str:
    """The account's id. For a session without one the page does not exist (HTTPNotFound)."""
    session = await auth.need_person(request)
    if not session.account:
        raise web.HTTPNotFound()
    return session.identity.id


# --- asking --------------------------------------------------------------------------------------


async def _need(request: web.Request) -> tuple[Company, str]:
    """A company that the reader may ask: published, and not their own."""
    person = await _account(request)
    found, role, _ = await find(request)
    if role is not None:
        raise web.HTTPSeeOther(f"/companies/{found.slug}/day")
    if not found.draft.published:
        raise web.HTTPNotFound()
    return found, person


async def _offered(
    services: Services, made: Shows, found: Company, person: str, day: date
) -> tuple[list[SlotRow], list[FreeTime]]:
    """The day's slots, with what of the reader's is at the same time; and other free times."""
    part = services.fair.appointments
    from_ms, to_ms = made.time.bounds(day)
    page, _ = await part.slots(found.slug, max(from_ms, made.now_ms), to_ms, open_only=True)
    free = await part.suggest(
        person, found.slug, from_ms, to_ms, hours=made.hours(day), limit=len(page) + FREE_SHOWN
    )
    possible = {one.slot.id for one in free if one.slot is not None}
    busy = await part.clashes(person, from_ms, to_ms)
    rows = []
    for slot in page:
        at_once = _at_once(busy, slot.starts_ms, slot.ends_ms)
        if slot.id not in possible and not at_once:
            continue  # whoever or whatever it needs is taken
        hard = any(one.kind == "appointment" for one in at_once)
        rows.append(made.slot(slot, tuple(one.title for one in at_once), hard))
    return rows, [one for one in free if one.slot is None]


def _at_once(busy: tuple[Clash, ...], starts_ms: int, ends_ms: int) -> list[Clash]:
    return [one for one in busy if one.starts_ms < ends_ms and one.ends_ms > starts_ms]


async def _meet_page(
    request: web.Request, found: Company, person: str, form: Form[Any], status: int = 200,
    **values: Any,
) -> web.Response:  # fmt: skip
    services, made = request.app[SERVICES], await shows(request)
    days = made.days()
    spans = {day: made.time.bounds(day) for day in days}
    starts = await services.fair.appointments.starts(found.slug, made.now_ms, spans[days[-1]][1])
    counts = {day: sum(a <= ms < b for ms in starts) for day, (a, b) in spans.items()}
    first = next((day for day in days if counts[day]), days[0])
    day = made.day_asked(request.query.get("day", "") or form.value("day"), first)
    slots, free = await _offered(services, made, found, person, day)
    bounds = made.time.bounds(day)
    quotas = await services.fair.appointments.quotas(person, bounds)
    full = [one for one in quotas if one.used >= one.allowed and "pending" in one.quota]
    return await request.app[PAGES].render(
        request, "meet.html", status=status, one=Shown(found, made.fair, made.language), form=form,
        days=[
            (f"?day={one.isoformat()}", made.time.short_day(one), one == day, counts[one])
            for one in days
        ],
        day=day, day_text=made.time.day(day), slots=slots,
        free=[(one, made.span(one.starts_ms, one.ends_ms)) for one in free],
        lengths=LENGTHS, full=[quota_text(made.language, q.quota, q.allowed) for q in full],
        both=any(row.slot.place == "both" for row in slots) or found.draft.on_site,
        zone=made.zone_name(), **{"clashes": (), "refused": "", **values},
    )  # fmt: skip


async def meet(request: web.Request) -> web.Response:
    found, person = await _need(request)
    picked = request.query.get("pick", "")
    return await _meet_page(request, found, person, shown({"length": "30", "pick": picked or None}))


async def _asking(request: web.Request, data: AskForm) -> Asking:
    """Raises AppointmentRefused."""
    base: dict[str, Any] = {"subject": data.subject, "note": data.note or "", "anyway": data.anyway}
    kind, *rest = data.pick.split(".")
    if kind == "s":
        slot = await request.app[SERVICES].fair.appointments.slot(rest[0])
        place = data.place if slot is not None and slot.place == "both" else None
        return Asking(slot=rest[0], place=place, **base)
    if kind == "t":
        starts, ends = int(rest[0]), int(rest[1])
    else:
        if data.day is None or data.clock is None:
            raise AppointmentRefused("bad_time")
        starts = moment_in(data.day, data.clock, (await shows(request)).time.zone)
        ends = starts + data.length * 60_000
    return Asking(starts_ms=starts, ends_ms=ends, place=data.place, **base)


async def ask(request: web.Request) -> web.Response:
    found, person = await _need(request)
    form = await read_form(request, AskForm)
    if form.data is None:
        return await _meet_page(request, found, person, form, 422)
    services = request.app[SERVICES]
    made = await shows(request)
    try:
        await counted(request, "meetings-asked", person, ASKED_BY, HOUR_S)
        change = await services.fair.appointments.ask(
            person, found.slug, await _asking(request, form.data), made.time.zone
        )
    except Refusal:
        form.refuse("pick", "rate_limited")
        return await _meet_page(request, found, person, form, 429)
    except AppointmentRefused as refused:
        more: dict[str, Any] = {}
        if refused.code == "clash":
            more["clashes"] = [
                (one.title, made.span(one.starts_ms, one.ends_ms)) for one in refused.clashes
            ]
        elif refused.code in _FIELD:
            form.refuse(_FIELD[refused.code], refused.code)
        else:
            more["refused"] = refused_text(made.language, refused)
        return await _meet_page(request, found, person, form, 409, **more)
    await acted(request, change)
    done = "joined" if change.appointment.form == "group" else "asked"
    raise web.HTTPSeeOther(f"/me/appointments?done={done}#a-{change.appointment.id}")


# --- what one has ---------------------------------------------------------------------------------


async def _mine(request: web.Request, person: str) -> dict[str, list[Appointment]]:
    part = request.app[SERVICES].fair.appointments
    live = {State.PENDING, State.COUNTERED, *AGREED}
    coming, _ = await part.list(Which(visitor=person, states=live), None, LISTED)
    past, _ = await part.list(Which(visitor=person, states=ENDED, newest=True), None, PAST)
    return {
        "answer": [one for one in coming if one.state is State.COUNTERED],
        "asked": [one for one in coming if one.state is State.PENDING],
        "agreed": [one for one in coming if one.state in AGREED],
        "past": list(past),
    }


async def _mine_page(
    request: web.Request, person: str, status: int = 200, refused: str = ""
) -> web.Response:
    made = await shows(request)
    groups = await _mine(request, person)
    works = await request.app[SERVICES].fair.companies.memberships(person)
    return await request.app[PAGES].render(
        request, "me_appointments.html", status=status,
        groups={name: [made.row(one) for one in listed] for name, listed in groups.items()},
        works=works, done=request.query.get("done", ""), refused=refused, zone=made.zone_name(),
    )  # fmt: skip


async def mine(request: web.Request) -> web.Response:
    return await _mine_page(request, await _account(request))


async def _my_own(request: web.Request, person: str) -> str:
    """The id of the path when it is the reader's own as a visitor (HTTPNotFound)."""
    id = request.match_info["id"][:64]
    if "visitor" not in await request.app[SERVICES].fair.appointments.sides(id, person):
        raise web.HTTPNotFound()
    return id


async def answer(request: web.Request) -> web.Response:
    person = await _account(request)
    form = await read_form(request, ActForm)
    id = await _my_own(request, person)
    act = {"accept": Act.ACCEPT, "decline": Act.DECLINE, "cancel": Act.CANCEL}[
        request.match_info["act"]
    ]
    made = await shows(request)
    if form.data is None:
        raise web.HTTPBadRequest()
    try:
        change: Change = await request.app[SERVICES].fair.appointments.act(
            id, act, person, made.time.zone, reason=form.data.reason
        )
    except AppointmentRefused as refused:
        return await _mine_page(request, person, 409, refused_text(made.language, refused))
    await acted(request, change)
    raise web.HTTPSeeOther(f"/me/appointments?done={act.value}#a-{id}")


async def ics(request: web.Request) -> web.Response:
    """For either side. What was called off comes as the cancellation of what was there."""
    person = await _account(request)
    part, id = request.app[SERVICES].fair.appointments, request.match_info["id"][:64]
    sides = await part.sides(id, person)
    found = await part.get(id) if sides else None
    if found is None:
        raise web.HTTPNotFound()
    made = await shows(request)
    site = request.app[SERVICES].config.public_url
    body = calendar_of([(found, "visitor" in sides)], made.fair, made.language, site)
    return respond(request, body, f"meeting-{id}.ics", "no-cache, private")


def setup(app: web.Application, services: Services) -> None:
    """Add the pages to ``app``."""
    appointments_jobs.setup(app, services)
    add = app.router
    add.add_get("/companies/{company}/meet", meet)
    add.add_post("/companies/{company}/meet", ask)
    add.add_get("/me/appointments", mine)
    add.add_get("/me/appointments/{id}.ics", ics)
    add.add_post("/me/appointments/{id}/{act:accept|decline|cancel}", answer)
