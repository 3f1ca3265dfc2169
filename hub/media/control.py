"""The control channel between hubs and media workers: frames, messages, and who may speak.

A frame is four bytes of length (big endian) and one MessagePack message. Each side proves
first that it knows the shared secret: the worker sends a challenge, the hub answers with
HMAC-SHA256 over it and a challenge of its own, and the worker answers that. The Unix
socket is mode 0600 besides; between machines the same goes through TLS (hub.media.tls).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from typing import Final

import msgspec

from hub.ports import (
    MediaLost,
    Renewal,
    SessionEnded,
    SessionsAlive,
    SlotsChanged,
    SpeakingChanged,
)
from rooms.messages import SlotState
from rooms.model import AttachmentKind, Source

MAX_FRAME: Final = 8 << 20
HANDSHAKE_S: Final = 5.0
_HUB: Final = b"pavilion control hub"
_WORKER: Final = b"pavilion control worker"


class Rejected(Exception):
    """The other side does not know the secret, or does not speak this protocol."""


class Command(msgspec.Struct, frozen=True, tag_field="t", array_like=False):
    """From a hub. ``id`` is 0 where no answer is wanted."""


class Offer(Command, frozen=True, tag="offer"):
    id: int
    room: str
    person: str
    kind: AttachmentKind
    attachment: str
    sdp: str
    sources: dict[str, Source] | None
    restart: bool
    need_live: bool


class Close(Command, frozen=True, tag="close"):
    id: int
    room: str
    person: str
    kind: AttachmentKind
    attachment: str | None


class SetView(Command, frozen=True, tag="view"):
    room: str
    person: str
    main: str
    thumbs: int
    audio_only: bool


class Mute(Command, frozen=True, tag="mute"):
    room: str
    person: str
    source: Source
    muted: bool


class CloseRoom(Command, frozen=True, tag="close_room"):
    id: int
    room: str


class Renewed(Command, frozen=True, tag="renewed"):
    kept: list[Renewal]
    lost: list[Renewal]


class Event(msgspec.Struct, frozen=True, tag_field="t"):
    """From a worker."""


class Ready(Event, frozen=True, tag="ready"):
    """First, once the hub is known: where media goes, and which rooms are live.

    ``worker`` is the same for every hub, whichever way it is connected, and new at each
    start: rooms are placed by it."""

    worker: str
    port: int
    addresses: list[str]
    live: list[str]


class Done(Event, frozen=True, tag="done"):
    """The answer to command ``id``: ``value`` when it was done, else ``code`` and more."""

    id: int
    value: str = ""
    code: str = ""
    message: str = ""
    retry_after_ms: int | None = None


class Live(Event, frozen=True, tag="live"):
    room: str
    on: bool


class Speaking(Event, frozen=True, tag="speaking"):
    room: str
    ids: tuple[str, ...]


class SlotRows(Event, frozen=True, tag="slots"):
    """The same rows for several people: in a big room nearly everyone sees the same."""

    room: str
    people: list[str]
    rows: tuple[SlotState, ...]


class Ended(Event, frozen=True, tag="ended"):
    room: str
    person: str
    kind: AttachmentKind
    attachment: str
    silent_ms: int


class Alive(Event, frozen=True, tag="alive"):
    renewals: list[Renewal]


class Counters(Event, frozen=True, tag="counters"):
    """Once a second: totals since the worker started, and what there is now."""

    values: dict[str, float]


Commands = Offer | Close | SetView | Mute | CloseRoom | Renewed
Events = Ready | Done | Live | Speaking | SlotRows | Ended | Alive | Counters
Notices = SpeakingChanged | SlotsChanged | SessionEnded | SessionsAlive | MediaLost

ENCODER: Final = msgspec.msgpack.Encoder()
COMMANDS: Final[msgspec.msgpack.Decoder[Commands]] = msgspec.msgpack.Decoder(Commands)
EVENTS: Final[msgspec.msgpack.Decoder[Events]] = msgspec.msgpack.Decoder(Events)


def frame(message: Command | Event) -> bytes:
    body = ENCODER.encode(message)
    return len(body).to_bytes(4, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's body. Raises IncompleteReadError at the end, Rejected when too long."""
    size = int.from_bytes(await reader.readexactly(4), "big")
    if size > MAX_FRAME:
        raise Rejected(f"a frame of {size} bytes")
    return await reader.readexactly(size)


def _proof(secret: bytes, who: bytes, challenge: bytes) -> bytes:
    return hmac.digest(secret, who + challenge, hashlib.sha256)


async def admit_hub(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes
) -> None:
    """The worker's side of the greeting. Raises Rejected; nothing was said but a challenge."""
    challenge = secrets.token_bytes(32)
    writer.write(challenge)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            answer = await reader.readexactly(64)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        raise Rejected("no proof") from None
    if not hmac.compare_digest(answer[:32], _proof(secret, _HUB, challenge)):
        raise Rejected("wrong proof")
    writer.write(_proof(secret, _WORKER, answer[32:]))


async def greet_worker(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes
) -> None:
    """The hub's side. Raises Rejected when the worker does not know the secret."""
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            challenge = await reader.readexactly(32)
            own = secrets.token_bytes(32)
            writer.write(_proof(secret, _HUB, challenge) + own)
            answer = await reader.readexactly(32)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        raise Rejected("no proof") from None
    if not hmac.compare_digest(answer, _proof(secret, _WORKER, own)):
        raise Rejected("wrong proof")
