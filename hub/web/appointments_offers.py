"""What a company offers for meetings, and rounds it proposes to other companies.

/companies/{company}/slots            published times; publish a single one or a series
/companies/{company}/slots/{id}       change one; POST /cancel takes it back
/companies/{company}/round            propose a talk of several companies
"""

from __future__ import annotations

from datetime import time, timedelta
from itertools import groupby
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import Field

from hub.ports.appointments import (
    CAPACITY_MAX,
    ROUND_SEATS_MAX,
    TABLES_MAX,
    AppointmentRefused,
    MeetingSlot,
    RoundDraft,
    SlotChange,
    SlotDraft,
)
from hub.ports.companies import Company, CompanyFilter, StaffRole
from hub.services import SERVICES
from hub.web import auth
from hub.web.accounts import HOUR_S, counted
from hub.web.appointments import acted, moment_in
from hub.web.appointments_api import ASKED_BY
from hub.web.appointments_rows import Shows, shows
from hub.web.appointments_texts import refused_text
from hub.web.bodies import PersonId
from hub.web.bodies_appointments import DAYS_MAX, LongNote, PlaceName, Reason, SomeDay, Subject
from hub.web.company_edit import need, render
from hub.web.company_people import ALL
from hub.web.forms import Form, FormModel, read_form, shown
from rooms.appointments import NoSuchTime, series
from rooms.errors import Refusal
from rooms.model import SLUG

PAGE: Final = 200
LENGTHS: Final = (15, 20, 25, 30, 45, 60)
PAUSES: Final = (0, 5, 10, 15, 30)
OTHERS: Final = 6  # companies to invite on the page; the API takes more
_FAR_MS: Final = 400 * 24 * 3_600_000
_FIELD: Final = {
    "no_such_time": "opens", "in_the_past": "first", "too_far": "first", "no_slots": "closes",
    "bad_time": "opens", "bad_length": "length", "capacity": "capacity", "bad_place": "place",
    "bad_form": "title", "unknown_person": "staff", "own_slots_only": "staff",
    "slot_overlaps": "staff", "below_taken": "capacity", "staff_busy": "clock",
}  # fmt: skip


class OfferForm(FormModel):
    """``closes`` left empty: one slot. ``last`` left empty: one day."""

    first: SomeDay
    last: SomeDay | None = None
    opens: time
    closes: time | None = None
    length: int = Field(30, ge=15, le=60)
    pause: int = Field(0, ge=0, le=240)
    place: PlaceName = "online"
    form: Literal["single", "group"] = "single"
    title: Subject | None = None
    capacity: int = Field(1, ge=1, le=CAPACITY_MAX)
    staff: PersonId | None = None
    table: int | None = Field(None, ge=1, le=TABLES_MAX)


class SlotForm(FormModel):
    day: SomeDay
    opens: time
    length: int = Field(30, ge=15, le=60)
    place: PlaceName = "online"
    title: Subject | None = None
    capacity: int = Field(1, ge=1, le=CAPACITY_MAX)
    staff: PersonId | None = None
    table: int | None = Field(None, ge=1, le=TABLES_MAX)


class CancelForm(FormModel):
    reason: Reason | None = None


class RoundForm(FormModel):
    subject: Subject
    note: LongNote | None = None
    day: SomeDay
    clock: time
    length: int = Field(60, ge=15, le=60)
    seats: int = Field(2, ge=1, le=ROUND_SEATS_MAX)
    others: list[str] = Field(min_length=1, max_length=OTHERS)


async def _staff_of(
    request: web.Request, found: Company, role: StaffRole | None
) -> list[tuple[str, str]]:
    """Whom the reader may offer: themselves, or anybody for owners and editors."""
    person = (await auth.need_person(request)).identity.id
    staff = await request.app[SERVICES].fair.companies.staff(found.slug)
    return [(one.person, one.name) for one in staff if role != "staff" or one.person == person]


# --- slots ----------------------------------------------------------------------------------


async def _slots_page(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    form: Form[Any], status: int = 200, refused: str = "",
) -> web.Response:  # fmt: skip
    services, made = request.app[SERVICES], await shows(request)
    cursor = request.query.get("cursor") or None
    try:
        page, following = await services.fair.appointments.slots(
            found.slug, made.now_ms, made.now_ms + _FAR_MS, cursor=cursor, limit=PAGE
        )
    except ValueError:
        raise web.HTTPSeeOther(f"/companies/{found.slug}/slots") from None
    rows = [made.slot(slot) for slot in page if not slot.cancelled]
    by_day = groupby(rows, key=lambda row: made.time.day_of(row.slot.starts_ms))
    person = (await auth.need_person(request)).identity.id
    return await render(
        request, found, role, organiser, "slots", status, form=form, refused=refused,
        staff_role=role,
        days=[(made.time.day(day), list(listed)) for day, listed in by_day],
        staff=await _staff_of(request, found, role), lengths=LENGTHS, pauses=PAUSES,
        zone=made.zone_name(), following=f"?cursor={following}" if following else None,
        person=person,
    )  # fmt: skip


async def slots(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    made = await shows(request)
    first = {"first": made.days()[0].isoformat(), "length": "30", "pause": "0", "place": "online",
             "form": "single", "capacity": "1"}  # fmt: skip
    return await _slots_page(request, found, role, organiser, shown(first))


def _drafts(data: OfferForm, made: Shows) -> list[SlotDraft]:
    """Raises AppointmentRefused."""
    zone = made.time.zone
    if data.closes is None:
        starts = moment_in(data.first, data.opens, zone)
        times = [(starts, starts + data.length * 60_000)]
    else:
        last = data.last or data.first
        if last < data.first or (last - data.first).days >= DAYS_MAX:
            raise AppointmentRefused("too_far")
        days = [data.first + timedelta(days=n) for n in range((last - data.first).days + 1)]
        try:
            times = series(
                days, data.opens.replace(second=0, microsecond=0, tzinfo=None),
                data.closes.replace(second=0, microsecond=0, tzinfo=None), zone, data.length,
                data.pause,
            )  # fmt: skip
        except (NoSuchTime, OverflowError):
            raise AppointmentRefused("no_such_time") from None
    return [
        SlotDraft(
            starts, ends, data.place, data.form, data.title or "", data.capacity, data.staff,
            data.table,
        )
        for starts, ends in times
    ]  # fmt: skip


async def publish(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    form = await read_form(request, OfferForm)
    if form.data is None:
        return await _slots_page(request, found, role, organiser, form, 422)
    made = await shows(request)
    person = (await auth.need_person(request)).identity.id
    try:
        await request.app[SERVICES].fair.appointments.publish(
            found.slug, _drafts(form.data, made), person
        )
    except AppointmentRefused as refused:
        return await _refused(request, found, role, organiser, form, refused)
    raise web.HTTPSeeOther(f"/companies/{found.slug}/slots?done=published")


async def _refused(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    form: Form[Any], refused: AppointmentRefused,
) -> web.Response:  # fmt: skip
    """Beside its field where there is one, else above the form."""
    text = ""
    if refused.code in _FIELD:
        form.refuse(_FIELD[refused.code], refused.code)
    else:
        text = refused_text((await shows(request)).language, refused)
    return await _slots_page(request, found, role, organiser, form, 409, text)


async def _slot_of(request: web.Request, found: Company) -> MeetingSlot:
    slot = await request.app[SERVICES].fair.appointments.slot(request.match_info["id"][:64])
    if slot is None or slot.company != found.slug or slot.cancelled:
        raise web.HTTPNotFound()
    return slot


async def _slot_page(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    slot: MeetingSlot, form: Form[Any], status: int = 200, refused: str = "",
) -> web.Response:  # fmt: skip
    made = await shows(request)
    return await render(
        request, found, role, organiser, "slot", status, form=form, refused=refused,
        row=made.slot(slot), staff=await _staff_of(request, found, role), lengths=LENGTHS,
        zone=made.zone_name(),
    )  # fmt: skip


async def slot_page(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    slot, made = await _slot_of(request, found), await shows(request)
    values = {
        "day": made.time.day_of(slot.starts_ms).isoformat(),
        "opens": made.time.clock(slot.starts_ms),
        "length": (slot.ends_ms - slot.starts_ms) // 60_000, "place": slot.place,
        "title": slot.title, "capacity": slot.capacity, "staff": slot.staff, "table": slot.table,
    }  # fmt: skip
    return await _slot_page(request, found, role, organiser, slot, shown(values))


async def change_slot(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    slot = await _slot_of(request, found)
    form = await read_form(request, SlotForm)
    if form.data is None:
        return await _slot_page(request, found, role, organiser, slot, form, 422)
    data, made = form.data, await shows(request)
    person = (await auth.need_person(request)).identity.id
    try:
        starts = moment_in(data.day, data.opens, made.time.zone)
        change = SlotChange(
            starts_ms=starts, ends_ms=starts + data.length * 60_000, place=data.place,
            title=data.title or "", capacity=data.capacity,
            staff=None if data.staff == slot.staff else data.staff or "", table=data.table,
        )  # fmt: skip
        await request.app[SERVICES].fair.appointments.change_slot(
            found.slug, slot.id, change, person
        )
    except AppointmentRefused as refused:
        text = ""
        field = {"first": "day"}.get(_FIELD.get(refused.code, ""), _FIELD.get(refused.code, ""))
        if field:
            form.refuse(field, refused.code)
        else:
            text = refused_text(made.language, refused)
        return await _slot_page(request, found, role, organiser, slot, form, 409, text)
    raise web.HTTPSeeOther(f"/companies/{found.slug}/slots?done=saved#s-{slot.id}")


async def cancel_slot(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    form = await read_form(request, CancelForm)
    slot = await _slot_of(request, found)
    person = (await auth.need_person(request)).identity.id
    try:
        changes = await request.app[SERVICES].fair.appointments.cancel_slot(
            found.slug, slot.id, person, form.data.reason if form.data else None
        )
    except AppointmentRefused as refused:
        text = refused_text((await shows(request)).language, refused)
        return await _slots_page(request, found, role, organiser, shown({}), 409, text)
    for change in changes:
        await acted(request, change)
    raise web.HTTPSeeOther(f"/companies/{found.slug}/slots?done=taken_back")


# --- rounds ---------------------------------------------------------------------------------


async def _round_page(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    form: Form[Any], status: int = 200, refused: str = "",
) -> web.Response:  # fmt: skip
    made = await shows(request)
    return await render(
        request, found, role, organiser, "round", status, form=form, refused=refused,
        lengths=LENGTHS, others=[*form.values("others"), *[""] * OTHERS][:OTHERS],
        zone=made.zone_name(), seats_max=ROUND_SEATS_MAX,
    )  # fmt: skip


async def round_page(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    if role is None:
        raise web.HTTPNotFound()
    form = shown({"length": "60", "seats": "2"})
    return await _round_page(request, found, role, organiser, form)


async def _company_named(request: web.Request, text: str) -> str | None:
    """The slug of the company that was written: its address, or the name it is found by."""
    companies = request.app[SERVICES].fair.companies
    slug = text.strip().rstrip("/").rpartition("/")[2]
    if SLUG.fullmatch(slug) and await companies.get(slug) is not None:
        return slug
    page = await companies.search(CompanyFilter(q=text[:100]), None, 5)
    named = [
        one for one in page.items if text.strip() in (one.draft.name, *one.draft.names.values())
    ]
    return named[0].slug if named else None


async def propose_round(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    if role is None:
        raise web.HTTPNotFound()
    form = await read_form(request, RoundForm)
    if form.data is None:
        return await _round_page(request, found, role, organiser, form, 422)
    data, made = form.data, await shows(request)
    slugs = [await _company_named(request, text) for text in data.others]
    if None in slugs or found.slug in slugs:
        form.refuse("others", "unknown_company")
        return await _round_page(request, found, role, organiser, form, 422)
    person = (await auth.need_person(request)).identity.id
    try:
        await counted(request, "meetings-asked", person, ASKED_BY, HOUR_S)
        starts = moment_in(data.day, data.clock, made.time.zone)
        seats = {found.slug: data.seats, **{slug: data.seats for slug in slugs if slug}}
        draft = RoundDraft(
            data.subject, starts, starts + data.length * 60_000, seats, data.note or ""
        )
        change = await request.app[SERVICES].fair.appointments.propose_round(
            found.slug, person, draft, made.time.zone
        )
    except Refusal:
        form.refuse("subject", "rate_limited")
        return await _round_page(request, found, role, organiser, form, 429)
    except AppointmentRefused as refused:
        field = {"opens": "clock", "first": "day", "capacity": "seats"}.get(
            _FIELD.get(refused.code, ""), _FIELD.get(refused.code, "")
        )
        text = "" if field else refused_text(made.language, refused)
        if field:
            form.refuse(field, refused.code)
        return await _round_page(request, found, role, organiser, form, 409, text)
    await acted(request, change)
    day = made.time.day_of(change.appointment.starts_ms).isoformat()
    raise web.HTTPSeeOther(f"/companies/{found.slug}/day?day={day}&done=round")


def setup(app: web.Application) -> None:
    add, base = app.router, "/companies/{company}"
    add.add_get(base + "/slots", slots)
    add.add_post(base + "/slots", publish)
    add.add_get(base + "/slots/{id}", slot_page)
    add.add_post(base + "/slots/{id}", change_slot)
    add.add_post(base + "/slots/{id}/cancel", cancel_slot)
    add.add_get(base + "/round", round_page)
    add.add_post(base + "/round", propose_round)
