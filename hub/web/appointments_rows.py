"""Appointments and slots as the pages show them: in the reader's language, in the fair's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from hub.ports.appointments import Appointment, MeetingSlot
from hub.ports.fair import FairSettings
from hub.services import SERVICES
from hub.web import i18n
from hub.web.appointments import company_name, enter_path, now_ms, place_text
from hub.web.appointments_texts import PLACES, STATES, TONES
from hub.web.fairtime import FairTime
from hub.web.pages import PAGES
from rooms.appointments import ENDED, NoSuchTime, State, moment
from rooms.times import rfc3339

DAYS: Final = 7  # shown while the fair has no days to come
DAYS_MAX: Final = 21
_OPENS, _CLOSES = time(9), time(18)  # of times nobody offers as slots


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


@dataclass(frozen=True, slots=True)
class Span:
    """A time as ``talks.clock`` of programme_parts.html draws it."""

    starts: str
    starts_iso: str
    ends: str
    ends_iso: str
    moment: str


@dataclass(frozen=True, slots=True)
class Row:
    """``remarks``: what was seen of it, each a sentence. ``enter``: its room, once open."""

    one: Appointment
    span: Span
    company_name: str
    subject: str
    place: str
    word: str
    tone: str
    hold: str
    enter: str | None
    remarks: tuple[str, ...]
    over: bool


@dataclass(frozen=True, slots=True)
class SlotRow:
    """``clashes``: what of the reader's is then; ``hard``: it cannot be taken at all."""

    slot: MeetingSlot
    span: Span
    place: str
    clashes: tuple[str, ...] = ()
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Shows:
    """What the rows of one page are made with."""

    fair: FairSettings
    language: i18n.Language
    time: FairTime
    now_ms: int

    def span(self, starts_ms: int, ends_ms: int) -> Span:
        return Span(
            self.time.clock(starts_ms), rfc3339(starts_ms), self.time.clock(ends_ms),
            rfc3339(ends_ms), self.time.moment(starts_ms),
        )  # fmt: skip

    def row(self, one: Appointment) -> Row:
        return Row(
            one=one,
            span=self.span(one.starts_ms, one.ends_ms),
            company_name=company_name(one, self.language.tag),
            subject=one.subject,
            place=place_text(self.language, one),
            word=self.language.text(STATES[one.state]),
            tone=TONES.get(one.state, "plain"),
            hold="" if one.hold_until_ms is None else self.time.moment(one.hold_until_ms),
            enter=enter_path(one, self.now_ms),
            remarks=tuple(self._remarks(one)),
            over=one.state in ENDED,
        )

    def slot(self, slot: MeetingSlot, clashes: tuple[str, ...] = (), hard: bool = False) -> SlotRow:
        place = self.language.text(PLACES[slot.place])
        return SlotRow(slot, self.span(slot.starts_ms, slot.ends_ms), place, clashes, hard)

    def _remarks(self, one: Appointment) -> list[str]:
        text, found = self.language.text, []
        minutes = [
            (_("The company came {n} minutes late."), one.late_ms(one.company_came_ms)),
            (_("The visitor came {n} minutes late."), one.late_ms(one.visitor_came_ms)),
            (_("It went on for {n} minutes more."), one.overrun_ms),
        ]
        found += [text(words, n=-(-ms // 60_000)) for words, ms in minutes if ms]
        if one.state is State.NO_SHOW:
            words = {"company": _("The company did not come."),
                     "visitor": _("The visitor did not come.")}  # fmt: skip
            found += [text(words[side]) for side in one.absent]
        return found

    @property
    def today(self) -> date:
        return self.time.day_of(self.now_ms)

    def days(self) -> list[date]:
        """The fair's days that are not over; while there are none, the next few from today."""
        found = [day for day in self.fair.days if day >= self.today][:DAYS_MAX]
        return found or [self.today + timedelta(days=n) for n in range(DAYS)]

    def day_asked(self, value: str, otherwise: date) -> date:
        try:
            asked = date.fromisoformat(value)
        except ValueError:
            return otherwise
        return asked if 1970 <= asked.year < 9000 else otherwise

    def hours(self, day: date) -> list[tuple[int, int]]:
        """When one may ask for a time that is no slot."""

        try:
            zone = self.time.zone
            return [
                (
                    moment(datetime.combine(day, _OPENS), zone),
                    moment(datetime.combine(day, _CLOSES), zone),
                )
            ]
        except NoSuchTime:
            return []

    def zone_name(self) -> str:
        return self.time.zone_name(self.now_ms)


async def shows(request: web.Request) -> Shows:
    fair = await request.app[SERVICES].fair.settings.current()
    language = request.app[PAGES].languages[i18n.language_of(request)]
    return Shows(fair, language, FairTime(ZoneInfo(fair.time_zone), language.locale), now_ms())
