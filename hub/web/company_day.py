"""A company's day on one page: appointments, who waits, rooms, rings, cards, results to confirm.

/companies/{company}/day                                  all its staff; organisers read
/companies/{company}/appointments/{id}/{act}              POST: accept, decline, propose, …
Slots and rounds are in ``appointments_offers``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from aiohttp import web
from pydantic import Field

from hub.ports import BoardRow, StoreLost
from hub.ports.appointments import Appointment, AppointmentRefused, Change, Which
from hub.ports.companies import Card, Company, StaffRole
from hub.ports.talks import Talk
from hub.services import SERVICES, Services
from hub.web import appointments_offers, auth
from hub.web.appointments import acted, moment_in
from hub.web.appointments_rows import Row, Shows, shows
from hub.web.appointments_texts import refused_text
from hub.web.bodies import PersonId
from hub.web.bodies_appointments import Id, Reason
from hub.web.company_edit import need, render
from hub.web.company_people import ALL
from hub.web.forms import Form, FormModel, read_form
from rooms.appointments import AGREED, Act, State
from rooms.errors import Refusal
from rooms.times import rfc3339

LISTED: Final = 200
CARDS: Final = 50
WAITING_SHOWN: Final = 20  # names of who waits for one room
LENGTHS: Final = (15, 20, 25, 30, 45, 60)
_ACTS: Final = {
    "accept": Act.ACCEPT, "decline": Act.DECLINE, "propose": Act.PROPOSE,
    "hand_over": Act.HAND_OVER, "cancel": Act.CANCEL, "missed": Act.MISS,
}  # fmt: skip


class DayForm(FormModel):
    """What goes along with an act; each uses some of it."""

    reason: Reason | None = None
    staff: PersonId | None = None
    slot: Id | None = None
    day: date | None = None
    clock: time | None = None
    length: int = Field(30, ge=15, le=60)


@dataclass(frozen=True, slots=True)
class RoomNow:
    """A talk that goes on or is open: how many are inside, who waits to be let in."""

    talk: Talk
    moment: str
    inside: int | None
    waiting: tuple[str, ...]
    enter: bool


@dataclass(frozen=True, slots=True)
class _Failed:
    """An act that was refused: where, and what to say there."""

    id: str
    act: str
    text: str
    form: Form[Any]


# --- what the day has -----------------------------------------------------------------------------


async def _rooms(
    services: Services, made: Shows, company: str, person: str, bounds: tuple[int, int]
) -> list[RoomNow]:
    talks = [
        one for one in await services.fair.talks.of_company(company, *bounds)
        if one.ended_ms is None
    ]  # fmt: skip
    try:
        board = {row.room: row for row in (await services.board.read()).rows}
    except StoreLost:
        board = {}
    found = []
    for talk in talks:
        row = board.get(talk.room)
        found.append(
            RoomNow(
                talk, made.time.moment(talk.starts_ms),
                None if row is None else row.live + row.held,
                await _waiting(services, row) if row is not None and row.waiting else (),
                await services.fair.talks.access(talk.room, person) is not None,
            )
        )  # fmt: skip
    return found


async def _waiting(services: Services, row: BoardRow) -> tuple[str, ...]:
    try:
        people, _ = await services.admission.participants(row.room, "waiting", None, WAITING_SHOWN)
    except (Refusal, StoreLost):
        return ()
    return tuple(one.name for one in people)


async def _cards(services: Services, company: str, bounds: tuple[int, int]) -> list[Card]:
    page, _ = await services.fair.companies.cards(company, None, CARDS)
    return [card for card in page if bounds[0] <= card.changed_ms < bounds[1]]


async def _appointments(
    services: Services, made: Shows, company: str, bounds: tuple[int, int]
) -> dict[str, list[Row]]:
    """``answer``: this company's to answer; ``visitor``: the other side's, or other companies';
    ``day``: of the day shown."""
    part = services.fair.appointments
    waiting, _ = await part.list(
        Which(company=company, states={State.PENDING, State.COUNTERED}, from_ms=made.now_ms),
        None, LISTED,
    )  # fmt: skip
    of_day, _ = await part.list(
        Which(
            company=company, states={*AGREED, State.DONE, State.NO_SHOW, State.CANCELLED},
            from_ms=bounds[0], to_ms=bounds[1],
        ),
        None, LISTED,
    )  # fmt: skip
    mine = [one for one in waiting if _to_answer(one, company)]
    return {
        "answer": [made.row(one) for one in mine],
        "visitor": [made.row(one) for one in waiting if one not in mine],
        "day": [made.row(one) for one in of_day],
    }


def _to_answer(one: Appointment, company: str) -> bool:
    if one.form != "round":
        return one.turn == "company"
    return any(c.company == company and c.state == "invited" for c in one.companies)


async def _open_to(services: Services, person: str, groups: dict[str, list[Row]]) -> frozenset[str]:
    """The rooms that ``person`` may enter now: not those of meetings handed over."""
    found = set()
    for row in groups["day"]:
        room = row.one.room if row.enter else None
        if room is not None and await services.fair.talks.access(room, person) is not None:
            found.add(room)
    return frozenset(found)


async def _day_page(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    failed: _Failed | None = None, status: int = 200,
) -> web.Response:  # fmt: skip
    services, made = request.app[SERVICES], await shows(request)
    session = await auth.need_person(request)
    person = session.identity.id
    asked = request.query.get("day", "")
    day = made.day_asked(asked, made.today)
    days = sorted({made.today, *made.days(), day})
    bounds = made.time.bounds(day)
    staff = await services.fair.companies.staff(found.slug)
    groups = await _appointments(services, made, found.slug, bounds)
    missed = await services.fair.rings.of_company(found.slug, bounds[0], unanswered=True)
    return await render(
        request, found, role, organiser, "day", status,
        days=[
            (f"?day={one.isoformat()}", made.time.short_day(one), one == day, None)
            for one in days
        ],
        day=day, day_text=made.time.day(day), staff_role=role, person=person, failed=failed,
        groups=groups, open_to=await _open_to(services, person, groups),
        rooms=await _rooms(services, made, found.slug, person, bounds),
        rings=[
            (ring, made.time.clock(ring.created_ms), rfc3339(ring.created_ms))
            for ring in missed
            if ring.created_ms < bounds[1]
        ],
        cards=await _cards(services, found.slug, bounds),
        results=await services.fair.results.to_confirm(person) if role else (),
        staff=[(one.person, one.name) for one in staff], lengths=LENGTHS,
        zone=made.zone_name(), now_ms=made.now_ms,
    )  # fmt: skip


async def day_page(request: web.Request) -> web.Response:
    return await _day_page(request, *(await need(request, ALL)))


# --- acting ---------------------------------------------------------------------------------


async def act(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    person = (await auth.need_person(request)).identity.id
    form = await read_form(request, DayForm)
    id, name = request.match_info["id"][:64], request.match_info["act"]
    part = request.app[SERVICES].fair.appointments
    if role is None or found.slug not in await part.sides(id, person):
        raise web.HTTPNotFound()
    made = await shows(request)
    try:
        if form.data is None:
            raise AppointmentRefused("bad_time" if name == "propose" else "bad_form")
        change = await _act(request, made, found.slug, id, name, person, form.data)
    except AppointmentRefused as refused:
        failed = _Failed(id, name, refused_text(made.language, refused), form)
        return await _day_page(request, found, role, organiser, failed, 409)
    await acted(request, change)
    one = change.appointment
    day = made.time.day_of(one.starts_ms).isoformat()
    raise web.HTTPSeeOther(f"/companies/{found.slug}/day?day={day}&done={name}#a-{id}")


async def _act(
    request: web.Request, made: Shows, company: str, id: str, name: str, person: str,
    data: DayForm,
) -> Change:  # fmt: skip
    part = request.app[SERVICES].fair.appointments
    one = await part.get(id)
    if one is None:
        raise AppointmentRefused("unknown_appointment")
    if one.form == "round" and name in ("accept", "decline"):
        return await part.answer_round(id, company, person, name == "accept", staff=data.staff)
    starts = ends = None
    if name == "propose" and data.slot is None:
        if data.day is None or data.clock is None:
            raise AppointmentRefused("bad_time")
        starts = moment_in(data.day, data.clock, made.time.zone)
        ends = starts + data.length * 60_000
    return await part.act(
        id, _ACTS[name], person, made.time.zone, reason=data.reason, staff=data.staff,
        slot=data.slot, starts_ms=starts, ends_ms=ends,
    )  # fmt: skip


def setup(app: web.Application, services: Services) -> None:
    """Add the pages to ``app``."""
    base = "/companies/{company}"
    app.router.add_get(base + "/day", day_page)
    app.router.add_post(
        base + "/appointments/{id}/{act:accept|decline|propose|hand_over|cancel|missed}", act
    )
    appointments_offers.setup(app)
