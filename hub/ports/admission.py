"""Who has a seat, who waits, and what happened in a room: Redis, one atomic step a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hub.ports.events import Watcher
from rooms.model import (
    Attachment,
    AttachmentKind,
    Counts,
    Identity,
    Person,
    Role,
    RoomSpec,
    RoomState,
    Source,
    StageMember,
)
from rooms.notices import EventNotice

MediaMode = Literal["sfu", "direct"]


@dataclass(frozen=True, slots=True)
class Seated:
    """``enter`` succeeded: the person holds a seat of generation ``gen``.

    ``replaced`` is the older attachment of the same kind that this one ended (its hub
    is told by a DetachedNotice too). ``new`` is False when a seat was taken over.
    """

    gen: int
    lease_ms: int
    epoch: str
    seq: int
    new: bool
    replaced: Attachment | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """``lobby``: the place moves on only once somebody lets the person in."""

    position: int
    total: int
    lobby: bool = False


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room's live state as Redis holds it, read in one atomic step."""

    spec: RoomSpec  # configuration with the live settings in force
    state: RoomState
    counts: Counts
    stage: tuple[StageMember, ...]
    hands: tuple[str, ...]
    epoch: str
    seq: int
    #: "direct": between the browsers (a negotiation room of up to four)
    media_mode: MediaMode = "sfu"


@dataclass(frozen=True, slots=True)
class RosterSlice:
    items: tuple[Person, ...]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class RoomSnapshot:
    """View, first roster page (stage, hands, hosts; then up to 50) and the chat tail,
    all as of ``view.seq``."""

    view: RoomView
    roster: RosterSlice
    chat: tuple[EventNotice, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """Events after a resume point, complete and in order; or a gap when ``gap`` is set."""

    events: tuple[EventNotice, ...]
    epoch: str
    seq: int
    gap: bool


@dataclass(frozen=True, slots=True)
class ChannelTail:
    """The newest events of a channel, oldest first, and its number as of now."""

    seq: int
    events: tuple[EventNotice, ...]


@dataclass(frozen=True, slots=True)
class Notes:
    """A talk's notes in Redis. ``known`` is False when Redis has none: fill it from SQL.
    ``taken``: the revision that the change asked about became."""

    rev: int
    text: str
    known: bool
    taken: int | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """A change of the notes that was taken: the number of its event, and its revision."""

    seq: int
    rev: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """A sign of life: the attachment's person was heard ``silent_ms`` ago."""

    room: str
    person: str
    kind: AttachmentKind
    attachment: str
    silent_ms: int = 0


@dataclass(frozen=True, slots=True)
class Participant:
    """One line of GET /rooms/{room}/participants."""

    id: str
    name: str
    role: Role
    company: str | None
    state: Literal["live", "held", "offered", "waiting"]
    stage: bool
    hand: int | None
    position: int | None  # place in the waitlist


class Admission(Protocol):
    """Who has a seat: every call is one atomic step inside Redis, by Redis's clock.

    A room must have been ``load``ed; calls on an unknown room raise
    ``Refusal(unknown_room)``. ``actor`` is whose rights count; the script checks them
    (``rooms.permissions``) and raises ``Refusal(forbidden)``.
    """

    async def load(self, spec: RoomSpec) -> bool:
        """Make the room's live settings from ``spec`` if there are none; True if made."""
        ...

    async def enter(
        self, room: str, who: Identity, attachment: Attachment, *, wait: bool,
        stage: bool = False, knock: bool = False,
    ) -> Seated | Queued:  # fmt: skip
        """Take a seat, attach to the one already held, claim an offered one, or queue.

        ``stage`` asks for the stage too (WHIP): refused ``stage_full``. Raises Refusal with
        room_full, room_not_open, room_closed, room_locked, banned, recovering, unknown_room.
        The waiting person is remembered with ``attachment`` (a socket).

        In a negotiation room ``who.side`` counts (without one: the company when it is a side of
        the room, else guest), and who is not privileged knocks when the room has a lobby or
        ``knock`` is set: ``Queued(lobby=True)`` until ``admit``. More refusals there: wrong_mode
        (the mode has no place for them), forbidden (must be let in, and ``wait`` is False),
        unknown_room (removed or denied once).
        """
        ...

    def watch(self, watcher: Watcher) -> None:
        """Have ``watcher`` told of what this hub's ``enter``, ``resume`` and ``leave`` came to."""
        ...

    async def attach(self, room: str, person: str, attachment: Attachment) -> Seated:
        """Add a media attachment to a seat held; never takes a new seat.

        Raises Refusal: not_in_room; for kind publish also not_on_stage.
        """
        ...

    async def attached(self, room: str, person: str, kind: AttachmentKind) -> Attachment | None:
        """The person's attachment of this kind, whichever hub made it."""
        ...

    async def resume(self, room: str, who: Identity, attachment: Attachment) -> Seated | Queued:
        """Come back to a seat or a place in the queue; never takes a new seat.

        Raises Refusal: seat_expired, banned, room_closed, unknown_room, recovering. The side
        of a seat stays what it was.
        """
        ...

    async def renew(self, renewals: Sequence[Renewal]) -> Sequence[Renewal]:
        """Extend seats and queue places; returns those that are lost (stale or lapsed)."""
        ...

    async def drop(
        self, room: str, person: str, kind: AttachmentKind, attachment: str, silent_ms: int
    ) -> None:
        """An attachment is gone without a goodbye: the grace runs. Stale ids change nothing."""
        ...

    async def detach(self, room: str, person: str, kind: AttachmentKind, attachment: str) -> None:
        """A media session ended on purpose. The last attachment's end frees the seat at once."""
        ...

    async def leave(self, room: str, person: str, attachment: str) -> bool:
        """Free the person's seat or queue place at once, with all attachments.

        ``attachment`` is the socket's id; False (nothing changed) when it is not the person's.
        """
        ...

    async def view(self, room: str) -> RoomView: ...

    async def snapshot(self, room: str) -> RoomSnapshot: ...

    async def roster(self, room: str, after: str | None, limit: int) -> RosterSlice: ...

    async def person(self, room: str, person: str) -> Person | None: ...

    async def participants(
        self, room: str, state: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[Participant, ...], str | None]: ...

    async def positions(self, room: str, people: Sequence[str]) -> tuple[dict[str, int], int]:
        """1-based places of those of ``people`` who wait, and how many wait in all."""
        ...

    async def since(self, room: str, epoch: str, seq: int) -> Missed: ...

    async def say(
        self, room: str, person: str, name: str, role: Role, text: str, channel: str | None = None
    ) -> int:
        """Append a chat event; its seq. Raises Refusal: not_in_room, forbidden (chat off),
        rate_limited (slow mode, with retry_after_ms).

        ``channel`` (negotiation rooms): ``side``, ``lobby`` (who knocks) or ``lobby:<person>``
        (who admits). The seq is then the channel's, and only those who belong to it are told
        (ChannelNotice). Raises Refusal: forbidden for a channel that is not theirs.
        """
        ...

    async def channel_tails(self, room: str, person: str) -> Mapping[str, ChannelTail]:
        """The channels a person belongs to now, each with its last 50 events."""
        ...

    async def channel_since(
        self, room: str, person: str, epoch: str, channel: str, seq: int
    ) -> Missed:
        """What was said in a channel after ``seq``, its events carrying ``channel``.

        Raises Refusal: not_in_room, forbidden (not, or no longer, theirs).
        """
        ...

    async def knocking(self, room: str) -> tuple[Person, ...]:
        """Who knocks now, first come first; their ``state`` is ``waiting``."""
        ...

    async def admit(self, room: str, actor: Identity, role: Role, person: str) -> int:
        """Let in who knocks, as soon as there is room. Raises Refusal: forbidden, not_in_room
        (does not knock), wrong_mode (one_to_one, and two people are there), room_closed."""
        ...

    async def deny(
        self, room: str, actor: Identity, role: Role, person: str, *, reason: str | None = None
    ) -> int:
        """Turn away who knocks, for good. Raises Refusal: forbidden, not_in_room, room_closed."""
        ...

    async def signal(self, room: str, person: str, to: str, data: bytes) -> None:
        """Pass JSON from one seated person to another (SignalNotice).

        Raises Refusal: not_in_room (either of them), wrong_mode (media is not direct).
        """
        ...

    async def note(
        self, room: str, person: str, base: int, rev: int, ops: bytes, text: str,
        change: str = "",
    ) -> Noted | None:  # fmt: skip
        """Make ``text`` the notes of revision ``rev`` = ``base`` + 1 and append event
        ``note {rev, ops, change?}``. None, nothing changed, when ``base`` is not the newest
        revision or Redis has no notes. Raises Refusal: not_in_room, too_large, room_closed.

        ``change``: the person's name for it, ``[A-Za-z0-9_-]{1,64}``. One that was taken before
        (of the last 4 of each of the last 1,000 who wrote) changes nothing: what it became.
        """
        ...

    async def notes(self, room: str, person: str = "", change: str = "") -> Notes:
        """With ``change`` of ``person``, in the same step: whether it is in there."""
        ...

    async def note_ops(
        self, room: str, after_rev: int, person: str = "", change: str = ""
    ) -> tuple[bytes, ...] | Noted | None:
        """The ops (JSON) of each revision after ``after_rev``; None: older than is kept. What
        ``change`` of ``person`` became, when it was taken already."""
        ...

    async def put_notes(self, room: str, rev: int, text: str) -> bool:
        """Fill the notes from SQL when Redis has none; False when it has."""
        ...

    async def tell(self, room: str, kind: str, by: str | None, body: bytes) -> int:
        """Append one event of kind file, file_removed, moved or timer to a negotiation room;
        its seq. ``body`` is JSON. Raises Refusal: room_closed, wrong_mode (no such room)."""
        ...

    async def unsay(self, room: str, actor: Identity, role: Role, seq: int) -> int: ...

    async def hand(self, room: str, person: str, up: bool) -> None: ...

    async def react(self, room: str, counts: dict[str, int]) -> None:
        """Publish reactions counted by this hub (ReactionsNotice)."""
        ...

    async def capacity(
        self, room: str, actor: Identity, role: Role, capacity: int, *,
        reserved: int | None = None, evict: bool = False,
    ) -> int:  # fmt: skip
        """Set the capacity; the seq of its event. Raising seats the waitlist at once."""
        ...

    async def lock(
        self, room: str, actor: Identity, role: Role, locked: bool, message: str | None
    ) -> int: ...

    async def remove(
        self, room: str, actor: Identity, role: Role, person: str, *,
        reason: str | None = None, ban_s: int = 0,
    ) -> int:  # fmt: skip
        """Take a seat or queue place away; with ``ban_s`` also keep the person out.

        From a negotiation room this is for good, whatever ``ban_s``: enter and resume answer
        unknown_room until ``unban``. Raises Refusal: too_large (more than 10,000 are out).
        """
        ...

    async def unban(self, room: str, actor: Identity, role: Role, person: str) -> int:
        """Let somebody enter again; in a negotiation room a right of those who admit."""
        ...

    async def stage(self, room: str, actor: Identity, role: Role, person: str, on: bool) -> int:
        """Raises Refusal: not_in_room, stage_full, forbidden."""
        ...

    async def mute(
        self, room: str, actor: Identity, role: Role, person: str, source: Source
    ) -> int: ...

    async def chat_mode(
        self, room: str, actor: Identity, role: Role, mode: str, slow_mode_s: int
    ) -> int: ...

    async def announce(self, room: str, actor: Identity, role: Role, text: str) -> int: ...

    async def close(self, room: str, actor: Identity, role: Role) -> int: ...

    async def settings(self, spec: RoomSpec, expected: RoomSpec | None = None) -> None:
        """Bring the live settings in line with a changed configuration (PATCH).

        Raises StaleVersion, nothing changed, when they are not as in ``expected``.
        """
        ...

    async def sources(self, room: str, person: str, sources: dict[Source, bool] | None) -> None:
        """What a person on stage publishes, source to muted; None when publishing ended."""
        ...

    async def source_muted(self, room: str, person: str, source: Source, muted: bool) -> None: ...
