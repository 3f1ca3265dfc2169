"""Conferences, speakers, agendas, calendar feeds.

A conference is in one room from ``starts_ms`` to ``ends_ms`` (its end is not part of it); two
that are not cancelled never overlap in one room. The room is open for it a little longer: from
the lead time before it until the time after it ([programme] in config.toml); where two of them
leave less than that between them, the gap is shared in the same proportion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rooms.model import Role

SpeakerRole = Literal["speaker", "host"]


@dataclass(frozen=True, slots=True)
class Speaker:
    """``person`` is the account that has the role in the room; None: only named."""

    name: str
    role: SpeakerRole = "speaker"
    person: str | None = None
    organisation: str | None = None
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A conference as the organiser gives it. Texts by language: BCP 47 tag to text."""

    slug: str
    room: str
    title: str
    sector: str
    starts_ms: int
    ends_ms: int
    titles: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    company: str | None = None
    speakers: tuple[Speaker, ...] = ()
    cancelled: bool = False
    external_key: str | None = None


@dataclass(frozen=True, slots=True)
class Conference:
    """A conference as stored; ``draft`` with what the database adds."""

    draft: Draft
    version: int  # the ETag's content; grows with each change
    created_ms: int
    changed_ms: int
    room_title: str
    company_name: str | None

    @property
    def slug(self) -> str:
        return self.draft.slug


@dataclass(frozen=True, slots=True)
class Filter:
    """Which conferences a list has: those that start in [from_ms, to_ms) and fit the rest.

    ``ends_after_ms`` leaves out what is over by then. ``q`` is full text.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    ends_after_ms: int | None = None
    sector: str | None = None
    room: str | None = None
    language: str | None = None
    company: str | None = None
    speaker: str | None = None
    agenda_of: str | None = None
    q: str | None = None
    cancelled: bool = True  # whether cancelled ones are listed too


@dataclass(frozen=True, slots=True)
class NowNext:
    """What is on in a room and what comes next there; either may be missing."""

    now: Conference | None
    next: Conference | None


@dataclass(frozen=True, slots=True)
class Hours:
    """When a room is to be open for its current or next conference.

    ``conference`` is None when nothing is left of its programme: it closes at ``closes_ms``.
    """

    room: str
    opens_ms: int | None
    closes_ms: int
    conference: str | None


@dataclass(frozen=True, slots=True)
class Reminder:
    person: str
    conference: str
    title: str
    titles: Mapping[str, str]
    room: str
    starts_ms: int


class ConferenceExists(Exception):
    """The slug (or the external key) is taken."""


class RoomTaken(Exception):
    """Another conference is in the room at that time; ``args[0]`` is its slug."""


class UnknownReference(Exception):
    """``args`` are the fields that name what does not exist: room, company, speakers.N.person."""


class Conferences(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""

    async def create(self, draft: Draft) -> Conference:
        """Raises ConferenceExists, RoomTaken, UnknownReference; nothing is stored then."""
        ...

    async def change(self, slug: str, version: int, draft: Draft) -> Conference:
        """Compare and swap on ``version``. ``draft.slug`` must be ``slug``.

        Raises StaleVersion, LookupError, RoomTaken, UnknownReference; nothing is changed then.
        """
        ...

    async def delete(self, slug: str, version: int) -> Conference:
        """What was deleted. Raises StaleVersion, LookupError."""
        ...

    async def get(self, slug: str) -> Conference | None: ...

    async def find(
        self, wanted: Filter, cursor: str | None, limit: int
    ) -> tuple[tuple[Conference, ...], str | None]:
        """A page in order of start and slug, and the cursor of the next. Raises ValueError for a
        cursor that is none."""
        ...

    async def starts(self, wanted: Filter) -> tuple[tuple[int, int], ...]:
        """(start, how many conferences begin then), in order."""
        ...

    async def now_next(self, rooms: Sequence[str]) -> dict[str, NowNext]:
        """For each of ``rooms`` (at most 200 are looked at) that has something on or to come."""
        ...

    async def role_in(self, room: str, person: str) -> Role | None:
        """HOST or SPEAKER while the room is open for a conference of theirs; at most 2 s old.

        Does not raise: while the database is away the last answer stands.
        """
        ...

    async def affiliation(self, person: str) -> str | None:
        """The name of the company the person is staff of, as others in a room see it."""
        ...

    async def hours(self, *, all_rooms: bool = False) -> tuple[Hours, ...]:
        """Rooms whose stored times are not as their programme wants them; or all with one."""
        ...

    async def add_to_agenda(
        self, person: str, slug: str, *, anyway: bool = True
    ) -> tuple[Conference, ...]:
        """Put the conference there, once. What it clashes with; unless ``anyway``, nothing was
        added when that is not empty. Raises LookupError (no such conference, or no account)."""
        ...

    async def remove_from_agenda(self, person: str, slug: str) -> bool: ...

    async def agenda_slots(
        self, person: str, language: str = ""
    ) -> tuple[tuple[str, str, int, int], ...]:
        """(slug, title, start, end) of what is in the agenda and not cancelled: for marking
        clashes; at most 1,000. Titles in ``language`` where they are given in it."""
        ...

    async def reminders(
        self, from_ms: int, to_ms: int, *, after: tuple[str, str] | None = None, limit: int = 5_000
    ) -> tuple[Reminder, ...]:
        """Who has a conference in the agenda that starts in [from_ms, to_ms) and is not
        cancelled, in order of (conference, person); ``after`` goes on behind such a pair."""
        ...

    async def feed(self, person: str) -> str | None:
        """The secret of the person's calendar feed, None when there is none."""
        ...

    async def renew_feed(self, person: str) -> str:
        """A new secret; the old one, if any, is worth nothing now. LookupError: no account."""
        ...

    async def revoke_feed(self, person: str) -> bool: ...

    async def feed_owner(self, token: str) -> tuple[str, str] | None:
        """(person, language of their pages) whose feed the secret opens."""
        ...
