"""What travels between hub workers about a room: the notices of the room's channel.

A store publishes a notice in the same atomic step as the change it speaks of. Only
``EventNotice`` is numbered and recoverable; every other one says "look again" or names
a person whose socket must act, and losing one is repaired by the next look.
"""

from __future__ import annotations

import msgspec

from rooms.model import AttachmentKind, Person


class EventNotice(msgspec.Struct, frozen=True, tag_field="n", tag="e"):
    """One numbered event, as it stands in the room's log. ``body`` is JSON."""

    room: str
    epoch: str
    seq: int
    kind: str
    at_ms: int
    by: str | None
    body: msgspec.Raw
    #: "side" or "lobby:<person>" when it is one of a channel, numbered there
    channel: str | None = None


class ChannelNotice(msgspec.Struct, frozen=True, tag_field="n", tag="h"):
    """One event of a channel, numbered within it, for those in ``to`` and nobody else.

    ``to``: who belonged to the channel when it was said.
    """

    room: str
    epoch: str
    channel: str
    seq: int
    kind: str
    at_ms: int
    by: str | None
    body: msgspec.Raw
    to: tuple[str, ...]

    def event(self) -> EventNotice:
        return EventNotice(
            self.room, self.epoch, self.seq, self.kind, self.at_ms, self.by, self.body, self.channel
        )


class KnockNotice(msgspec.Struct, frozen=True, tag_field="n", tag="k"):
    """Somebody knocks (``waiting``), or no longer does: let in, turned away or gone."""

    room: str
    id: str
    person: Person | None
    waiting: bool


class SignalNotice(msgspec.Struct, frozen=True, tag_field="n", tag="s"):
    """Signalling from one seated person to another; ``data`` is JSON."""

    room: str
    sender: str
    to: str
    data: msgspec.Raw


class RosterNotice(msgspec.Struct, frozen=True, tag_field="n", tag="r"):
    """Someone came, changed or went. ``person`` is None when ``id`` left; ``gen`` is then the
    generation of the seat that ended."""

    room: str
    id: str
    person: Person | None
    gen: int = 0


class ChangedNotice(msgspec.Struct, frozen=True, tag_field="n", tag="c"):
    """Counts, settings, stage or hands changed: fetch the room's state (coalesced)."""

    room: str


class QueueNotice(msgspec.Struct, frozen=True, tag_field="n", tag="q"):
    """The waitlist moved: fetch positions of those who wait here (at most 1/s a room)."""

    room: str


class PromotedNotice(msgspec.Struct, frozen=True, tag_field="n", tag="p"):
    """A freed seat is set aside for ``id`` until ``until_ms``; its hub claims it at once."""

    room: str
    id: str
    until_ms: int


class DetachedNotice(msgspec.Struct, frozen=True, tag_field="n", tag="d"):
    """An attachment was ended by someone else than its owner.

    ``why``: "replaced" (newer one of the same kind), "removed", "banned", "lapsed",
    "unstaged" (publish only), "evicted", "left" (the person left by another way), "closed".
    """

    room: str
    id: str
    kind: AttachmentKind
    attachment: str
    why: str
    reason: str | None = None
    until_ms: int | None = None


class ReactionsNotice(msgspec.Struct, frozen=True, tag_field="n", tag="x"):
    """Reactions counted by one hub in one tick."""

    room: str
    counts: dict[str, int]


class ProbeNotice(msgspec.Struct, frozen=True, tag_field="n", tag="t"):
    """A probe: proves that what is published comes back. Never about a room."""

    room: str
    hub: str
    nonce: int


Notice = (
    EventNotice
    | ChannelNotice
    | KnockNotice
    | SignalNotice
    | RosterNotice
    | ChangedNotice
    | QueueNotice
    | PromotedNotice
    | DetachedNotice
    | ReactionsNotice
    | ProbeNotice
)
