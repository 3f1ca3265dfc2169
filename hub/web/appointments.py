"""What API, pages and jobs of appointments share: refusals as answers, and what follows an act:
the running room, the open pages and the mails of those it concerns."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import structlog
from aiohttp import web

from hub.ports import StoreLost
from hub.ports.appointments import Appointment, AppointmentRefused, Change
from hub.ports.fair import pick
from hub.ports.people import PersonRecord
from hub.ports.talks import OPENS_BEFORE_MS
from hub.services import Services
from hub.web import i18n
from hub.web.appointments_texts import PLACES, TOLD, quota_detail
from hub.web.auth import KEY_IDENTITY
from hub.web.fairtime import FairTime
from hub.web.pages import PAGES, Pages
from hub.web.problems import Problem
from hub.web.talks import close_running, let_back
from rooms import news
from rooms.appointments import AGREED, NoSuchTime, State, moment
from rooms.errors import Refusal
from rooms.model import Role
from rooms.times import rfc3339

log = structlog.get_logger(__name__)

#: Who is written to while nobody of the company has the meeting: this many of its editors.
WRITTEN_MAX: Final = 10

_STATUS: Final[dict[str, int]] = {
    **dict.fromkeys(
        ("unknown_company", "unknown_slot", "unknown_appointment", "unknown_person"), 404
    ),
    **dict.fromkeys(("own_company", "own_slots_only", "not_yours"), 403),
    **dict.fromkeys(
        (
            "in_the_past", "too_far", "bad_length", "bad_time", "bad_place", "no_such_time",
            "unknown_zone", "no_slots", "capacity", "bad_form", "too_many_companies",
        ),
        422,
    ),
}  # fmt: skip


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def problem(refused: AppointmentRefused) -> Problem:
    """The refusal as an answer; what is not listed is a conflict (409)."""
    members: dict[str, Any] = {}
    detail = ""
    if refused.code == "clash":
        members["clashes"] = [
            {
                "kind": one.kind, "id": one.id, "title": one.title,
                "starts_at": rfc3339(one.starts_ms), "ends_at": rfc3339(one.ends_ms),
            }
            for one in refused.clashes
        ]  # fmt: skip
    if refused.code == "quota":
        members |= {"quota": refused.quota, "allowed": refused.allowed}
        detail = quota_detail(refused.quota, refused.allowed)
    return Problem(_STATUS.get(refused.code, 409), refused.code, detail, **members)


# --- zones and days ---------------------------------------------------------------------------


async def fair_zone(services: Services) -> ZoneInfo:
    return ZoneInfo((await services.fair.settings.current()).time_zone)


def zone_of(name: str) -> ZoneInfo:
    """Raises AppointmentRefused(unknown_zone)."""
    if name not in available_timezones():
        raise AppointmentRefused("unknown_zone")
    return ZoneInfo(name)


def moment_in(day: date, clock: clock_time, zone: ZoneInfo) -> int:
    """Raises AppointmentRefused(no_such_time)."""
    try:
        return moment(datetime.combine(day, clock.replace(tzinfo=None)), zone)
    except (NoSuchTime, OverflowError):
        raise AppointmentRefused("no_such_time") from None


# --- after an act ------------------------------------------------------------------------------


async def follow_up(pages: Pages, change: Change) -> None:
    """The room, then the people: nothing here can fail the act, which is stored by now."""
    one = change.appointment
    services = pages.services
    if one.room is not None:
        try:
            await _in_room(services, change, one.room)
        except StoreLost:
            log.warning("a talk's room was not told", room=one.room)
    await tell(pages, change)


async def _in_room(services: Services, change: Change, room: str) -> None:
    for person in change.added:
        await let_back(services, room, person)
    for person in change.removed:
        with suppress(Refusal):  # not inside, or nobody ever was
            await services.admission.remove(room, KEY_IDENTITY, Role.ORGANISER, person)
    if change.appointment.state is State.CANCELLED and not change.removed:
        await close_running(services, room, KEY_IDENTITY)


@dataclass(frozen=True, slots=True)
class _Addressed:
    """One who is told: whose page it is for, and who the other side is."""

    person: str
    party: str
    path: str


async def tell(pages: Pages, change: Change) -> None:
    """Open pages of all it concerns; mails to those who have to know. What an act of time alone
    changed (begun, over) is on their pages and needs no word."""
    if change.act not in TOLD or not change.people:
        return
    addressed = await _addressed(pages.services, change.appointment, change.people)
    await _news(pages.services, change.appointment, addressed, reminder=False)
    written = await _written(pages.services, change, addressed)
    await _mails(pages, "appointment", TOLD[change.act], change.appointment, written)


async def remind(pages: Pages, one: Appointment, *, host: bool = True) -> None:
    """Both sides, shortly before the beginning; ``host``: whoever of the company has it too."""
    people = [one.visitor, *([one.staff] if one.staff and host else [])]
    people += [c.staff for c in one.companies if c.staff and c.state == "accepted"]
    addressed = await _addressed(pages.services, one, tuple(dict.fromkeys(people)))
    await _news(pages.services, one, addressed, reminder=True)
    await _mails(pages, "appointment_reminder", "", one, addressed)


async def _addressed(
    services: Services, one: Appointment, people: tuple[str, ...]
) -> list[_Addressed]:
    of: dict[str, str] = {}
    for answer in one.companies:
        if answer.staff is not None:
            of[answer.staff] = answer.company
        elif answer.state == "invited":
            for colleague in await services.fair.companies.staff(answer.company):
                of.setdefault(colleague.person, answer.company)
    day = datetime.fromtimestamp(one.starts_ms / 1000, await fair_zone(services)).date()
    found = []
    for person in people:
        if one.form != "round" and person == one.visitor:
            found.append(_Addressed(person, one.company_name, f"/me/appointments#a-{one.id}"))
            continue
        company = of.get(person, one.company)
        party = one.visitor_name if one.form != "round" else one.company_name
        path = f"/companies/{company}/day?day={day.isoformat()}#a-{one.id}"
        found.append(_Addressed(person, party, path))
    return found


async def _news(
    services: Services, one: Appointment, addressed: list[_Addressed], *, reminder: bool
) -> None:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in addressed:
        groups.setdefault((each.party, each.path), []).append(each.person)
    try:
        for (party, path), people in groups.items():
            message = news.AppointmentNews(
                id=one.id, state=one.state.value, subject=one.subject,
                starts_at=rfc3339(one.starts_ms), party=party, url=path, reminder=reminder,
            )  # fmt: skip
            await services.news.tell(news.personal(people, message))
    except StoreLost:
        log.warning("an appointment was not told", appointment=one.id)


async def _written(
    services: Services, change: Change, addressed: list[_Addressed]
) -> list[_Addressed]:
    """Who gets a mail: not a whole staff for a request that is nobody's yet."""
    one = change.appointment
    if one.form == "group" and change.act == "ask":
        return []  # a full session would be a mail for every place of it
    named = {one.visitor, one.staff, *change.removed, *(c.staff for c in one.companies)}
    direct = [each for each in addressed if each.person in named]
    others = [each for each in addressed if each.person not in named]
    return [*direct, *others[:WRITTEN_MAX]]


async def _mails(
    pages: Pages, kind: str, told: str, one: Appointment, addressed: list[_Addressed]
) -> None:
    services = pages.services
    people = await services.fair.people.many([each.person for each in addressed][:500])
    for each in addressed:
        person = people.get(each.person)
        if person is None or person.email is None or person.verified_ms is None:
            continue
        values = await _values(pages, told, one, each, person)
        await services.fair.mails.queue(person.email, kind, person.language, values, person.id)


async def _values(
    pages: Pages, told: str, one: Appointment, each: _Addressed, person: PersonRecord
) -> dict[str, str]:
    services = pages.services
    language = pages.languages[i18n.match(person.language) or "en"]
    fair = await services.fair.settings.current()
    time_of = FairTime(ZoneInfo(fair.time_zone), language.locale)
    when = f"{time_of.moment(one.starts_ms)} ({time_of.zone_name(one.starts_ms)})"
    own = person.time_zone
    if own and own != fair.time_zone and own in available_timezones():
        there = FairTime(ZoneInfo(own), language.locale)
        when += f" / {there.moment(one.starts_ms)} ({there.zone_name(one.starts_ms)})"
    party = each.party
    if party == one.company_name:
        party = company_name(one, language.tag)
    return {
        "fair": fair.name_in(language.tag), "what": language.text(told) if told else "",
        "subject": one.subject, "party": party, "when": when,
        "place": place_text(language, one), "reason": one.reason or "",
        "link": f"{services.config.public_url}{each.path}",
    }  # fmt: skip


def place_text(language: i18n.Language, one: Appointment) -> str:
    """Online, or the booth and table."""
    if one.place == "online":
        return language.text(PLACES["online"])
    table = one.table or 1
    if one.booth is None:
        return language.text("At the booth, table {n}", n=table)
    return language.text("Booth {booth}, table {n}", booth=one.booth, n=table)


def company_name(one: Appointment, tag: str) -> str:
    """The company's name in a language, or what it is called everywhere."""
    found, of = pick(one.names, tag)
    return found if found and of.split("-")[0] == tag.split("-")[0] else one.company_name


def enter_path(one: Appointment, now: int) -> str | None:
    """Where the room is, once it is open."""
    if one.room is None or one.state not in AGREED or one.starts_ms - OPENS_BEFORE_MS > now:
        return None
    return f"/negotiations/{one.room}"


async def acted(request: web.Request, change: Change) -> Change:
    """``follow_up`` for a request's handler."""
    await follow_up(request.app[PAGES], change)
    return change
