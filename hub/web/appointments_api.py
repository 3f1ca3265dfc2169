"""Appointments and slots, as an app or an organiser uses them.

Visitors ask and answer, a company's staff offer and answer for it; organisers read all and call
off. For whoever is on no side of an appointment it does not exist.
"""

from __future__ import annotations

from typing import Any, Final, cast

from aiohttp import web

from hub.ports.appointments import (
    Appointment,
    AppointmentRefused,
    Asking,
    Change,
    RoundDraft,
    Which,
)
from hub.services import SERVICES
from hub.web import appointments_slots
from hub.web.accounts import HOUR_S, counted
from hub.web.appointments import acted, fair_zone, problem
from hub.web.appointments_shapes import (
    ALL_STAFF,
    FAR_MS,
    NO_STORE,
    PAGE,
    PAGING,
    WHEN,
    body_of,
    need_person,
    span,
)
from hub.web.audits import audit
from hub.web.auth import need_caller
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_appointments import (
    ActBody,
    AppointmentBody,
    AppointmentCounts,
    AppointmentList,
    AppointmentWhole,
    AskBody,
    RoundBody,
)
from hub.web.companies_api import find_company, is_organiser, need_editor
from hub.web.company_people_api import need_account
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.routes import BASE, Query, Route
from rooms.appointments import Act, State
from rooms.errors import Code, Refusal
from rooms.model import SLUG
from rooms.times import rfc3339

ASKED_BY: Final = 120  # meetings one person asks for in an hour


def unknown() -> Problem:
    return problem(AppointmentRefused("unknown_appointment"))


def _answer(one: Appointment, status: int = 200) -> web.Response:
    headers = dict(NO_STORE)
    if status == 201:
        headers["Location"] = f"{BASE}/appointments/{one.id}"
    return web.json_response(body_of(one), status=status, headers=headers)


# --- asking --------------------------------------------------------------------------------------


async def ask(request: web.Request) -> web.Response:
    person = await need_account(request)
    found = await find_company(request, await need_caller(request))
    body = await read(request, AskBody)
    services = request.app[SERVICES]
    await counted(request, "meetings-asked", person, ASKED_BY, HOUR_S)
    asking = Asking(
        subject=body.subject, note=body.note or "", slot=body.slot,
        starts_ms=epoch_ms(body.starts_at), ends_ms=epoch_ms(body.ends_at), place=body.place,
        staff=body.staff, anyway=body.anyway,
    )  # fmt: skip
    try:
        change = await services.fair.appointments.ask(
            person, found.slug, asking, await fair_zone(services)
        )
    except AppointmentRefused as refused:
        raise problem(refused) from None
    return _answer((await acted(request, change)).appointment, 201)


async def propose_round(request: web.Request) -> web.Response:
    caller, found = await need_editor(request, *ALL_STAFF)
    need_person(caller)
    body = await read(request, RoundBody)
    services, person = request.app[SERVICES], caller.identity.id
    await counted(request, "meetings-asked", person, ASKED_BY, HOUR_S)
    draft = RoundDraft(
        body.subject, epoch_ms(body.starts_at) or 0, epoch_ms(body.ends_at) or 0,
        dict(body.seats), body.note or "",
    )  # fmt: skip
    try:
        change = await services.fair.appointments.propose_round(
            found.slug, person, draft, await fair_zone(services)
        )
    except AppointmentRefused as refused:
        raise problem(refused) from None
    return _answer((await acted(request, change)).appointment, 201)


# --- reading -------------------------------------------------------------------------------------


async def _list(request: web.Request, **where: Any) -> web.Response:
    state = choice(request, "state", tuple(State))
    from_ms, to_ms = span(request)
    which = Which(
        states=frozenset() if state is None else frozenset({State(state)}),
        from_ms=from_ms or None, to_ms=None if to_ms == FAR_MS else to_ms, **where,
    )  # fmt: skip
    try:
        page, following = await request.app[SERVICES].fair.appointments.list(
            which, cursor_text(request), limit_of(request, PAGE)
        )
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    items = [body_of(one) for one in page]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def list_appointments(request: web.Request) -> web.Response:
    """One's own; all of the fair for organisers."""
    caller = await need_caller(request)
    if not is_organiser(caller):
        return await _list(request, person=await need_account(request))
    company = text(request, "company", 64)
    if company is not None and not SLUG.fullmatch(company):
        raise Invalid([("company", "bad_format")])
    return await _list(request, company=company)


async def company_appointments(request: web.Request) -> web.Response:
    _, found = await need_editor(request, *ALL_STAFF)
    return await _list(request, company=found.slug)


async def get(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    services, id = request.app[SERVICES], request.match_info["id"][:64]
    if not is_organiser(caller):
        person = await need_account(request)
        if not await services.fair.appointments.sides(id, person):
            raise unknown()
    found = await services.fair.appointments.get(id)
    if found is None:
        raise unknown()
    log = [
        {"at": rfc3339(one.at_ms), "by": one.by or None, "act": one.act, "detail": one.detail}
        for one in await services.fair.appointments.log(id)
    ]
    return web.json_response({**body_of(found), "log": log}, headers=NO_STORE)


async def counts(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    if not is_organiser(caller):
        raise Refusal(Code.FORBIDDEN, "this needs an organiser of the fair")
    states = await request.app[SERVICES].fair.appointments.counts()
    return web.json_response({"states": states}, headers=NO_STORE)


# --- acting --------------------------------------------------------------------------------------


async def act(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    organiser = is_organiser(caller)
    if not organiser or caller.how != "key":
        person = await need_account(request)
    else:
        person = caller.identity.id
    body = await read(request, ActBody)
    id = request.match_info["id"][:64]
    part = request.app[SERVICES].fair.appointments
    sides = await part.sides(id, person)
    if not sides and not organiser:
        raise unknown()
    try:
        change = await _act(request, id, person, body, sides)
    except AppointmentRefused as refused:
        raise problem(refused) from None
    if not sides:
        await audit(
            request, caller.identity, "appointment.cancel", f"appointment:{id}",
            {"reason": body.reason or "", "company": change.appointment.company},
        )  # fmt: skip
    return _answer((await acted(request, change)).appointment)


async def _act(
    request: web.Request, id: str, person: str, body: ActBody, sides: frozenset[str]
) -> Change:
    services = request.app[SERVICES]
    part = services.fair.appointments
    found = await part.get(id)
    if found is None:
        raise AppointmentRefused("unknown_appointment")
    if found.form == "round" and body.action in ("accept", "decline") and sides:
        companies = sorted(sides - {found.company}) or sorted(sides)
        company = body.company or companies[0]
        return await part.answer_round(
            id, company, person, body.action == "accept", staff=body.staff
        )
    name = Act.MISS if body.action == "missed" else Act(cast("str", body.action))
    return await part.act(
        id, name, person, await fair_zone(services), organiser=not sides, reason=body.reason,
        staff=body.staff, slot=body.slot, starts_ms=epoch_ms(body.starts_at),
        ends_ms=epoch_ms(body.ends_at),
    )  # fmt: skip


_STATE: Final = Query("state", {"type": "string", "enum": [s.value for s in State]}, "only these")

ROUTES: Final[tuple[Route, ...]] = (
    *appointments_slots.ROUTES,
    Route(
        "POST", "/companies/{company}/appointments", ask, "askForAppointment",
        "Ask for a slot or for a time of one's own choice", 201, AppointmentBody, body=AskBody,
        problems=(404, 409), headers=(("Location", "the appointment"),),
    ),
    Route(
        "GET", "/companies/{company}/appointments", company_appointments,
        "listCompanyAppointments", "A company's appointments; its staff", 200, AppointmentList,
        problems=(404, 422), query=(_STATE, *WHEN, *PAGING),
    ),
    Route(
        "POST", "/companies/{company}/rounds", propose_round, "proposeRound",
        "Propose a talk of several companies; each answers", 201, AppointmentBody, body=RoundBody,
        problems=(404, 409), headers=(("Location", "the appointment"),),
    ),
    Route(
        "GET", "/appointments", list_appointments, "listAppointments",
        "One's own appointments; all of the fair for organisers", 200, AppointmentList,
        problems=(422,),
        query=(
            _STATE, Query("company", {"type": "string", "maxLength": 64}, "for organisers"),
            *WHEN, *PAGING,
        ),
    ),
    Route(
        "GET", "/appointments:counts", counts, "countAppointments",
        "How many appointments are in each state; organisers", 200, AppointmentCounts,
    ),
    Route(
        "GET", "/appointments/{id}", get, "getAppointment", "One, and what was done with it",
        200, AppointmentWhole, problems=(404,),
    ),
    Route(
        "POST", "/appointments/{id}/actions", act, "actOnAppointment",
        "Accept, decline, propose another time, hand over, cancel", 200, AppointmentBody,
        body=ActBody, problems=(404, 409),
    ),
)  # fmt: skip
