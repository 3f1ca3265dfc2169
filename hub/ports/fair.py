"""The fair itself: settings, announcements, imports, figures; and all its parts together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from hub.ports.appointments import Appointments
from hub.ports.companies import Companies
from hub.ports.events import Attendance, Audit, Webhooks
from hub.ports.imports import Imports
from hub.ports.onsite import Passes
from hub.ports.people import Mails, People
from hub.ports.programme import Conferences, Reminder
from hub.ports.results import Results
from hub.ports.rings import Rings
from hub.ports.talks import Talks
from rooms.news import Audience

# --- settings -----------------------------------------------------------------------------


def pick(texts: Mapping[str, str], language: str) -> tuple[str, str]:
    """(text, its BCP 47 tag): the reader's language, else another of its kind (``zh-Hant`` for
    ``zh-Hans``), else the first there is; ("", language) when there is none."""
    if texts.get(language):
        return texts[language], language
    primary = language.split("-", 1)[0]
    filled = [(tag, text) for tag, text in texts.items() if text]
    for tag, text in filled:
        if tag.split("-", 1)[0] == primary:
            return text, tag
    return (filled[0][1], filled[0][0]) if filled else ("", language)


@dataclass(frozen=True, slots=True)
class Sector:
    """One of the fair's service sectors; ``names`` by language."""

    slug: str
    names: Mapping[str, str]

    def name(self, language: str) -> str:
        return pick(self.names, language)[0] or self.slug


@dataclass(frozen=True, slots=True)
class Privacy:
    """A privacy text by language. People consent to a ``version``; 1 is the one built in."""

    version: int
    texts: Mapping[str, str]
    published_ms: int | None


@dataclass(frozen=True, slots=True)
class FairSettings:
    """The fair as set up. ``version`` 0: nobody has changed anything yet.

    ``name`` is the name in the first of ``languages`` (BCP 47 tags texts are written in);
    both dates or none; ``contact`` is an e-mail address, "" for none.
    """

    version: int
    name: str
    names: Mapping[str, str]
    starts_on: date | None
    ends_on: date | None
    time_zone: str
    languages: tuple[str, ...]
    sectors: tuple[Sector, ...]
    privacy: Privacy
    contact: str

    def name_in(self, language: str) -> str:
        return pick(self.names, language)[0] or self.name

    def sector(self, slug: str) -> Sector | None:
        return next((sector for sector in self.sectors if sector.slug == slug), None)

    def sector_name(self, slug: str, language: str) -> str:
        """The name; the slug itself for a sector that was taken away since."""
        found = self.sector(slug)
        return found.name(language) if found else slug

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of the fair, none while the dates are not set."""
        if self.starts_on is None or self.ends_on is None:
            return ()
        count = (self.ends_on - self.starts_on).days + 1
        return tuple(self.starts_on + timedelta(days=day) for day in range(count))


@dataclass(frozen=True, slots=True)
class FairChange:
    """New values, already checked. None leaves as it is; ``dates`` is (starts_on, ends_on)."""

    names: Mapping[str, str] | None = None
    dates: tuple[date | None, date | None] | None = None
    time_zone: str | None = None
    languages: tuple[str, ...] | None = None
    sectors: tuple[Sector, ...] | None = None
    contact: str | None = None


class Settings(Protocol):
    """Name, dates, zone, sectors, languages, privacy texts."""

    async def current(self) -> FairSettings:
        """At most 2 s old on other hubs, at once on the one that changed it. Never raises:
        while the database is away, as last seen, or as in config.toml."""
        ...

    async def change(self, version: int, change: FairChange) -> FairSettings:
        """Compare and swap on ``version``.

        Raises ``hub.ports.StaleVersion`` when the settings were changed since, DirectoryLost.
        """
        ...

    async def publish_privacy(self, after: int, texts: Mapping[str, str]) -> Privacy:
        """A new version of the privacy text, which everybody must consent to.

        ``after`` is the version it follows. Raises StaleVersion when that is not the newest.
        """
        ...

    async def privacy(self, version: int) -> Privacy | None:
        """What people consented to with ``version``."""
        ...


# --- announcements, imports, figures --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Announcement:
    """``texts`` by language. It holds until ``until_ms`` or until it is withdrawn."""

    id: str
    texts: Mapping[str, str]
    audience: Audience
    by: str
    created_ms: int
    until_ms: int
    withdrawn_ms: int | None

    def current(self, now_ms: int) -> bool:
        return self.withdrawn_ms is None and now_ms < self.until_ms


class Announcements(Protocol):
    """What the organiser tells the whole fair or some of it, and what people chose to be told.

    Every method may raise ``hub.ports.DirectoryLost``. Telling open pages is the caller's:
    ``services.news.tell``.
    """

    async def create(
        self, texts: Mapping[str, str], audience: Audience, until_ms: int, by: str
    ) -> Announcement: ...

    async def withdraw(self, id: str) -> Announcement | None:
        """None when there is none of this id; one that was withdrawn stays as it was."""
        ...

    async def get(self, id: str) -> Announcement | None: ...

    async def list(
        self, cursor: str | None, limit: int
    ) -> tuple[tuple[Announcement, ...], str | None]:
        """Newest first. Raises ValueError for a cursor that is none."""
        ...

    async def current(self) -> tuple[Announcement, ...]:
        """What holds now, oldest first, the newest 50."""
        ...

    async def reach(self, audience: Audience) -> int:
        """How many accounts it addresses."""
        ...

    async def addressed(self, audience: Audience, asked: Sequence[str]) -> frozenset[str]:
        """Which of these it addresses, as their accounts are now. At most 500 at a time."""
        ...

    async def due(
        self,
        from_ms: int,
        to_ms: int,
        *,
        person: str | None = None,
        touched_ms: int | None = None,
        after: tuple[str, str] | None = None,
    ) -> tuple[Reminder, ...]:
        """Who has a conference in the agenda that begins in [from_ms, to_ms): all of them,
        ``person`` alone, or those added (or moved) since ``touched_ms``. At most 2,000, in
        order of (conference, person); ``after`` goes on behind such a pair."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """The fair at one moment. ``online``: different people with a page open or in a room, seen
    by a hub within 45 s. ``on_site``: passes that have come in and are not cancelled, of
    today's slots. ``seats_taken``: live, held and offered seats of all rooms together."""

    at_ms: int
    registered: int
    online: int
    on_site: int
    rooms_open: int
    seats_taken: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Census:
    """Who has registered: accounts that are not erased. A person in two sectors counts in both;
    ``countries`` and ``sectors`` are largest first."""

    at_ms: int
    registered: int
    companies: int
    on_site: int
    countries: tuple[tuple[str, int], ...]
    sectors: tuple[tuple[str, int], ...]


class Figures(Protocol):
    """The fair at a glance. Every method may raise ``hub.ports.DirectoryLost``."""

    async def census(self) -> Census:
        """At most 10 s old; one look at a time, however many ask."""
        ...

    async def write(self, moment: Moment) -> bool:
        """Keep it as the figures of its minute; False when another hub has done so."""
        ...

    async def history(self, from_ms: int, to_ms: int, points: int) -> tuple[Moment, ...]:
        """Oldest first. More minutes than ``points`` are thinned: the last of each equal span."""
        ...


@dataclass(frozen=True, slots=True)
class FairParts:
    """What SQL keeps beside rooms and sessions (those are the Directory's)."""

    people: People
    mails: Mails
    companies: Companies
    conferences: Conferences
    passes: Passes
    audit: Audit
    attendance: Attendance
    webhooks: Webhooks
    settings: Settings
    announcements: Announcements
    imports: Imports
    figures: Figures
    talks: Talks
    appointments: Appointments
    rings: Rings
    results: Results
