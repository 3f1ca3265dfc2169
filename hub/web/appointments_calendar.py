"""Appointments in iCalendar (RFC 5545, 5546), as ``calendar`` has conferences.

What waits for an answer is TENTATIVE, what was declined, called off or lapsed CANCELLED; one file
of such an appointment is its cancellation (METHOD:CANCEL). SEQUENCE grows with each change.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from icalendar import Calendar, Event, vUri

from hub.ports.appointments import Appointment, Which
from hub.ports.fair import FairSettings
from hub.services import Services
from hub.web.appointments import company_name, now_ms, place_text
from hub.web.i18n import Language
from rooms.appointments import WAITING, State

PRODID: Final = "-//Pavilion//Appointments//EN"
KEPT_MS: Final = 30 * 24 * 3_600_000  # over so long ago, they are in no feed
FEED_MAX: Final = 200
_OFF: Final = frozenset({State.DECLINED, State.CANCELLED, State.LAPSED})


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


def event_of(
    one: Appointment, visitor: bool, fair: FairSettings, language: Language, site: str
) -> Event:
    """As one side has it: the other is who it is with."""
    company = company_name(one, language.tag)
    party = company if visitor or one.form == "round" else one.visitor_name
    path = "/me/appointments" if visitor else f"/companies/{one.company}/day"
    room = f"{site}/negotiations/{one.room}" if one.room and one.state not in _OFF else ""
    event = Event()
    event.add("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, f"pavilion:appointment:{one.id}")))
    event.add("sequence", one.version - 1)
    event.add("dtstamp", _moment(one.changed_ms))
    event.add("created", _moment(one.created_ms))
    event.add("last-modified", _moment(one.changed_ms))
    event.add("dtstart", _moment(one.starts_ms))
    event.add("dtend", _moment(one.ends_ms))
    event.add("summary", f"{one.subject} ({party})")
    event.add("organizer", vUri(f"mailto:{fair.contact}" if fair.contact else site))
    status = "CANCELLED" if one.state in _OFF else "CONFIRMED"
    event.add("status", "TENTATIVE" if one.state in WAITING else status)
    event.add("url", vUri(room or f"{site}{path}"))
    event.add("location", room or f"{place_text(language, one)}, {fair.name_in(language.tag)}")
    event.add("description", "\n\n".join(part for part in (one.note, f"{site}{path}") if part))
    return event


def calendar_of(
    found: Iterable[tuple[Appointment, bool]], fair: FairSettings, language: Language, site: str
) -> bytes:
    """A file of appointments, each with whether it is the visitor's; all of them called off make
    a cancellation."""
    listed = list(found)
    off = bool(listed) and all(one.state in _OFF for one, _ in listed)
    made = Calendar()
    made.add("prodid", PRODID)
    made.add("version", "2.0")
    made.add("method", "CANCEL" if off else "PUBLISH")
    for one, visitor in listed:
        made.add_component(event_of(one, visitor, fair, language, site))
    return bytes(made.to_ical())


async def feed_events(
    services: Services, person: str, fair: FairSettings, language: Language
) -> list[Event]:
    """What of a person's appointments belongs into their calendar feed."""
    which = Which(person=person, from_ms=now_ms() - KEPT_MS)
    found, _ = await services.fair.appointments.list(which, None, FEED_MAX)
    site = services.config.public_url
    return [
        event_of(one, one.visitor == person and one.form != "round", fair, language, site)
        for one in found
    ]
