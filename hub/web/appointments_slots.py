"""Slots of the appointments' API: what a company offers, and times both sides have."""

from __future__ import annotations

from datetime import time
from typing import Final

from aiohttp import web

from hub.ports.appointments import AppointmentRefused, SlotChange, SlotDraft
from hub.services import SERVICES
from hub.web.appointments import acted, fair_zone, now_ms, problem, zone_of
from hub.web.appointments_shapes import (
    ALL_STAFF,
    DAY_MS,
    NO_STORE,
    PAGE,
    PAGING,
    WHEN,
    body_of,
    need_person,
    slot_body,
    span,
)
from hub.web.auth import need_caller
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_appointments import (
    AppointmentList,
    FreeTimeList,
    MeetingSlotBody,
    MeetingSlotList,
    SlotChangeBody,
    SlotsCreate,
    SlotSeries,
)
from hub.web.companies_api import find_company, need_editor
from hub.web.company_people_api import need_account
from hub.web.problems import Invalid
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.routes import Query, Route
from rooms.appointments import NoSuchTime, series
from rooms.times import rfc3339


async def list_slots(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    found = await find_company(request, caller)
    from_ms, to_ms = span(request)
    try:
        page, following = await request.app[SERVICES].fair.appointments.slots(
            found.slug, from_ms, to_ms,
            open_only=choice(request, "open", ("true", "false")) == "true",
            cursor=cursor_text(request), limit=limit_of(request, PAGE),
        )  # fmt: skip
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    items = [slot_body(one) for one in page]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


def _clock(value: time) -> time:
    return value.replace(second=0, microsecond=0, tzinfo=None)


async def _of_series(request: web.Request, one: SlotSeries) -> list[SlotDraft]:
    services = request.app[SERVICES]
    zone = await fair_zone(services) if one.time_zone is None else zone_of(one.time_zone)
    try:
        times = series(
            one.days, _clock(one.opens), _clock(one.closes), zone, one.length_min, one.pause_min
        )
    except (NoSuchTime, OverflowError):
        raise AppointmentRefused("no_such_time") from None
    return [
        SlotDraft(
            starts, ends, one.place, one.form, one.title or "", one.capacity, one.staff, one.table
        )
        for starts, ends in times
    ]


async def publish(request: web.Request) -> web.Response:
    caller, found = await need_editor(request, *ALL_STAFF)
    need_person(caller)
    body = await read(request, SlotsCreate, 256 * 1024)
    try:
        if body.series is not None:
            drafts = await _of_series(request, body.series)
        else:
            drafts = [
                SlotDraft(
                    epoch_ms(one.starts_at) or 0, epoch_ms(one.ends_at) or 0, one.place, one.form,
                    one.title or "", one.capacity, one.staff, one.table,
                )
                for one in body.items or ()
            ]  # fmt: skip
        made = await request.app[SERVICES].fair.appointments.publish(
            found.slug, drafts, caller.identity.id
        )
    except AppointmentRefused as refused:
        raise problem(refused) from None
    items = [slot_body(one) for one in made]
    return web.json_response({"items": items, "next": None}, status=201, headers=NO_STORE)


async def change_slot(request: web.Request) -> web.Response:
    caller, found = await need_editor(request, *ALL_STAFF)
    need_person(caller)
    body = await read(request, SlotChangeBody)
    given = {name: getattr(body, name) for name in body.model_fields_set}
    change = SlotChange(
        starts_ms=epoch_ms(given.get("starts_at")), ends_ms=epoch_ms(given.get("ends_at")),
        place=given.get("place"), title=given.get("title"), capacity=given.get("capacity"),
        staff=(given["staff"] or "") if "staff" in given else None, table=given.get("table"),
    )  # fmt: skip
    try:
        made = await request.app[SERVICES].fair.appointments.change_slot(
            found.slug, request.match_info["id"][:64], change, caller.identity.id
        )
    except AppointmentRefused as refused:
        raise problem(refused) from None
    return web.json_response(slot_body(made), headers=NO_STORE)


async def cancel_slot(request: web.Request) -> web.Response:
    caller, found = await need_editor(request, *ALL_STAFF)
    need_person(caller)
    try:
        changes = await request.app[SERVICES].fair.appointments.cancel_slot(
            found.slug, request.match_info["id"][:64], caller.identity.id,
            text(request, "reason", 500),
        )  # fmt: skip
    except AppointmentRefused as refused:
        raise problem(refused) from None
    for change in changes:
        await acted(request, change)
    items = [body_of(change.appointment) for change in changes]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def suggest(request: web.Request) -> web.Response:
    person = await need_account(request)
    found = await find_company(request, await need_caller(request))
    services = request.app[SERVICES]
    from_ms, to_ms = span(request)
    length = text(request, "length", 2) or "30"
    if not (length.isascii() and length.isdigit() and 15 <= int(length) <= 60):
        raise Invalid([("length", "out_of_range")])
    from_ms = max(from_ms, now_ms())
    to_ms = min(to_ms, from_ms + 7 * DAY_MS)
    times = await services.fair.appointments.suggest(
        person, found.slug, from_ms, to_ms, length_min=int(length) // 5 * 5, limit=20
    )
    items = [
        {
            "starts_at": rfc3339(one.starts_ms), "ends_at": rfc3339(one.ends_ms),
            "slot": None if one.slot is None else slot_body(one.slot),
        }
        for one in times
    ]  # fmt: skip
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET", "/companies/{company}/slots", list_slots, "listMeetingSlots",
        "Times a company offers for meetings", 200, MeetingSlotList, problems=(404, 422),
        query=(*WHEN, Query("open", {"type": "boolean"}, "only with a place left"), *PAGING),
    ),
    Route(
        "POST", "/companies/{company}/slots", publish, "publishMeetingSlots",
        "Offer single slots or a series; its staff", 201, MeetingSlotList, body=SlotsCreate,
        problems=(404, 409),
    ),
    Route(
        "PATCH", "/companies/{company}/slots/{id}", change_slot, "changeMeetingSlot",
        "Change a slot; its time, place and person while nobody has it", 200, MeetingSlotBody,
        body=SlotChangeBody, problems=(404, 409),
    ),
    Route(
        "DELETE", "/companies/{company}/slots/{id}", cancel_slot, "cancelMeetingSlot",
        "Take a slot back; the appointments that are called off by it", 200, AppointmentList,
        problems=(404, 409, 422),
        query=(Query("reason", {"type": "string", "maxLength": 500}, "told to who has it"),),
    ),
    Route(
        "GET", "/companies/{company}/suggestions", suggest, "suggestTimes",
        "Times that the company offers and that I have", 200, FreeTimeList, problems=(404, 422),
        query=(*WHEN, Query("length", {"type": "integer", "minimum": 15, "maximum": 60},
                             "minutes, of times that are no slots")),
    ),
)  # fmt: skip
