"""What the server sends: one frozen class each, and how a frame is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from rooms.errors import Code
from rooms.model import Mode, Person, Role, RoomState, Source, StageMember

MediaModeName = Literal["sfu", "direct"]


class ServerMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What the server may send; ``re`` is the ``id`` of the message it answers."""


class Self(msgspec.Struct, frozen=True):
    id: str
    name: str
    role: Role
    company: str | None


class Welcome(ServerMessage, frozen=True, tag="welcome"):
    re: int
    session: str
    resume: str
    heartbeat_ms: int
    participant: Self


class Seat(msgspec.Struct, frozen=True):
    gen: int
    lease_ms: int


class RosterFirst(msgspec.Struct, frozen=True):
    items: tuple[Person, ...]
    total: int
    next: str | None


class RoomMessage(ServerMessage, frozen=True, tag="room"):
    """Latest wins: the room as it is now. From ``mode`` on: of a negotiation room alone."""

    room: str
    live: int
    held: int
    offered: int
    waiting: int
    capacity: int
    reserved: int
    locked: bool
    lock_message: str | None
    chat: str
    slow_mode_s: int
    state: RoomState
    title: str
    stage: tuple[StageMember, ...]
    hands: tuple[str, ...]
    mode: Mode | UnsetType | None = UNSET
    media_mode: MediaModeName | UnsetType = UNSET
    lobby: bool | UnsetType = UNSET
    relay_only: bool | UnsetType = UNSET
    sides: dict[str, int] | UnsetType = UNSET


class Event(ServerMessage, frozen=True, tag="event"):
    """Must arrive: +1 in ``seq`` within an ``epoch``. ``body`` by ``kind``: see EVENT_KINDS."""

    room: str
    epoch: str
    seq: int
    kind: str
    at: str
    by: str | None
    body: msgspec.Raw
    channel: str | UnsetType = UNSET


EVENT_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "chat": ("text", "name"),
    "unsay": ("seq",),
    "stage": ("participant", "on"),
    "removed": ("participant", "reason", "banned_s"),
    "lock": ("locked", "message"),
    "capacity": ("capacity", "reserved"),
    "chat_mode": ("mode", "slow_mode_s"),
    "announcement": ("text",),
    "mute": ("participant", "source"),
    "media_mode": ("mode",),
    "closed": (),
    "file": ("id", "filename", "content_type", "size"),
    "file_removed": ("id",),
    "moved": ("room",),
    "timer": ("ends_at",),
    "note": ("rev", "ops"),
}


class ChannelPart(msgspec.Struct, frozen=True):
    """A channel's number as of now, and its newest events, oldest first."""

    seq: int
    chat: tuple[Event, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """``channels``: of a negotiation room, those the reader belongs to."""

    room: RoomMessage
    roster: RosterFirst
    chat: tuple[Event, ...]
    reactions: tuple[str, ...]
    channels: dict[str, ChannelPart] | UnsetType = UNSET


class Entered(ServerMessage, frozen=True, tag="entered"):
    """``re`` is absent when a waiting person's turn came."""

    room: str
    seat: Seat
    epoch: str
    seq: int
    media_mode: MediaModeName
    snapshot: Snapshot
    re: int | UnsetType = UNSET


class Waiting(ServerMessage, frozen=True, tag="waiting"):
    """``lobby``: the place moves on only once somebody lets the reader in; ``channels`` then has
    what was said between them."""

    room: str
    position: int
    total: int
    re: int | UnsetType = UNSET
    lobby: bool | UnsetType = UNSET
    channels: dict[str, ChannelPart] | UnsetType = UNSET


class Refused(ServerMessage, frozen=True, tag="refused"):
    """Answers ``enter`` and resume. The extra fields of a code: rooms.errors."""

    room: str
    code: Code
    message: str
    re: int | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    capacity: int | UnsetType = UNSET
    live: int | UnsetType = UNSET
    waiting: int | UnsetType = UNSET
    waitlist: bool | UnsetType = UNSET
    opens_at: str | UnsetType | None = UNSET
    until: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Resumed(ServerMessage, frozen=True, tag="resumed"):
    room: str
    seq: int


class Left(ServerMessage, frozen=True, tag="left"):
    re: int
    room: str


class Ok(ServerMessage, frozen=True, tag="ok"):
    re: int
    seq: int | UnsetType = UNSET
    rev: int | UnsetType = UNSET  # of the notes, in the answer to ``note``


class RosterPage(ServerMessage, frozen=True, tag="roster_page"):
    re: int
    items: tuple[Person, ...]
    next: str | None
    total: int


class MediaAnswer(ServerMessage, frozen=True, tag="media"):
    re: int
    room: str
    pc: str
    sdp: str


class RosterDelta(ServerMessage, frozen=True, tag="roster"):
    """``fresh`` is true when ``add`` replaces all that was known (after a resume, or when
    changes were dropped for a slow reader); else it is absent."""

    room: str
    add: tuple[Person, ...]
    remove: tuple[str, ...]
    total: int
    fresh: bool | UnsetType = UNSET


class Reactions(ServerMessage, frozen=True, tag="reactions"):
    room: str
    counts: dict[str, int]


class Speaking(ServerMessage, frozen=True, tag="speaking"):
    room: str
    ids: tuple[str, ...]


class SlotState(msgspec.Struct, frozen=True):
    slot: int
    mid: str
    participant: str | None
    source: Source | None


class Slots(ServerMessage, frozen=True, tag="slots"):
    room: str
    slots: tuple[SlotState, ...]


class Offered(ServerMessage, frozen=True, tag="offered"):
    room: str
    expires_ms: int


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class Ice(ServerMessage, frozen=True, tag="ice"):
    servers: tuple[IceServer, ...]
    expires_at: str


class Knocking(ServerMessage, frozen=True, tag="knocking"):
    """To those who admit: somebody must be let in, or (``waiting`` false) need not any more."""

    room: str
    person: Person
    waiting: bool


class Signalled(ServerMessage, frozen=True, tag="signal"):
    """What ``sender``, which the server puts in, signals to the reader."""

    room: str
    sender: str = msgspec.field(name="from")
    data: msgspec.Raw


class NotesPage(ServerMessage, frozen=True, tag="notes"):
    re: int
    room: str
    rev: int
    text: str
    taken: int | UnsetType = UNSET  # the revision that the change asked about became


class Error(ServerMessage, frozen=True, tag="error"):
    code: Code
    message: str
    re: int | UnsetType = UNSET
    room: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class Bye(ServerMessage, frozen=True, tag="bye"):
    code: Code
    reconnect: bool
    reason: str
    retry_after_ms: int | UnsetType = UNSET


SERVER_MESSAGES: Final[tuple[type[ServerMessage], ...]] = (
    Welcome, RoomMessage, Event, Entered, Waiting, Refused, Resumed, Left, Ok, RosterPage,
    MediaAnswer, RosterDelta, Reactions, Speaking, Slots, Offered, Ice, Knocking, Signalled,
    NotesPage, Error, Bye,
)  # fmt: skip

#: Dropped for a slow reader, then resynchronised; everything else must arrive.
DROPPABLE: Final[frozenset[type[ServerMessage]]] = frozenset(
    {RoomMessage, RosterDelta, Waiting, Reactions, Speaking, Slots}
)


_encoder: Final = msgspec.json.Encoder()


def encode(message: ServerMessage) -> bytes:
    """One server message as JSON, to be joined into a frame by ``frame_payload``."""
    return _encoder.encode(message)


def frame_payload(encoded: Iterable[bytes]) -> bytes:
    """The JSON array that one server frame carries."""
    return b"[" + b",".join(encoded) + b"]"


def as_json(value: Any) -> bytes:
    """JSON of plain data, for event bodies."""
    return _encoder.encode(value)
