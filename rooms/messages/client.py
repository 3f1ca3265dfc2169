"""What a client may send: one frozen class each, and the reading of a frame."""

from __future__ import annotations

import re as regex
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rooms.messages.fields import (
    ChangeName,
    ChannelName,
    ChatText,
    Id,
    Mid,
    PersonId,
    Remark,
    Sdp,
    Secret,
    Seq,
    Slug,
)
from rooms.model import Source
from rooms.notes import PARTS_MAX


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
    """A change of a talk's notes, made for revision ``base``; ``ops``: ``rooms.notes``.
    ``change``: the client's name for it; sent again with the same one it is taken once."""

    id: Id
    room: Slug
    base: Seq
    ops: Annotated[tuple[int | str, ...], Meta(max_length=PARTS_MAX)]
    change: ChangeName | UnsetType = UNSET


class NotesAsked(ClientMessage, frozen=True, tag="notes"):
    """``change``: one of the client's own, to learn whether it is in there."""

    id: Id
    room: Slug
    change: ChangeName | UnsetType = UNSET


CLIENT_MESSAGES: Final[tuple[type[ClientMessage], ...]] = (
    Hello, Enter, Leave, Say, Unsay, React, Hand, Roster, Moderate, Media, MediaClose,
    SourceMute, View, Signal, Note, NotesAsked,
)  # fmt: skip

AnyClient = (
    Hello | Enter | Leave | Say | Unsay | React | Hand | Roster | Moderate | Media | MediaClose
    | SourceMute | View | Signal | Note | NotesAsked
)  # fmt: skip


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
