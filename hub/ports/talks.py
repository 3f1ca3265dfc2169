"""Negotiation rooms as SQL keeps them: who belongs to one, invitations, files, notes.

A talk is one room (``room`` is its slug). Whether somebody may take a seat now is Admission's;
whether the room exists for them at all is decided here. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from rooms.model import Mode, Role

Origin = Literal["appointment", "ring", "company", "organiser", "moved"]
EndedWhy = Literal["done", "time", "complaint", "cancelled"]

#: The side of whoever belongs to no company of the talk.
GUEST_SIDE: Final = "guest"
#: What a talk is to the organiser: its room is not open yet, open, over.
STATES: Final = ("scheduled", "running", "ended")

#: A room opens so long before its talk begins.
OPENS_BEFORE_MS: Final = 10 * 60_000
#: A talk whose planned end has passed goes on so long while somebody is inside.
GRACE_MS: Final = 5 * 60_000
#: No talk is longer, extended or without a planned end.
LONGEST_MS: Final = 12 * 3_600_000
#: What was put into a talk can be read by its members so long after its end, then it is gone.
KEPT_MS: Final = 7 * 24 * 3_600_000
OPEN_MANY_MAX: Final = 1_000
CAPACITY_MAX: Final = 500
SIDES_MAX: Final = 50
MEMBERS_MAX: Final = 1_000  # of one talk, the removed not counted
INVITES_MAX: Final = 100  # of one talk that can still be used
INVITE_USES_MAX: Final = 500
INVITE_TTL_MAX_S: Final = 30 * 24 * 3_600
FILES_MAX: Final = 20  # of one talk
FILE_BYTES_MAX: Final = 20 * 1024 * 1024
FILES_BYTES_MAX: Final = 60 * 1024 * 1024  # of one talk together
NOTES_MAX: Final = 20_000  # code points

RefusalCode = Literal[
    "unknown_room",  # there is none, or not for this person: nobody is told which
    "unknown_person",
    "unknown_company",
    "wrong_mode",  # the room's mode has no place for this
    "talk_over",
    "unknown_invite",  # none, used, expired, revoked or for somebody else
    "too_many",  # members, invitations or files
    "too_large",
    "bad_file",  # the content is not what it says, or of no kind that is taken
    "unknown_file",
    "slot_taken",  # an extension into time that somebody else has
    "forbidden",
    "in_the_past",
    "already_released",
    "too_long",  # longer than LONGEST_MS in all
]


class TalkRefused(Exception):
    """Nothing was changed; ``code`` is stable."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Belonging:
    """Somebody's place in a talk. ``lobby``: must be let in each time they come."""

    person: str
    side: str
    role: Role = Role.PARTICIPANT
    lobby: bool = False


@dataclass(frozen=True, slots=True)
class TalkDraft:
    """A talk to be opened; its room's slug is made up, unguessable.

    Members on the side of ``company`` are hosts, whatever their role says.
    ``sides`` are seats by side (a company's slug or GUEST_SIDE); {} leaves it to ``capacity``;
    a one_to_many talk has none. A one_to_one talk has at most two members, whatever ``capacity``
    says; a one_to_many talk has a ``company`` or a member of role host. ``subject`` is at most
    200 characters, ``agenda`` 4,000. The room's own title is neutral: rooms are listed to people
    who are outsiders of the talk.
    """

    origin: Origin
    origin_id: str | None
    company: str | None
    mode: Mode
    subject: str
    starts_ms: int
    ends_ms: int | None
    members: tuple[Belonging, ...]
    by: str
    capacity: int = 2
    reserved: int = 0
    sides: Mapping[str, int] = field(default_factory=dict)
    lobby: bool = False
    relay_only: bool = False
    opens_ms: int | None = None  # None: open now
    agenda: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    person: str
    name: str
    side: str
    role: Role
    lobby: bool
    removed_ms: int | None


@dataclass(frozen=True, slots=True)
class Talk:
    room: str
    origin: Origin
    origin_id: str | None
    company: str | None
    mode: Mode | None
    subject: str
    agenda: str
    starts_ms: int
    ends_ms: int | None
    relay_only: bool
    created_by: str
    created_ms: int
    ended_ms: int | None
    ended_why: EndedWhy | None
    opens_ms: int | None = None

    def state(self, now_ms: int) -> Literal["scheduled", "running", "ended"]:
        if self.ended_ms is not None:
            return "ended"
        waits = self.opens_ms is not None and now_ms < self.opens_ms
        return "scheduled" if waits else "running"


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody is in a talk that they were not removed from. ``over``: only where that
    was asked for."""

    room: str
    side: str
    role: Role
    lobby: bool
    over: bool = False

    @property
    def host(self) -> bool:
        """Of the side that runs the talk."""
        return self.role is Role.HOST


@dataclass(frozen=True, slots=True)
class Invite:
    id: str
    room: str
    side: str
    lobby: bool
    person: str | None
    company: str | None
    uses_max: int
    uses: int
    expires_ms: int
    by: str
    revoked_ms: int | None


@dataclass(frozen=True, slots=True)
class TalkFile:
    id: str
    room: str
    filename: str
    content_type: str
    size: int
    by: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class TalkCounts:
    """The fair's negotiation rooms as numbers: never what is said in them."""

    by_mode: Mapping[str, int]
    scheduled: int
    running: int
    ended: int
    by_mode_and_state: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Talks(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``, and TalkRefused where it says so."""

    async def open(self, draft: TalkDraft) -> Talk:
        """Room, talk and members in one transaction. Raises TalkRefused: unknown_person,
        unknown_company, wrong_mode (sides or members that the mode has no place for)."""
        ...

    async def open_many(self, drafts: Sequence[TalkDraft]) -> tuple[Talk, ...]:
        """All or none, in one transaction; at most 1,000."""
        ...

    async def access(self, room: str, person: str, *, over: bool = False) -> Access | None:
        """None: the room does not exist for this person; the one query is the same, whatever
        the reason (none such, a conference, never a member, removed, ended). With ``over`` a
        talk that ended within KEPT_MS counts too."""
        ...

    async def get(self, room: str) -> Talk | None: ...

    async def members(self, room: str) -> tuple[Member, ...]:
        """Those removed too (``removed_ms``), after the others."""
        ...

    async def add_member(self, room: str, one: Belonging, by: str) -> None:
        """Also changes what a member is, and takes back somebody removed. Raises TalkRefused:
        unknown_room, talk_over, unknown_person, unknown_company, wrong_mode, too_many."""
        ...

    async def remove_member(self, room: str, person: str, by: str) -> bool: ...

    async def of_person(
        self, person: str, from_ms: int, to_ms: int
    ) -> tuple[tuple[Talk, Access], ...]:
        """Talks somebody belongs to that are not over, by their beginning: those that touch
        the time between, at most 1,000."""
        ...

    async def of_company(self, company: str, from_ms: int, to_ms: int) -> tuple[Talk, ...]:
        """Its own and those it has members in, ended ones too, by their beginning."""
        ...

    async def end(self, room: str, by: str, why: EndedWhy) -> bool:
        """Mark it over and its room closed; False when it was already."""
        ...

    async def extend(self, room: str, ends_ms: int, by: str) -> Talk:
        """Set a later planned end. The members' time until then is taken (``busy``), and the
        appointments held in the room end then too. An end that is not later changes nothing.
        Raises TalkRefused: unknown_room, talk_over, in_the_past, too_long, and slot_taken when
        any member has that time promised to somebody else."""
        ...

    async def move(self, room: str, draft: TalkDraft, by: str) -> tuple[Talk, bool]:
        """Open another talk to go on in, of origin_id ``room``; False: the one there is already.
        Raises TalkRefused as ``open`` does, unknown_room, talk_over."""
        ...

    # --- invitations -----------------------------------------------------------------------

    async def invite(
        self, room: str, by: str, *, side: str, lobby: bool = False, person: str | None = None,
        company: str | None = None, uses: int = 1, ttl_s: int = 86_400,
    ) -> tuple[Invite, str]:  # fmt: skip
        """The invitation and its secret: signed, so that nobody tries one out in SQL. One to a
        company's side is bound to its staff. Raises TalkRefused: unknown_room, talk_over,
        unknown_person, unknown_company, wrong_mode, too_many."""
        ...

    async def invites(self, room: str) -> tuple[Invite, ...]:
        """Those that can still be used, newest first."""
        ...

    async def revoke(self, room: str, invite: str) -> bool: ...

    async def look_at_invite(self, secret: str, person: str | None) -> tuple[Invite, Talk] | None:
        """What an invitation opens, not used up by looking; with ``person`` only when it is
        for them, or they are a member already."""
        ...

    async def use_invite(self, secret: str, person: str) -> Access:
        """Become a member; who is one already uses nothing up. Who was removed needs an
        invitation made since. Raises TalkRefused(unknown_invite), whatever is wrong."""
        ...

    # --- files and notes ---------------------------------------------------------------------

    async def keep_file(self, room: str, filename: str, body: bytes, by: str) -> TalkFile:
        """Checked by content, sealed. Raises TalkRefused: too_large (it, or all together),
        too_many, bad_file, unknown_room, talk_over."""
        ...

    async def files(self, room: str) -> tuple[TalkFile, ...]: ...

    async def file(self, room: str, file: str) -> tuple[TalkFile, bytes] | None: ...

    async def remove_file(self, room: str, file: str, by: str) -> bool:
        """Its content is gone at once."""
        ...

    async def notes(self, room: str) -> tuple[int, str]:
        """(revision, text) as last kept; (0, "") when there are none."""
        ...

    async def keep_notes(self, room: str, rev: int, text: str) -> None:
        """An older revision than the one kept changes nothing, nor do notes of a room that is
        no talk. Raises TalkRefused(too_large)."""
        ...

    async def forget_old(self, limit: int) -> int:
        """Delete files and notes of talks that ended longer than KEPT_MS ago, of at most
        ``limit`` talks; of how many."""
        ...

    # --- the organiser -------------------------------------------------------------------------

    async def counts(self) -> TalkCounts: ...

    async def list(
        self, *, state: str | None, mode: str | None, cursor: str | None, limit: int,
        q: str | None = None,
    ) -> tuple[tuple[Talk, ...], str | None]:  # fmt: skip
        """Latest beginning first. ``q``: a part of the room's or the company's slug, or a whole
        origin_id. Raises ValueError for a cursor that is none."""
        ...

    async def log(self, room: str, by: str, act: str, detail: Mapping[str, object]) -> None: ...

    async def overdue(
        self, now_ms: int, limit: int, *, grace_ms: int = GRACE_MS
    ) -> tuple[str, ...]:
        """Rooms of talks whose end has passed ``grace_ms`` ago and that are not ended. A talk
        without a planned end has one LONGEST_MS after its beginning; one whose room was closed
        by another way is overdue at once."""
        ...

    async def ended_lately(self, limit: int) -> tuple[str, ...]:
        """Rooms of talks that ended within the last hour, newest first."""
        ...
