"""The programme and the front page, for everyone.

/            what is on now, what comes next, the ways in
/programme   a day at a glance, by sector, room, language, words
/programme/{slug}   one conference      /programme/{slug}.ics   the same for calendars
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from hub.ports.fair import pick
from hub.ports.programme import Conference, Filter, NowNext
from hub.services import SERVICES, Services
from hub.web import auth, calendar, i18n
from hub.web.fairtime import FairTime, language_name
from hub.web.pages import PAGES, Pages
from hub.web.programme_rows import Row, Rows
from hub.web.query import cursor_text, text
from rooms.model import SLUG

PAGE: Final = 40  # conferences of one page: 500 a day are far more than 100 KB
HOME_ROOMS: Final = 36
HOME_NEXT: Final = 8
FRESH_S: Final = 3.0


@dataclass(slots=True)
class Lately:
    """What every reader of the front page sees, read at most once in FRESH_S a hub."""

    services: Services
    _known: dict[str, tuple[float, Any]] = field(default_factory=dict)

    async def coming(self, now_ms: int) -> tuple[Conference, ...]:
        async def read() -> tuple[Conference, ...]:
            wanted = Filter(from_ms=now_ms, cancelled=False)
            found, _ = await self.services.fair.conferences.find(wanted, None, HOME_NEXT)
            return found

        return await self._at_most("coming", read)  # type: ignore[no-any-return]

    async def on(self, rooms: Sequence[str]) -> dict[str, NowNext]:
        async def read() -> dict[str, NowNext]:
            return await self.services.fair.conferences.now_next(rooms)

        return await self._at_most("on " + " ".join(rooms), read)  # type: ignore[no-any-return]

    async def starts(self) -> tuple[tuple[int, int], ...]:
        """Every moment something begins, with how many do; cancelled ones left out."""

        async def read() -> tuple[tuple[int, int], ...]:
            return await self.services.fair.conferences.starts(Filter(cancelled=False))

        return await self._at_most("starts", read)  # type: ignore[no-any-return]

    async def _at_most(self, key: str, read: Any) -> Any:
        known = self._known.get(key)
        if known is not None and time.monotonic() - known[0] < FRESH_S:
            return known[1]
        found = await read()
        if len(self._known) > 1_000:  # which rooms are asked for changes: the old ones go
            self._known.clear()
        self._known[key] = (time.monotonic(), found)
        return found


LATELY: Final = web.AppKey("lately", Lately)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def rows_of(request: web.Request) -> Rows:
    """What this reader's rows are made with."""
    services, pages = request.app[SERVICES], request.app[PAGES]
    fair = await services.fair.settings.current()
    language = pages.languages[i18n.language_of(request)]
    session = await auth.session_of(request)
    slots = None
    if session is not None and session.account:
        slots = await services.fair.conferences.agenda_slots(session.identity.id, language.tag)
    rooms = {room.slug: room for room in (await pages.programme.now()).rooms}
    zone = FairTime(ZoneInfo(fair.time_zone), language.locale)
    return Rows(fair, language.tag, language.locale, zone, now_ms(), rooms, slots)


# --- the front page -----------------------------------------------------------------------


async def home(request: web.Request) -> web.Response:
    pages, lately = request.app[PAGES], request.app[LATELY]
    made = await rows_of(request)
    now = await pages.programme.now()
    shown = list(now.rooms[:HOME_ROOMS])
    on = await lately.on([room.slug for room in shown])
    coming = [made.row(one) for one in await lately.coming(made.now_ms)]
    starts = await lately.starts()
    return await pages.render(
        request, "home.html",
        rooms=[(room, _title_on(made, on.get(room.slug))) for room in shown],
        more=len(now.rooms) - len(shown),
        coming=coming,
        conferences=sum(count for _, count in starts),
        dates=_dates(made),
        zone=made.time.zone_name(made.now_ms),
    )  # fmt: skip


def _title_on(made: Rows, there: NowNext | None) -> dict[str, str] | None:
    """What is on in a room just now, in the reader's language."""
    if there is None or there.now is None:
        return None
    title, lang = calendar.title_in(there.now, made.language)
    return {"slug": there.now.slug, "title": title, "lang": lang}


def _dates(made: Rows) -> str:
    days = made.fair.days
    if not days:
        return ""
    first, last = made.time.short_day(days[0]), made.time.short_day(days[-1])
    return first if first == last else f"{first} – {last}"


async def _rooms_by_talk(request: web.Request, words: str) -> set[str]:
    """Rooms where something that ``words`` find is on just now."""
    now = now_ms()
    wanted = Filter(to_ms=now + 1, ends_after_ms=now, q=words, cancelled=False)
    found, _ = await request.app[SERVICES].fair.conferences.find(wanted, None, 200)
    return {one.draft.room for one in found}


async def now_json(request: web.Request) -> web.Response:
    """Live numbers of public rooms: of those named (``rooms``), of those whose name or
    conference has ``q`` in it, of the first ``limit``."""
    pages, lately = request.app[PAGES], request.app[LATELY]
    found = list((await pages.programme.now()).rooms)
    named = text(request, "rooms", 8_000)
    if named is not None:
        wanted = set(named.split(",")[:200])
        found = [room for room in found if room.slug in wanted]
    words = (text(request, "q", 100) or "").casefold()
    if words:
        on = await _rooms_by_talk(request, words)
        found = [room for room in found if room.slug in on or words in room.title.casefold()]
    limit = request.query.get("limit", "")
    if limit.isascii() and limit.isdigit():
        found = found[: int(limit[:6])]
    made = await rows_of(request)
    titles: dict[str, NowNext] = {}
    if len(found) <= 200 and named is None:
        titles = await lately.on([room.slug for room in found])
    body = [{**room.as_json(), "on": _title_on(made, titles.get(room.slug))} for room in found]
    return pages.fresh_json(request, {"rooms": body})


# --- the day at a glance ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """The list's address, taken apart."""

    day: date | None
    sector: str | None
    room: str | None
    language: str | None
    q: str | None
    whole: bool  # the whole day, also what is over
    cursor: str | None

    def href(self, **other: Any) -> str:
        values = {
            "day": self.day, "sector": self.sector, "room": self.room,
            "language": self.language, "q": self.q, "whole": "1" if self.whole else None, **other,
        }  # fmt: skip
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/programme?{query}" if query else "/programme"


def _asked(request: web.Request) -> Asked:
    def slug(name: str) -> str | None:
        value = request.query.get(name, "")
        return value if SLUG.fullmatch(value) else None

    try:
        day = date.fromisoformat(request.query.get("day", ""))
        day = day if 1970 < day.year < 9000 else None  # type: ignore[assignment]
    except ValueError:
        day = None
    return Asked(
        day, slug("sector"), slug("room"), text(request, "language", 35), text(request, "q", 100),
        request.query.get("whole") == "1", cursor_text(request),
    )  # fmt: skip


def _days(made: Rows, starts: Sequence[tuple[int, int]]) -> dict[date, int]:
    """Days with something on, or of the fair, to how much begins on each."""
    days = dict.fromkeys(made.fair.days, 0)
    for at, count in starts:
        day = made.time.day_of(at)
        days[day] = days.get(day, 0) + count
    return dict(sorted(days.items()))


def _day_shown(asked: Asked, days: dict[date, int], today: date) -> date:
    """The day asked for, else today, else the next one of the fair, else its last."""
    if asked.day is not None:
        return asked.day
    coming = [day for day in days if day >= today]
    return coming[0] if coming else next(reversed(days), today)


def _groups(rows: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """Rows that begin together, under the first of them."""
    listed = [list(group) for _, group in groupby(rows, key=lambda row: row.starts_iso)]
    return [(group[0], group) for group in listed]


async def programme(request: web.Request) -> web.Response:
    pages, services = request.app[PAGES], request.app[SERVICES]
    asked, made = _asked(request), await rows_of(request)
    days = _days(made, await request.app[LATELY].starts())
    today = made.time.day_of(made.now_ms)
    day = _day_shown(asked, days, today)
    from_ms, to_ms = made.time.bounds(day)
    # A search or one room is looked for on every day, unless a day was named with it.
    every_day = asked.day is None and bool(asked.q or asked.room)
    from_now = not asked.whole and not asked.cursor and (every_day or day == today)
    wanted = Filter(
        from_ms=None if every_day else from_ms,
        to_ms=None if every_day else to_ms,
        ends_after_ms=made.now_ms if from_now or (every_day and not asked.whole) else None,
        sector=asked.sector, room=asked.room, language=asked.language, q=asked.q,
    )  # fmt: skip
    try:
        found, following = await services.fair.conferences.find(wanted, asked.cursor, PAGE)
    except ValueError:
        raise web.HTTPNotFound() from None
    rows = [made.row(one) for one in found]
    named = {} if every_day else {"day": day.isoformat()}
    groups = _groups(rows)
    return await pages.render(
        request, "programme.html",
        asked=asked, days=[
            (asked.href(day=one.isoformat(), whole=None), made.time.short_day(one),
             one == day and not every_day, count)
            for one, count in days.items()
        ],
        heading="" if every_day else made.time.day(day),
        every_day=every_day,
        today=day == today,
        groups=groups,
        marker=_marker(groups, made) if day == today else None,
        now_clock=made.time.clock(made.now_ms),
        sectors=[(one.slug, one.name(made.language)) for one in made.fair.sectors],
        spoken=_spoken(made),
        room_title=next((row.room_title for row in rows), asked.room),
        earlier=asked.href(**named, whole="1") if from_now else None,
        following=asked.href(**named, cursor=following) if following else None,
        first=asked.href(**named) if asked.cursor else None,
        clear=asked.href(**named, sector=None, room=None, language=None, q=None, whole=None)
        if asked.sector or asked.room or asked.language or asked.q else "",
        zone=made.time.zone_name(from_ms),
    )  # fmt: skip


def _marker(groups: Sequence[tuple[Row, list[Row]]], made: Rows) -> int | None:
    """Before which group the line of this moment stands; None: before none."""
    for n, (first, _) in enumerate(groups):
        if first.when == "coming":
            return n
    return None


def _spoken(made: Rows) -> list[tuple[str, str]]:
    tags = dict.fromkeys((*made.fair.languages, *i18n.LANGUAGES))
    return [(tag, language_name(tag, made.locale)) for tag in tags]


# --- one conference -----------------------------------------------------------------------


async def _found(request: web.Request) -> Conference:
    slug = request.match_info["conference"]
    services = request.app[SERVICES]
    one = await services.fair.conferences.get(slug) if SLUG.fullmatch(slug) else None
    if one is None:
        raise web.HTTPNotFound()
    return one


async def conference(request: web.Request) -> web.Response:
    pages, services = request.app[PAGES], request.app[SERVICES]
    one = await _found(request)
    made = await rows_of(request)
    row = made.row(one)
    about, about_lang = pick(one.draft.about, made.language)
    after = await services.fair.conferences.find(
        Filter(room=one.draft.room, from_ms=one.draft.ends_ms, cancelled=False), None, 3
    )
    return await pages.render(
        request, "conference.html",
        one=one, row=row, room=made.rooms.get(one.draft.room),
        about=[part for part in about.split("\n") if part.strip()], about_lang=about_lang,
        day=made.time.day(made.time.day_of(one.draft.starts_ms)),
        day_href=f"/programme?day={made.time.day_of(one.draft.starts_ms).isoformat()}",
        after=[made.row(other) for other in after[0]],
        zone=made.time.zone_name(one.draft.starts_ms),
    )  # fmt: skip


async def conference_ics(request: web.Request) -> web.Response:
    pages, services = request.app[PAGES], request.app[SERVICES]
    one = await _found(request)
    fair = await services.fair.settings.current()
    language = pages.languages[i18n.language_of(request)]
    site, name = services.config.public_url, calendar.title_in(one, language.tag)[0]
    body = calendar.calendar([one], fair, language.tag, site, language.text, name)
    response = calendar.respond(request, body, f"{one.slug}.ics", "no-cache")
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def setup(app: web.Application, services: Services) -> None:
    app[LATELY] = Lately(services)
    app.router.add_get("/", home)
    app.router.add_get("/now.json", now_json)
    app.router.add_get("/programme", programme)
    app.router.add_get("/programme/{conference:[a-z0-9-]{1,64}}.ics", conference_ics)
    app.router.add_get("/programme/{conference}", conference)


__all__ = ["Pages", "rows_of", "setup"]
