"""Words of the domain: people, roles, rooms, seats and what attaches a person to one.

Shapes follow the wire contract (docs/protocol.md, "Words"). Times are integers,
milliseconds since the Unix epoch, unless a name says otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

import msgspec

SLUG: Final = re.compile(r"[a-z0-9-]{1,64}")
PERSON_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
OWN_ID_PREFIXES: Final = ("u_", "g_")  # accounts and guests: issued by the hub alone
NAME_MAX: Final = 64
COMPANY_MAX: Final = 120
CAPACITY_MAX: Final = 100_000
SIDES_MAX: Final = 50  # of one negotiation room
SIDES_SEATS_MAX: Final = 1_000  # seats given to sides, all together

# Reactions anyone in a room may send; the page draws them, the server only counts.
REACTIONS: Final = ("👏", "👍", "❤️", "😂", "🎉", "❓")


class Role(StrEnum):
    """What a person may do in a room; organisers and moderators may do it everywhere."""

    ORGANISER = "organiser"
    MODERATOR = "moderator"
    HOST = "host"
    SPEAKER = "speaker"
    PARTICIPANT = "participant"


PRIVILEGED: Final = frozenset({Role.ORGANISER, Role.MODERATOR, Role.HOST, Role.SPEAKER})


class Kind(StrEnum):
    CONFERENCE = "conference"
    NEGOTIATION = "negotiation"


class Mode(StrEnum):
    ONE_TO_ONE = "one_to_one"
    ONE_TO_MANY = "one_to_many"
    MANY_TO_MANY = "many_to_many"


class RoomState(StrEnum):
    SCHEDULED = "scheduled"
    OPEN = "open"
    CLOSED = "closed"


class SeatState(StrEnum):
    #: at least one attachment
    LIVE = "live"
    #: the last attachment is gone, the grace is running
    HELD = "held"
    #: a freed seat set aside for someone waiting
    OFFERED = "offered"
    #: no seat: knocks at a negotiation room (in ``knocking`` alone)
    WAITING = "waiting"


class AttachmentKind(StrEnum):
    SOCKET = "socket"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


class Source(StrEnum):
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a socket or request speaks for, once that has been proved.

    ``room`` is set when a room token was shown: it opens that room and no other,
    and ``role`` holds there. Without it ``role`` is the person's role in the fair.
    """

    id: str
    name: str
    role: Role = Role.PARTICIPANT
    company: str | None = None
    room: str | None = None
    reserved: bool = False
    #: in a negotiation room: a company's slug, or "guest"
    side: str | None = None

    @property
    def privileged(self) -> bool:
        """May take a reserved seat (docs/protocol.md, "Privileged")."""
        return self.reserved or self.role in PRIVILEGED


class Attachment(msgspec.Struct, frozen=True):
    """What keeps a seat live: one of each kind a person and room.

    ``id`` is random and unique: it fences late goodbyes. ``hub`` is the hub
    worker that holds the socket or controls the media session.
    """

    kind: AttachmentKind
    id: str
    hub: str


class RoomSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A room as configured (SQL); its live settings are Redis's while it is open."""

    slug: str
    title: str
    kind: Kind = Kind.CONFERENCE
    mode: Mode | None = None
    capacity: int = 100
    reserved: int = 0
    stage_capacity: int = 9
    locked: bool = False
    lock_message: str | None = None
    guests: bool = False
    waitlist: bool = True
    chat: str = "on"  # "on" | "off"
    slow_mode_s: int = 0
    opens_at: int | None = None
    closes_at: int | None = None
    closed: bool = False
    #: who is not privileged must be let in, one by one (negotiation rooms)
    lobby: bool = False
    #: seats by side (many_to_many, one_to_one); {} leaves it to the capacity
    sides: dict[str, int] = {}
    #: media between browsers only through TURN, so that nobody learns the other's address
    relay_only: bool = False

    def state(self, now_ms: int) -> RoomState:
        """The room's state at ``now_ms``, from its times and whether it was closed."""
        if self.closed or (self.closes_at is not None and now_ms >= self.closes_at):
            return RoomState.CLOSED
        if self.opens_at is not None and now_ms < self.opens_at:
            return RoomState.SCHEDULED
        return RoomState.OPEN


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a roster, as the wire shows it."""

    id: str
    name: str
    role: Role
    company: str | None = None
    state: SeatState = SeatState.LIVE
    stage: bool = False
    #: place in the ordered queue of raised hands, 1 first; None when the hand is down
    hand: int | None = None
    #: in a negotiation room: a company's slug, or "guest"
    side: str | msgspec.UnsetType = msgspec.UNSET


class SourceState(msgspec.Struct, frozen=True):
    source: Source
    muted: bool
    language: str | msgspec.UnsetType = msgspec.UNSET


class StageMember(msgspec.Struct, frozen=True):
    id: str
    name: str
    sources: tuple[SourceState, ...] = ()


class Counts(msgspec.Struct, frozen=True):
    """Seats of a room, counted from leases. Occupied = live + held + offered."""

    live: int = 0
    held: int = 0
    offered: int = 0
    waiting: int = 0
    stage: int = 0

    @property
    def occupied(self) -> int:
        return self.live + self.held + self.offered


class NameRefused(ValueError):
    """A name that may not be shown: empty, too long, or with control or bidi characters."""


def clean_name(raw: str, limit: int = NAME_MAX) -> str:
    """NFC, outer white space gone, no control, format, bidi or line-separator characters.

    Categories Cc, Cf, Cs, Co, Cn, Zl and Zp are refused rather than removed: a name that
    looks different from what was typed is a trap (BigBlueButton CVE-2020-28954).

    Raises:
        NameRefused: nothing is left, more than ``limit`` characters, or a refused character.
    """
    name = unicodedata.normalize("NFC", raw).strip()
    if not 1 <= len(name) <= limit:
        raise NameRefused(f"1 to {limit} characters are needed")
    for char in name:
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            raise NameRefused(f"character U+{ord(char):04X} is not allowed in a name")
    return name
