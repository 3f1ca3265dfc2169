"""The live WebSocket's messages: one frozen class each, and the registry of them.

The wire form of a message is its class: field names and types below, plus ``type``
(the class's tag). Client frames are one JSON object; server frames are a JSON array
of objects. docs/protocol.md shows a sample of each and a test keeps it complete.
Unknown fields are ignored, so that newer clients can talk to older servers.

Long because it is one list: what may be said, in one place.
"""

from __future__ import annotations

import re as regex
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rooms.errors import Code
from rooms.model import (
    Mode,
    Person,
    Role,
    RoomState,
    Source,
    StageMember,
)
from rooms.notes import PARTS_MAX

MediaModeName = Literal["sfu", "direct"]

SUBPROTOCOL: Final = "pavilion.v1"
MESSAGE_MAX: Final = 64 * 1024  # bytes of one client message
SDP_MAX: Final = 32 * 1024  # characters of one SDP
CHAT_TAIL: Final = 50  # chat events in a snapshot
ROSTER_FIRST: Final = 50  # people beyond stage, hands and hosts in a snapshot

Id = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}\Z")]
PersonId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}\Z")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Sdp = Annotated[str, Meta(min_length=1, max_length=SDP_MAX)]
Mid = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,32}\Z")]
Remark = Annotated[str, Meta(max_length=500)]
ChatText = Annotated[str, Meta(min_length=1, max_length=2000)]
ChannelName = Annotated[
    str, Meta(pattern=r"^(?:side|lobby(?::[A-Za-z0-9._:-]{1,64})?)\Z", max_length=80)
]
Secret = Annotated[str, Meta(min_length=1, max_length=4096)]


class ClientMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a client may send. ``id`` is the client's; the direct answer carries it as ``re``."""


class ResumePoint(msgspec.Struct, frozen=True):
    """``channels``: the last number seen in each channel of a talk; without it nothing that was
    missed in channels comes."""

    room: Slug
    epoch: Annotated[str, Meta(max_length=64)]
    seq: Seq
    channels: Annotated[dict[ChannelName, Seq], Meta(max_length=64)] | UnsetType = UNSET


class Hello(ClientMessage, frozen=True, tag="hello"):
    """First message: exactly one of ``token``, ``ticket`` or ``resume``."""

    id: Id
    token: Secret | None = None
    ticket: Secret | None = None
    resume: Secret | None = None
    rooms: Annotated[tuple[ResumePoint, ...], Meta(max_length=16)] = ()


class Enter(ClientMessage, frozen=True, tag="enter"):
    id: Id
    room: Slug
    wait: bool = True


class Leave(ClientMessage, frozen=True, tag="leave"):
    id: Id
    room: Slug


class Say(ClientMessage, frozen=True, tag="say"):
    id: Id
    room: Slug
    text: ChatText
    channel: ChannelName | None = None


class Unsay(ClientMessage, frozen=True, tag="unsay"):
    id: Id
    room: Slug
    seq: Seq


class React(ClientMessage, frozen=True, tag="react"):
    room: Slug
    emoji: Annotated[str, Meta(min_length=1, max_length=16)]
    id: Id | None = None


class Hand(ClientMessage, frozen=True, tag="hand"):
    id: Id
    room: Slug
    up: bool


class Roster(ClientMessage, frozen=True, tag="roster"):
    id: Id
    room: Slug
    after: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class Moderate(ClientMessage, frozen=True, tag="moderate"):
    """``action`` decides which of the other fields are read; see ``ACTION_FIELDS``."""

    id: Id
    room: Slug
    action: Literal[
        "capacity", "lock", "unlock", "remove", "ban", "unban", "stage", "unstage",
        "mute", "chat", "announce", "admit", "deny", "close",
    ]  # fmt: skip
    participant: PersonId | UnsetType = UNSET
    capacity: Annotated[int, Meta(ge=1, le=100_000)] | UnsetType = UNSET
    evict: bool = False
    message: Remark | None = None
    reason: Remark | None = None
    seconds: Annotated[int, Meta(ge=1, le=31_536_000)] | UnsetType = UNSET
    source: Source | UnsetType = UNSET
    mode: Literal["on", "off"] | UnsetType = UNSET
    slow_mode_s: Annotated[int, Meta(ge=0, le=3600)] | UnsetType = UNSET
    text: ChatText | UnsetType = UNSET


#: The fields an action cannot do without.
ACTION_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "capacity": ("capacity",),
    "lock": (),
    "unlock": (),
    "remove": ("participant",),
    "ban": ("participant", "seconds"),
    "unban": ("participant",),
    "stage": ("participant",),
    "unstage": ("participant",),
    "mute": ("participant", "source"),
    "chat": ("mode",),
    "announce": ("text",),
    "admit": ("participant",),
    "deny": ("participant",),
    "close": (),
}


class MidSource(msgspec.Struct, frozen=True):
    mid: Mid
    source: Source


class Media(ClientMessage, frozen=True, tag="media"):
    """An SDP offer. A second one replaces the session; ``restart`` is an ICE restart of it."""

    id: Id
    room: Slug
    pc: Literal["publish", "subscribe"]
    sdp: Sdp
    sources: Annotated[tuple[MidSource, ...], Meta(max_length=16)] = ()
    restart: bool = False


class MediaClose(ClientMessage, frozen=True, tag="media_close"):
    id: Id
    room: Slug
    pc: Literal["publish", "subscribe"]


class SourceMute(ClientMessage, frozen=True, tag="source"):
    id: Id
    room: Slug
    source: Source
    muted: bool


class View(ClientMessage, frozen=True, tag="view"):
    id: Id
    room: Slug
    main: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}\Z")] = "auto"
    thumbs: Annotated[int, Meta(ge=0, le=48)] = 4
    audio_only: bool = False


class Signal(ClientMessage, frozen=True, tag="signal"):
    """For one other person of a talk whose media goes directly; what ``data`` may be:
    ``rooms.signalling``."""

    id: Id
    room: Slug
    to: PersonId
    data: dict[str, Any]


class Note(ClientMessage, frozen=True, tag="note"):
    """A change of a talk's notes, made for revision ``base``; ``ops``: ``rooms.notes``."""

    id: Id
    room: Slug
    base: Seq
    ops: Annotated[tuple[int | str, ...], Meta(max_length=PARTS_MAX)]


class NotesAsked(ClientMessage, frozen=True, tag="notes"):
    id: Id
    room: Slug


CLIENT_MESSAGES: Final[tuple[type[ClientMessage], ...]] = (
    Hello, Enter, Leave, Say, Unsay, React, Hand, Roster, Moderate, Media, MediaClose,
    SourceMute, View, Signal, Note, NotesAsked,
)  # fmt: skip

AnyClient = (
    Hello | Enter | Leave | Say | Unsay | React | Hand | Roster | Moderate | Media | MediaClose
    | SourceMute | View | Signal | Note | NotesAsked
)  # fmt: skip


# --- What the server sends ----------------------------------------------------------------


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


class NotAnObject(ValueError):
    """Text that is no JSON object: the connection ends (close 4500)."""


class BadMessage(ValueError):
    """An object with wrong content: answered by ``error bad_message``; nothing closes.

    ``re`` is the message's ``id`` when it could be read.
    """

    def __init__(self, reason: str, re: int | None) -> None:
        super().__init__(reason)
        self.re = re


_decoder: Final = msgspec.json.Decoder(AnyClient)
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def parse(text: str) -> AnyClient:
    """One client frame as its class.

    Raises:
        NotAnObject: not JSON, or JSON that is no object.
        BadMessage: an object whose type or fields are wrong.
    """
    try:
        message: AnyClient = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as fault:
        raise _refusal(text, str(fault)) from None
    if isinstance(message, Moderate):
        for field in ACTION_FIELDS[message.action]:
            if getattr(message, field) is UNSET:
                raise BadMessage(f"{message.action} needs {field}", message.id)
    if isinstance(message, Hello):
        given = sum(x is not None for x in (message.token, message.ticket, message.resume))
        if given != 1:
            raise BadMessage("hello needs one of token, ticket, resume", message.id)
    return message


def _refusal(text: str, reason: str) -> NotAnObject | BadMessage:
    """Tell text that is no object from an object with wrong content."""
    try:
        # Half a surrogate pair is wrong content; the text around it may still be an object.
        fields = _object.decode(_SURROGATES.sub(_harmless, text))
    except RecursionError:
        if text.lstrip()[:1] == "{":
            return BadMessage("nested too deeply", None)
        return NotAnObject("one JSON object is expected")
    except (msgspec.MsgspecError, UnicodeError):
        return NotAnObject("one JSON object is expected")
    try:
        re = msgspec.json.decode(fields["id"], type=Id)
    except (KeyError, msgspec.MsgspecError):
        re = None
    return BadMessage(reason, re)


#: An escaped backslash (so that what follows it is not mistaken), or an escaped surrogate.
_SURROGATES: Final = regex.compile(r"\\(?:\\|u[dD][89a-fA-F][0-9a-fA-F]{2})")


def _harmless(match: regex.Match[str]) -> str:
    return match[0] if match[0] == r"\\" else "?"


def encode(message: ServerMessage) -> bytes:
    """One server message as JSON, to be joined into a frame by ``frame_payload``."""
    return _encoder.encode(message)


def frame_payload(encoded: Iterable[bytes]) -> bytes:
    """The JSON array that one server frame carries."""
    return b"[" + b",".join(encoded) + b"]"


def as_json(value: Any) -> bytes:
    """JSON of plain data, for event bodies."""
    return _encoder.encode(value)
