"""What the parts of a hub expect of each other; only ``hub.app`` names concrete parts.

    hub.store   implements Admission, Bus, Vault, Board, Placement (Redis/Valkey)
    hub.fair    implements Directory and the parts of hub.ports.fair (SQL)
    hub.media   implements Media (client of the media workers)
    hub.live, hub.web   use them

Every method may raise ``StoreLost`` (Redis cannot answer) or ``rooms.errors.Refusal``
where it says so; a refusal has changed nothing.

Long because it is one contract: what a part may rely on, in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hub.ports.events import Watcher
from rooms.messages import SlotState
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
from rooms.notices import EventNotice, Notice


class StoreLost(Exception):
    """Redis did not answer, or not within its bound. What it decided is unknown."""


class DirectoryLost(Exception):
    """The database did not answer, or not within its bound. What it did is unknown."""


# --- Admission (Redis) --------------------------------------------------------------------

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
    """A talk's notes in Redis. ``known`` is False when Redis has none: fill it from SQL."""

    rev: int
    text: str
    known: bool


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
        self, room: str, person: str, base: int, rev: int, ops: bytes, text: str
    ) -> int | None:
        """Make ``text`` the notes of revision ``rev`` = ``base`` + 1 and append event
        ``note {rev, ops}``; its seq. None, nothing changed, when ``base`` is not the newest
        revision or Redis has no notes. Raises Refusal: not_in_room, too_large, room_closed."""
        ...

    async def notes(self, room: str) -> Notes: ...

    async def note_ops(self, room: str, after_rev: int) -> tuple[bytes, ...] | None:
        """The ops (JSON) of each revision after ``after_rev``; None: older than is kept."""
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


# --- Bus: notices between hubs (Redis pub/sub) ---------------------------------------------


class Bus(Protocol):
    """Notices of the rooms this hub cares about, in the order Redis published them."""

    def listen(
        self, notice: Callable[[Notice], None], lost: Callable[[frozenset[str]], None]
    ) -> None:
        """Set the receivers. ``notice`` is called synchronously, in order. ``lost`` names
        rooms whose notices may have been missed (reconnected): resynchronise by ``since``."""
        ...

    async def follow(self, room: str) -> None:
        """Returns once notices of ``room`` are sure to arrive. Counted: pair with unfollow."""
        ...

    async def unfollow(self, room: str) -> None: ...

    def faults(self) -> Sequence[str]:
        """Why readiness should fail (probe overdue, connection down); empty when well."""
        ...


# --- Vault: short-lived secrets (Redis) ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResumeRecord:
    identity: Identity
    session: str


class Vault(Protocol):
    """One-use secrets, kept hashed and with a time to live."""

    async def issue_ticket(self, identity: Identity) -> tuple[str, int]:
        """A ticket for ``hello`` and when it expires (ms since epoch); one use, 30 s."""
        ...

    async def take_ticket(self, ticket: str) -> Identity | None: ...

    async def issue_half(self, person: str) -> str:
        """The secret of someone whose password was right and whose second factor is due; 5 min."""
        ...

    async def half(self, secret: str) -> str | None:
        """Whose it is; it stays until ``end_half``."""
        ...

    async def end_half(self, secret: str) -> None: ...

    async def count(
        self, what: str, subject: str, limit: int, window_s: int, *, add: int = 1
    ) -> float:
        """Count acts of ``subject`` on all hubs together: 0, or seconds to wait when they are
        more than ``limit`` in this window. ``add=0`` only asks. ``subject`` is kept hashed."""
        ...

    async def uncount(self, what: str, subject: str) -> None:
        """Forget what was counted: the subject has proved who it is."""
        ...

    async def issue_resume(self, record: ResumeRecord) -> str: ...

    async def take_resume(self, token: str) -> ResumeRecord | None: ...


# --- Board: the whole fair's occupancy (Redis) ---------------------------------------------


@dataclass(frozen=True, slots=True)
class BoardRow:
    room: str
    live: int
    held: int
    offered: int
    waiting: int
    capacity: int
    reserved: int
    locked: bool
    state: RoomState
    stage: int
    hands: int
    oldest_wait_ms: int | None
    #: Privileged people seated or offered; None while nothing is reserved (or not yet known).
    privileged: int | None = None


@dataclass(frozen=True, slots=True)
class BoardSnapshot:
    at_ms: int
    rows: tuple[BoardRow, ...]


class Board(Protocol):
    async def read(self) -> BoardSnapshot:
        """At most 2 s old; summed by a leader from per-partition hashes."""
        ...


# --- Directory: what SQL keeps --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomRecord:
    spec: RoomSpec
    version: int  # the ETag's content; grows with each change of the configuration
    created_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    id: str  # "u_…"
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class WebSession:
    """A signed-in browser. ``csrf`` is what X-CSRF-Token must be on unsafe requests.

    Name, role and the rest are read from the account at each request: a change of role or a
    block acts at once. ``account`` is False for a sign-in link. ``gate``: may admit at the
    gate. ``language`` is the one the person chose. ``must_enrol``: a moderator or organiser
    without a second factor, who is no more than a participant until there is one. ``id``
    names the session in the person's list.
    """

    identity: Identity
    csrf: str
    expires_ms: int
    account: bool = False
    gate: bool = False
    language: str | None = None
    time_zone: str | None = None
    must_enrol: bool = False
    id: str = ""


class Directory(Protocol):
    """Every method but ``ready`` may raise ``DirectoryLost``."""

    async def room(self, slug: str) -> RoomRecord | None: ...

    async def rooms(
        self, *, kind: str | None, q: str | None, cursor: str | None, limit: int
    ) -> tuple[tuple[RoomRecord, ...], str | None]: ...

    async def create_room(self, spec: RoomSpec) -> RoomRecord:
        """Raises RoomExists."""
        ...

    async def change_room(self, slug: str, version: int, spec: RoomSpec) -> RoomRecord:
        """Raises StaleVersion when the stored version is not ``version``; LookupError."""
        ...

    async def close_room(self, slug: str) -> bool:
        """Mark the room closed for good; False when there is no such room. May be repeated."""
        ...

    async def ready(self) -> str | None:
        """None when the database answers, else why not."""
        ...

    async def create_signin_link(self, role: Role, ttl_s: int = ...) -> str:
        """The secret of a new one-use link that signs in with ``role``."""
        ...

    async def use_signin_link(self, token: str) -> Role | None:
        """Use the link up, atomically; None when it is unknown, used or expired."""
        ...

    async def open_session(
        self, identity: Identity, ttl_s: int, *, address: str | None = None, agent: str = ""
    ) -> tuple[str, WebSession]:
        """(cookie value, session). ``address`` is a prefix, ``agent`` words for a person."""
        ...

    async def session(self, cookie: str) -> WebSession | None:
        """The unexpired session a cookie opens."""
        ...

    async def close_session(self, cookie: str) -> None: ...


class RoomExists(Exception):
    pass


class StaleVersion(Exception):
    pass


# --- Media -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeakingChanged:
    room: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotsChanged:
    room: str
    person: str
    slots: tuple[SlotState, ...]


@dataclass(frozen=True, slots=True)
class SessionsAlive:
    """Media sessions whose ICE consent is fresh; renewed by the hub that is told.

    After renewing, call ``Media.renewed`` so that the worker keeps the good ones.
    """

    renewals: tuple[Renewal, ...]


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A media session ended by itself (consent lost, DTLS closed, worker's limit)."""

    room: str
    person: str
    kind: AttachmentKind
    attachment: str
    silent_ms: int


@dataclass(frozen=True, slots=True)
class MediaLost:
    """A media worker is gone; those with sessions of these rooms must offer again."""

    rooms: frozenset[str]


MediaNotice = SpeakingChanged | SlotsChanged | SessionsAlive | SessionEnded | MediaLost


class Media(Protocol):
    """The media workers, seen from a hub. A room lives on one worker.

    Raises Refusal: media_unavailable (no worker; retry_after_ms), bad_message (SDP),
    nothing_live (WHEP without a publish session, only when ``need_live``).
    """

    def listen(self, notice: Callable[[MediaNotice], None]) -> None: ...

    async def offer(
        self, room: str, person: str, attachment: Attachment, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, need_live: bool = False,
    ) -> str:  # fmt: skip
        """Answer an SDP offer; ``sources`` maps mid to source for publish.

        The kind of ``attachment`` (publish or subscribe) says which. A new session replaces
        the person's older one of the same kind; ``restart`` keeps it and changes only ICE.
        """
        ...

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None = None
    ) -> None:
        """End a session; with ``attachment`` only that one."""
        ...

    async def view(
        self, room: str, person: str, main: str, thumbs: int, audio_only: bool
    ) -> None: ...

    async def muted(self, room: str, person: str, source: Source, muted: bool) -> None:
        """Stop or go on forwarding one source."""
        ...

    async def close_room(self, room: str) -> None: ...

    async def renewed(self, kept: Sequence[Renewal], lost: Sequence[Renewal]) -> None:
        """Tell workers which sessions still have a seat; lost ones are stopped."""
        ...

    def live(self, room: str) -> bool:
        """Whether a publish session of the room is known on its worker."""
        ...

    def faults(self) -> Sequence[str]: ...


class Placement(Protocol):
    """Which media worker a room lives on; agreed between hubs through Redis."""

    async def place(self, room: str, candidates: Sequence[str]) -> str:
        """The room's worker: the recorded one while it is among ``candidates``, else a
        candidate picked by hash and recorded."""
        ...


# --- Media sessions of people (hub.live), tokens (hub.tokens) --------------------------------


class MediaSessions(Protocol):
    """A person's media: the seat's attachment and the worker's session as one act.

    Used by the WebSocket's ``media`` and by WHIP/WHEP. Implemented in hub.live, which also
    renews what the workers report alive and closes what loses its seat or its stage.
    """

    async def as_in(self, room: str, who: Identity) -> Identity:
        """``who`` with the role and side they have in the room.

        Raises Refusal: forbidden (a token of another room), unknown_room (there is none, or it is
        a talk of others: the same queries). DirectoryLost.
        """
        ...

    async def open(
        self, room: str, who: Identity, kind: AttachmentKind, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, take_seat: bool = False,
    ) -> tuple[str, str]:  # fmt: skip
        """(attachment id, SDP answer). ``take_seat`` (WHIP/WHEP) enters the room if need be,
        WHIP also the stage; otherwise the person must hold a seat already.

        Raises Refusal: those of Admission.enter/attach and of Media.offer. A failed offer
        gives back a seat it took.
        """
        ...

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None
    ) -> bool:
        """False when there is no such session."""
        ...

    def stop(self, room: str, person: str, *kinds: AttachmentKind) -> None:
        """Have the workers stop a person's media now; the store has ended it already."""
        ...


class Tokens(Protocol):
    """Room tokens: JWT with ``iss aud exp iat jti sub name role room reserved? side?``."""

    def issue(self, identity: Identity, ttl_s: int) -> tuple[str, int]:
        """The token and when it expires (ms since epoch)."""
        ...

    def verify(self, token: str) -> Identity:
        """Raises Refusal: unauthorised, expired_token."""
        ...

    def issue_guest(self, identity: Identity) -> tuple[str, int]:
        """The value of a guest's cookie and when it expires (ms since epoch)."""
        ...

    def verify_guest(self, cookie: str) -> Identity:
        """Raises Refusal: unauthorised, expired_token."""
        ...

    def issue_device(self, person: str, device: str) -> tuple[str, int]:
        """A short-lived access token of an app and when it expires (ms since epoch)."""
        ...

    def verify_device(self, token: str) -> tuple[str, str]:
        """(person, device); whether the device is still signed in says ``People``.
        Raises Refusal: unauthorised, expired_token."""
        ...
