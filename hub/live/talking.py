"""What only a talk has: signals between two browsers, channels, who knocks, notes.

What is said in a channel while somebody's ``entered``, ``waiting`` or ``resumed`` is made is
gathered (``Member.whispers``) and follows it, without hole or repeat.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from msgspec import UNSET

from hub.ports import ChannelTail, DirectoryLost, Noted, Notes, RoomSnapshot, StoreLost
from hub.ports.talks import TalkRefused
from rooms import messages as m
from rooms import notes as ot
from rooms import notices as n
from rooms import signalling
from rooms.closing import Close
from rooms.errors import Code, Refusal
from rooms.model import Kind, Person, Role
from rooms.permissions import Right, may
from rooms.session import Place

from . import wire
from .limits import Bucket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.live.connection import Connection, Member
    from hub.live.fanout import LocalRoom
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

SIGNALS_PER_S: Final = 60
SIGNALS_BURST: Final = 200
#: Candidates a minute from one socket to one person.
CANDIDATES: Final = 512
CANDIDATES_S: Final = 60.0
#: People a socket signals to within that minute; a direct talk has four.
PAIRS_MAX: Final = 64
WHISPERS_MAX: Final = 256
#: Looks at who knocks while that changes.
KNOCKS_TRIES: Final = 10
#: Parts of ops that one change may have to be transformed against; some 20 ms of this process.
TRANSFORMED_MAX: Final = 20_000
#: Tries to write a revision of the notes while other hubs are quicker.
NOTE_TRIES: Final = 20
NOTES_KEPT_S: Final = 2.0

_json: Final = msgspec.json.Encoder()
_ops: Final = msgspec.json.Decoder(list[int | str])


class Signals:
    """What one socket may still signal. Times are seconds of the loop's clock."""

    __slots__ = ("_bucket", "_pairs", "_since")

    def __init__(self, now: float) -> None:
        self._bucket = Bucket(SIGNALS_BURST, now)
        self._pairs: dict[str, int] = {}
        self._since = now

    def take(self, now: float) -> int:
        """0 when granted, else milliseconds until it would be."""
        return self._bucket.take(SIGNALS_PER_S, SIGNALS_BURST, now)

    def candidate(self, to: str, now: float) -> int:
        if now - self._since >= CANDIDATES_S:
            self._pairs.clear()
            self._since = now
        count = self._pairs.get(to, 0)
        if count >= CANDIDATES or (to not in self._pairs and len(self._pairs) >= PAIRS_MAX):
            return max(1, int((self._since + CANDIDATES_S - now) * 1000))
        self._pairs[to] = count + 1
        return 0


# --- signals --------------------------------------------------------------------------------


async def signal(hub: LiveHub, conn: Connection, message: m.Signal) -> None:
    """Raises Refusal: bad_message, rate_limited, not_in_room, wrong_mode; nothing was sent."""
    member = conn.members[message.room]
    try:
        data = signalling.clean(message.data, relay_only=member.local.relay_only)
    except signalling.BadSignal as fault:
        raise Refusal(Code.BAD_MESSAGE, str(fault)) from None
    if conn.signals is not None and signalling.counts_as_candidate(message.data):
        wait = conn.signals.candidate(message.to, hub.now())
        if wait:
            raise Refusal(Code.RATE_LIMITED, "too many candidates", retry_after_ms=wait)
    if data is not None:
        await hub.services.admission.signal(
            message.room, conn.identity.id, message.to, _json.encode(data)
        )
    conn.send(m.Ok(re=message.id))


def signalled(member: Member, notice: n.SignalNotice) -> None:
    if member.place is Place.INSIDE:
        member.conn.send(m.Signalled(room=notice.room, sender=notice.sender, data=notice.data))


# --- channels and the lobby -------------------------------------------------------------------


def whispered(hub: LiveHub, member: Member, notice: n.ChannelNotice) -> None:
    """One event of a channel that the person belongs to."""
    if not member.gathering:
        if member.place in (Place.INSIDE, Place.WAITING):
            member.conn.send(wire.event(notice.event()))
    elif len(member.whispers) < WHISPERS_MAX:
        member.whispers.append(notice)
    else:
        member.conn.close(Close.RECOVERING, "too much at once", hub.jitter_ms(100, 3000))


def gather(member: Member) -> None:
    """From here on what is said in channels is kept until ``release``."""
    member.gathering = True


def release(member: Member, reached: Mapping[str, int]) -> None:
    """The answer is out: send what was gathered and is not in it. ``reached`` is the last number
    it has of each channel."""
    whispers, member.whispers, member.gathering = member.whispers, [], False
    if member.place in (Place.INSIDE, Place.WAITING):
        for notice in whispers:
            if notice.seq > reached.get(notice.channel, 0):
                member.conn.send(wire.event(notice.event()))


def is_talk(shot: RoomSnapshot) -> bool:
    return shot.view.spec.kind is Kind.NEGOTIATION


async def tails(hub: LiveHub, member: Member) -> Mapping[str, ChannelTail]:
    """The person's channels as they are now."""
    slug = member.local.slug
    return await hub.services.admission.channel_tails(slug, member.conn.identity.id)


async def missed(
    hub: LiveHub, member: Member, point: m.ResumePoint
) -> tuple[list[m.Event], dict[str, int]] | None:
    """What came in each of the person's channels since ``point``, and the number each has reached;
    all of a channel that ``point`` does not name. None on a gap; nothing for a client that names
    no channels at all."""
    admission, person = hub.services.admission, member.conn.identity.id
    events: list[m.Event] = []
    reached: dict[str, int] = {}
    for name, tail in (await tails(hub, member)).items():
        reached[name] = tail.seq
        if point.channels is UNSET:
            continue
        try:
            since = await admission.channel_since(
                point.room, person, point.epoch, name, point.channels.get(name, 0)
            )
        except Refusal:  # not theirs any more
            continue
        if since.gap:
            return None
        events += (wire.event(one) for one in since.events)
        reached[name] = since.seq
    return events, reached


def knocked(local: LocalRoom, knocker: Member | None, notice: n.KnockNotice) -> None:
    """To those here who may let people in."""
    local.knocks += 1
    if knocker is not None:
        knocker.lobby = notice.waiting
    person = notice.person or Person(id=notice.id, name="", role=Role.PARTICIPANT)
    message = m.Knocking(room=notice.room, person=person, waiting=notice.waiting)
    for member in local.everyone():
        if may(member.role, Right.ADMIT):
            member.conn.send(message)


async def who_knocks(hub: LiveHub, member: Member) -> None:
    """To one who has just come in, who knocks already."""
    slug, local = member.local.slug, member.local
    for _ in range(KNOCKS_TRIES):
        told = local.knocks
        people = await hub.services.admission.knocking(slug)
        if local.knocks == told:
            break  # else somebody may have been let in after Redis answered: ask again
    if member.place is Place.INSIDE:
        for person in people:
            member.conn.send(m.Knocking(room=slug, person=person, waiting=True))


# --- notes --------------------------------------------------------------------------------


class Turn:
    """Whose turn it is to write in a room, and how many are here for it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Notebooks:
    """The notes of the talks that somebody writes in at this hub.

    A room's changes are taken one after the other here; another hub's come between by
    compare-and-swap. SQL has the text at most NOTES_KEPT_S later.
    """

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._turns: dict[str, Turn] = {}  # of rooms being written in just now
        self._changed: set[str] = set()  # since it was last kept in SQL

    def changed(self, room: str) -> None:
        """SQL may not have the newest text yet: somebody wrote, or it is the end and whoever wrote
        may be another hub, which may be gone."""
        self._changed.add(room)

    async def page(self, room: str, person: str = "", change: str = "") -> Notes:
        """With whether ``change`` of ``person`` is in there. Raises Refusal: wrong_mode in a
        conference."""
        admission = self._hub.services.admission
        notes = await admission.notes(room, person, change)
        if not notes.known:
            await admission.put_notes(room, *await self._hub.services.fair.talks.notes(room))
            notes = await admission.notes(room, person, change)
        return notes

    async def change(
        self, room: str, person: str, base: int, ops: ot.Ops, change: str = ""
    ) -> Noted:
        """Bring ``ops``, made for revision ``base``, to the newest one and write it, once for
        each ``change`` (a name of the person's own).

        Raises Refusal: bad_message (no ops for that revision), gap (``base`` is older than what is
        kept), too_large, not_in_room, room_closed, wrong_mode, recovering.
        """
        turn = self._turns.setdefault(room, Turn())
        turn.users += 1
        try:
            async with turn.lock:
                return await self._change(room, person, base, ops, change)
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[room]

    async def _change(self, room: str, person: str, base: int, ops: ot.Ops, change: str) -> Noted:
        admission = self._hub.services.admission
        for _ in range(NOTE_TRIES):
            page = await self.page(room)
            rev, text = page.rev, page.text
            if base > rev:
                raise Refusal(Code.BAD_MESSAGE, f"base: the newest revision is {rev}")
            later = await admission.note_ops(room, base, person, change)
            if isinstance(later, Noted):
                return later  # sent again: its answer was lost
            if later is None:
                raise Refusal(Code.GAP, "too old a revision; ask for the notes")
            if base + len(later) != rev:
                continue  # somebody was quicker between the two questions
            now_ops = _brought(ops, [_ops.decode(one) for one in later], len(text))
            after = ot.apply(text, now_ops)
            if len(after) > ot.TEXT_MAX:
                raise Refusal(Code.TOO_LARGE, f"at most {ot.TEXT_MAX} characters are kept")
            noted = await admission.note(
                room, person, rev, rev + 1, _json.encode(now_ops), after, change
            )
            if noted is not None:
                self.changed(room)
                return noted
        raise Refusal(Code.RECOVERING, "too many write at once", retry_after_ms=500)

    async def keep(self) -> None:
        """The job: what changed goes to SQL. Raises StoreLost, DirectoryLost: the next run does
        what this one did not."""
        changed, self._changed = self._changed, set()
        try:
            while changed:
                room = changed.pop()
                try:
                    notes = await self._hub.services.admission.notes(room)
                    if notes.known:
                        await self._hub.services.fair.talks.keep_notes(room, notes.rev, notes.text)
                except (StoreLost, DirectoryLost):
                    changed.add(room)
                    raise
                except (Refusal, TalkRefused) as refusal:
                    log.warning("notes not kept", room=room, why=str(refusal))
        finally:
            self._changed |= changed


def _brought(ops: ot.Ops, later: list[list[int | str]], length: int) -> ot.Ops:
    """``ops`` after what came since; ``length`` is the newest text's. Raises Refusal."""
    if sum(len(ops) + len(one) for one in later) > TRANSFORMED_MAX:
        raise Refusal(Code.GAP, "too much came since; ask for the notes")
    at_base = _before(later[0]) if later else length
    try:
        ot.check(ops, at_base)
        for one in later:
            _, ops = ot.transform(one, ops)
    except ot.TooLong as fault:
        raise Refusal(Code.TOO_LARGE, str(fault)) from None
    except ot.BadOps as fault:
        raise Refusal(Code.BAD_MESSAGE, f"ops: {fault}") from None
    return ops


def _before(ops: ot.Ops) -> int:
    """The length of the text that ``ops`` were made for."""
    return sum(abs(part) for part in ops if isinstance(part, int))


async def note(hub: LiveHub, conn: Connection, message: m.Note) -> None:
    change = "" if message.change is UNSET else message.change
    noted = await hub.notebooks.change(
        message.room, conn.identity.id, message.base, message.ops, change
    )
    conn.send(m.Ok(re=message.id, seq=noted.seq, rev=noted.rev))


async def notes(hub: LiveHub, conn: Connection, message: m.NotesAsked) -> None:
    change = "" if message.change is UNSET else message.change
    page = await hub.notebooks.page(message.room, conn.identity.id, change)
    conn.send(
        m.NotesPage(
            re=message.id, room=message.room, rev=page.rev, text=page.text,
            taken=UNSET if page.taken is None else page.taken,
        )
    )  # fmt: skip
