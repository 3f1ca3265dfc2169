"""Companies: the directory, pages, staff, and the people who were interested.

Texts by language are mappings of BCP 47 tag to text. Times are milliseconds since the Unix
epoch. ``company`` is a slug, ``person`` the id of an account.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

StaffRole = Literal["owner", "editor", "staff"]
#: What staff may: owners everything, editors the page, files and who was interested.
EDITS: frozenset[StaffRole] = frozenset({"owner", "editor"})

FILES_MAX = 10  # of one company
STAFF_MAX = 200
INVITES_MAX = 50  # open ones of one company
FAVOURITES_MAX = 500  # of one person
PICTURE_BYTES_MAX = 5 * 1024 * 1024
FILE_BYTES_MAX = 10 * 1024 * 1024


class CompanyExists(Exception):
    """The slug, or the key of the sheet it came from, is taken."""


class BadUpload(ValueError):
    """``code``: not_a_picture, too_large, too_many_pixels, too_small, not_allowed (a kind of
    file that is not taken, or not what it says), too_many."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class CompanyDraft:
    """A company as its staff or the organiser give it, checked and clean. ``country``: ISO
    3166-1 alpha-2; ``name`` is what it is called everywhere, ``names`` in other languages."""

    slug: str
    name: str
    sector: str
    country: str
    names: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    website: str | None = None
    links: tuple[Link, ...] = ()
    booth: str | None = None
    on_site: bool = False
    online: bool = True
    published: bool = True
    external_key: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """``logo`` and ``logo_small``: hashes for ``/media/{hash}.webp``, at most 512 and 96
    pixels wide and high."""

    draft: CompanyDraft
    logo: str | None
    logo_small: str | None
    version: int  # the ETag's content; grows with each change
    created_ms: int
    changed_ms: int

    @property
    def slug(self) -> str:
        return self.draft.slug


@dataclass(frozen=True, slots=True)
class CompanyFilter:
    """``live``: the companies with someone in a room now, when only those are wanted."""

    q: str = ""
    sector: str | None = None
    country: str | None = None
    on_site: bool = False
    online: bool = False
    live: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """How many the list would have with each value, the other filters as they are."""

    sectors: Mapping[str, int]
    countries: Mapping[str, int]
    on_site: int
    online: int
    live: int


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """``similar``: names spelt like the query, when it found little."""

    items: tuple[Company, ...]
    next: str | None
    total: int
    facets: Facets
    similar: tuple[Company, ...] = ()


@dataclass(frozen=True, slots=True)
class Staff:
    person: str
    name: str
    role: StaffRole
    title: str | None
    shown: bool


@dataclass(frozen=True, slots=True)
class StaffLeft:
    """``rooms``: of the company's talks that are not over and that they were in."""

    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    company: str
    name: str
    names: Mapping[str, str]
    role: StaffRole
    published: bool


@dataclass(frozen=True, slots=True)
class Invite:
    id: str
    email: str
    role: StaffRole
    created_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: str
    title: str
    filename: str
    content_type: str
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class Blob:
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """A card as staff see it: who left it, whatever they show others."""

    person: str
    name: str
    email: str | None
    organisation: str | None
    position: str | None
    country: str
    note: str | None
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who may be shown; what they do not show others is None."""

    person: str
    name: str
    organisation: str | None
    position: str | None
    country: str | None
    times: int
    last_ms: int


class Companies(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""

    # the directory

    async def search(self, where: CompanyFilter, cursor: str | None, limit: int) -> CompanyPage:
        """Published companies; those named like the query first, then by name. Another
        hub's change shows after at most 2 s (longer while much changes at once). Raises
        ValueError for a cursor that is none."""
        ...

    async def unpublished(
        self, where: CompanyFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[Company, ...], str | None]:
        """Companies whose page is not published, in order of slug; of ``where``, ``q`` (text,
        or a part of the slug), sector and country count. For organisers alone. ``cursor`` and
        what comes back second are slugs."""
        ...

    async def live_now(self) -> frozenset[str]:
        """Companies of whose staff somebody is in a room; at most 2 s old."""
        ...

    async def keep_ready(self) -> None:
        """Read what a search needs, ahead of whoever searches next."""
        ...

    async def get(self, company: str) -> Company | None:
        """Published or not."""
        ...

    async def many(self, companies: Collection[str]) -> dict[str, Company]:
        """Those that exist, at most 500 asked for at once."""
        ...

    # the company itself

    async def create(self, draft: CompanyDraft) -> Company:
        """Raises CompanyExists."""
        ...

    async def change(self, version: int, draft: CompanyDraft) -> Company:
        """Compare and swap. Raises StaleVersion, LookupError, CompanyExists."""
        ...

    async def delete(self, company: str) -> bool:
        """With its staff, files, cards, favourites and visits."""
        ...

    async def set_logo(self, company: str, raw: bytes | None) -> Company:
        """Check, scale and keep a picture; None takes it away. Raises BadUpload, LookupError."""
        ...

    async def add_file(self, company: str, title: str, filename: str, raw: bytes) -> StoredFile:
        """Raises BadUpload, LookupError."""
        ...

    async def remove_file(self, company: str, file: str) -> bool: ...

    async def files(self, company: str) -> tuple[StoredFile, ...]: ...

    async def blob(self, hash: str) -> Blob | None: ...

    # staff

    async def staff(self, company: str) -> tuple[Staff, ...]:
        """Owners first, then by name."""
        ...

    async def role_of(self, company: str, person: str) -> StaffRole | None: ...

    async def memberships(self, person: str) -> tuple[Membership, ...]: ...

    async def set_staff(
        self, company: str, person: str, role: StaffRole, title: str | None, shown: bool,
        *, force: bool = False,
    ) -> bool:  # fmt: skip
        """Add or change. False: no such company or person, too many, or it would leave the
        company without an owner (``force``, the organiser's, may)."""
        ...

    async def remove_staff(
        self, company: str, person: str, *, force: bool = False
    ) -> StaffLeft | None:
        """They are out of the company's talks too. None as for ``set_staff``, or not of the
        staff."""
        ...

    async def invite(self, company: str, email: str, role: StaffRole, by: str) -> str | None:
        """The secret of a link, one use, 14 days; None when too many are open. An older open
        one for the same address is revoked."""
        ...

    async def invites(self, company: str) -> tuple[Invite, ...]: ...

    async def revoke_invite(self, company: str, invite: str) -> bool: ...

    async def invited_to(self, token: str) -> tuple[Company, StaffRole] | None:
        """What an open invitation is for."""
        ...

    async def accept(self, token: str, person: str) -> str | None:
        """Use an invitation up; the company. Who has a higher role already keeps it."""
        ...

    # people who are interested

    async def favour(self, person: str, company: str, on: bool) -> bool:
        """False: no such published company, or too many."""
        ...

    async def favourites(
        self, person: str, cursor: str | None, limit: int
    ) -> tuple[tuple[Company, ...], str | None]:
        """Newest first. Raises ValueError for a cursor that is none."""
        ...

    async def favoured(self, person: str, companies: Collection[str]) -> frozenset[str]: ...

    async def leave_card(self, person: str, company: str, note: str | None) -> bool:
        """Leave it or change its note. False: no such published company or person."""
        ...

    async def withdraw_card(self, person: str, company: str) -> bool: ...

    async def card_of(self, person: str, company: str) -> Card | None: ...

    async def cards_left(self, person: str) -> tuple[tuple[Company, Card], ...]:
        """Newest first, at most 500."""
        ...

    async def cards(
        self, company: str, cursor: str | None, limit: int
    ) -> tuple[tuple[Card, ...], str | None]:
        """Newest first. Raises ValueError for a cursor that is none."""
        ...

    async def visited(self, person: str, company: str) -> None:
        """Note a visit of the page; again within half an hour is the same visit."""
        ...

    async def visitors(
        self, company: str, cursor: str | None, limit: int
    ) -> tuple[tuple[Visitor, ...], str | None]:
        """Those who let others find them, newest first. Raises ValueError."""
        ...

    async def visitor_counts(self, company: str) -> tuple[int, int]:
        """(all visitors, those of them who are shown)."""
        ...
