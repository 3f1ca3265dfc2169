"""Conferences as the pages show them: texts in the reader's language, times in the fair's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from babel import Locale

from hub.ports.fair import FairSettings
from hub.ports.programme import Conference
from hub.web.calendar import title_in
from hub.web.fairtime import FairTime, language_name
from hub.web.programme import RoomNow, rfc3339

Slots = Sequence[tuple[str, str, int, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """``in_agenda`` is None for readers without an account. ``clashes``: titles of what else is
    in their agenda then. ``lang`` is "" where the title's language is not known."""

    slug: str
    title: str
    lang: str
    starts: str
    starts_iso: str
    ends: str
    ends_iso: str
    moment: str
    room: str
    room_title: str
    sector: str
    languages: tuple[str, ...]
    company: str | None
    company_name: str | None
    speakers: tuple[str, ...]
    cancelled: bool
    when: Literal["past", "now", "coming"]
    live: RoomNow | None
    in_agenda: bool | None
    clashes: tuple[str, ...]


def clashes_of(one: Conference, slots: Slots) -> tuple[tuple[str, str], ...]:
    """(slug, title) of what is in an agenda at the same time as ``one``."""
    draft = one.draft
    if draft.cancelled:
        return ()
    return tuple(
        (slug, title)
        for slug, title, starts, ends in slots
        if slug != draft.slug and starts < draft.ends_ms and ends > draft.starts_ms
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """What every row of one page is made with. ``slots``: the reader's agenda, None without."""

    fair: FairSettings
    language: str
    locale: Locale
    time: FairTime
    now_ms: int
    rooms: Mapping[str, RoomNow]
    slots: Slots | None

    def row(self, one: Conference) -> Row:
        draft = one.draft
        title, lang = title_in(one, self.language)
        when: Literal["past", "now", "coming"] = "coming"
        if draft.ends_ms <= self.now_ms:
            when = "past"
        elif draft.starts_ms <= self.now_ms:
            when = "now"
        room = self.rooms.get(draft.room)
        near = when == "now" or (when == "coming" and draft.starts_ms - self.now_ms < 900_000)
        slots = self.slots or ()
        return Row(
            slug=draft.slug,
            title=title,
            lang=lang,
            starts=self.time.clock(draft.starts_ms),
            starts_iso=rfc3339(draft.starts_ms) or "",
            ends=self.time.clock(draft.ends_ms),
            ends_iso=rfc3339(draft.ends_ms) or "",
            moment=self.time.moment(draft.starts_ms),
            room=draft.room,
            room_title=one.room_title,
            sector=self.fair.sector_name(draft.sector, self.language),
            languages=tuple(language_name(tag, self.locale) for tag in draft.languages),
            company=draft.company,
            company_name=one.company_name,
            speakers=tuple(who.name for who in draft.speakers),
            cancelled=draft.cancelled,
            when=when,
            live=room if near and not draft.cancelled else None,
            in_agenda=None if self.slots is None else any(s[0] == draft.slug for s in slots),
            clashes=tuple(title for _, title in clashes_of(one, slots)),
        )
