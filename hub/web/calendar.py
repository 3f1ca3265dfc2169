"""iCalendar (RFC 5545, 7986): one conference, one person's agenda, a feed to subscribe to.

Times are in UTC, so that no VTIMEZONE is needed and none can be wrong. A conference keeps its
UID whatever of it changes; SEQUENCE grows with each change, and what was called off stays in
with STATUS:CANCELLED, so that calendars that have it strike it out.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web
from icalendar import Calendar, Event, vUri

from hub.ports.fair import FairSettings, pick
from hub.ports.programme import Conference

TYPE: Final = "text/calendar"
REFRESH: Final = timedelta(minutes=30)
PRODID: Final = "-//Pavilion//Programme//EN"
Text = Callable[..., str]


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


def title_in(one: Conference, language: str) -> tuple[str, str]:
    """(title, its language); the main title's language is not known: ""."""
    found = one.draft.titles.get(language)
    return (found, language) if found else (one.draft.title, "")


def _event(one: Conference, fair: FairSettings, language: str, site: str, _: Text) -> Event:
    draft = one.draft
    url = f"{site}/programme/{one.slug}"
    event = Event()
    # Made anew under the same slug, it is another conference.
    event.add("uid", str(uuid.uuid5(uuid.NAMESPACE_URL, f"pavilion:{one.slug}:{one.created_ms}")))
    event.add("sequence", one.version - 1)
    event.add("dtstamp", _moment(one.changed_ms))
    event.add("created", _moment(one.created_ms))
    event.add("last-modified", _moment(one.changed_ms))
    event.add("dtstart", _moment(draft.starts_ms))
    event.add("dtend", _moment(draft.ends_ms))
    event.add("summary", title_in(one, language)[0])
    event.add("status", "CANCELLED" if draft.cancelled else "CONFIRMED")
    event.add("url", vUri(url))
    event.add("location", f"{one.room_title}, {fair.name_in(language)}")
    event.add("categories", [fair.sector_name(draft.sector, language)])
    about, _tag = pick(draft.about, language)
    people = ", ".join(who.name for who in draft.speakers)
    speakers = _("Speakers: {names}", names=people) if people else ""
    event.add("description", "\n\n".join(part for part in (about, speakers, url) if part))
    return event


def calendar(
    found: Iterable[Conference], fair: FairSettings, language: str, site: str, _: Text, name: str,
    more: Iterable[Event] = (),
) -> bytes:  # fmt: skip
    """``site`` is the fair's address, ``_`` gives the texts of ``language``; ``more`` are
    events of other parts."""
    made = Calendar()
    made.add("prodid", PRODID)
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("x-wr-timezone", fair.time_zone)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT30M")
    for one in found:
        made.add_component(_event(one, fair, language, site, _))
    for event in more:
        made.add_component(event)
    return bytes(made.to_ical())


def respond(request: web.Request, body: bytes, filename: str, cache: str) -> web.Response:
    """The calendar, or 304 when the reader has it already (RFC 9110 section 13.1.2)."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": cache,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    known = [part.strip().removeprefix("W/") for part in
             request.headers.get("If-None-Match", "").split(",")]  # fmt: skip
    if etag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{filename}"'
    return web.Response(body=body, content_type=TYPE, charset="utf-8", headers=headers)
