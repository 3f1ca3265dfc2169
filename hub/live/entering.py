"""Taking someone into a room: the seat, the snapshot, and joining the room's frames."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from hub.live import talking
from hub.live.ice import offer_ice
from hub.ports import ChannelTail, Missed, Queued, RoomSnapshot, Seated, StoreLost
from rooms.errors import Code, Refusal
from rooms.messages import Event, Resumed, Waiting, encode, frame_payload
from rooms.permissions import Right, may
from rooms.session import Fact, Place, is_guest

from . import wire

if TYPE_CHECKING:
    from hub.live.connection import Connection, Member
    from hub.live.hub import LiveHub

#: Snapshots taken before a room that moves faster than we read is given up (recovering).
SNAPSHOTS: Final = 4
#: Rooms on one socket; a desk needs a few, nobody needs a thousand.
ROOMS_MAX: Final = 64


async def enter(hub: LiveHub, conn: Connection, slug: str, wait: bool, re: int) -> None:
    """Answers ``entered`` or ``waiting``.

    Raises Refusal or StoreLost: nothing was answered. A refusal has ended the place the
    person had; without an answer of Redis the place is kept as it was.
    """
    guise = await hub.roles.as_in(conn.identity, slug)
    who = guise.who
    if hub.services.draining:
        raise Refusal(Code.SERVER_DRAINING, retry_after_ms=hub.jitter_ms(500, 3000))
    if is_guest(who):
        await _guests_welcome(hub, slug)
    member = await membership(hub, conn, slug)
    member.role = who.role
    if member.place is not Place.ENTERING:
        member.attachment = conn.attachment()
    admission = hub.services.admission
    await _settle(
        hub,
        member,
        lambda: hub.in_room(
            slug,
            lambda: admission.enter(slug, who, member.attachment, wait=wait, knock=guise.lobby),
        ),
        re,
    )


async def _guests_welcome(hub: LiveHub, slug: str) -> None:
    """A guest learns nothing about rooms that are not open to guests."""
    try:
        view = await hub.in_room(slug, lambda: hub.services.admission.view(slug))
    except Refusal:
        raise Refusal(Code.FORBIDDEN) from None
    if not view.spec.guests:
        raise Refusal(Code.FORBIDDEN)


async def membership(hub: LiveHub, conn: Connection, slug: str) -> Member:
    """The connection's membership of the room, made (ENTERING) when there is none."""
    member = conn.members.get(slug)
    if member is None:
        if len(conn.members) >= ROOMS_MAX:
            raise Refusal(Code.RATE_LIMITED, f"at most {ROOMS_MAX} rooms on one socket")
        local = await hub.rooms.hold(slug)
        member = hub.rooms.member(conn, local)
        member.fact(Fact.ASKED)
    return member


async def _settle(
    hub: LiveHub,
    member: Member,
    ask: Callable[[], Awaitable[Seated | Queued]],
    re: int | None,
) -> None:
    asked = member.place
    try:
        outcome = await ask()
        await arrive(hub, member, outcome, re)
    except Refusal:
        gone(hub, member)
        raise
    except StoreLost:
        if asked is Place.ENTERING:
            gone(hub, member)
        raise


def gone(hub: LiveHub, member: Member) -> None:
    """Redis refused: whatever place there was is no more."""
    if member.place is not Place.OUTSIDE:
        hub.rooms.forget(member, Fact.REFUSED)


async def arrive(hub: LiveHub, member: Member, outcome: Seated | Queued, re: int | None) -> None:
    """Say what Redis decided and take the member along. Raises Refusal, StoreLost."""
    talking.gather(member)
    try:
        await _arrive(hub, member, outcome, re)
    finally:
        talking.release(member, {})


async def _arrive(hub: LiveHub, member: Member, outcome: Seated | Queued, re: int | None) -> None:
    slug = member.local.slug
    for _ in range(SNAPSHOTS):
        if member.place is Place.OUTSIDE:
            # Replaced or removed while Redis was asked: what ended it has said so already.
            person, attachment = member.conn.identity.id, member.attachment.id
            await hub.services.admission.leave(slug, person, attachment)
            return
        if member.conn.closing is not None:
            return  # its end says so to Redis: the grace runs, the person may come back
        if isinstance(outcome, Queued):
            tails = await talking.tails(hub, member) if outcome.lobby else {}
            if _still_there(member):
                wait_on(hub, member, outcome, re, tails)
                return
            continue
        shot = await hub.services.admission.snapshot(slug)
        # Channels are numbered apart: what is said in them meanwhile is gathered.
        tails = await talking.tails(hub, member) if talking.is_talk(shot) else {}
        if _still_there(member) and seat(hub, member, outcome, shot, re, tails):
            return
    raise Refusal(Code.RECOVERING, "the room moves too fast", retry_after_ms=1000)


def _still_there(member: Member) -> bool:
    return member.place is not Place.OUTSIDE and member.conn.closing is None


def wait_on(
    hub: LiveHub, member: Member, queued: Queued, re: int | None,
    tails: Mapping[str, ChannelTail],
) -> None:  # fmt: skip
    member.fact(Fact.QUEUED)
    member.local.people[member.conn.identity.id] = member
    member.lobby = queued.lobby
    member.last_position = (queued.position, queued.total, queued.lobby)
    member.conn.send(
        Waiting(
            room=member.local.slug,
            position=queued.position,
            total=queued.total,
            re=UNSET if re is None else re,
            lobby=True if queued.lobby else UNSET,
            channels=wire.channels(tails) if queued.lobby else UNSET,
        )
    )
    talking.release(member, {name: tail.seq for name, tail in tails.items()})
    until_ms, member.turn_until = member.turn_until, None
    if until_ms is not None:
        hub.waiting.turn(member, until_ms)


def seat(
    hub: LiveHub, member: Member, seated: Seated, shot: RoomSnapshot, re: int | None,
    tails: Mapping[str, ChannelTail],
) -> bool:  # fmt: skip
    """``entered`` and then the room's frames; False when the snapshot is too old to join.

    Synchronous: no event can come between the snapshot and what follows it.
    """
    hub.rooms.met(member.local, shot.view.epoch, member)
    known = member.local.add(member, shot.view.seq, shot.view.epoch)
    if known is None:
        return False
    member.fact(Fact.SEATED)
    member.local.people[member.conn.identity.id] = member
    entered = encode(wire.entered(seated, shot, re, tails))
    member.conn.deliver(hub.writers.pack(frame_payload([entered, *known])))
    member.conn.log(member.local.slug).info("entered", gen=seated.gen, new=seated.new)
    _inside(hub, member, shot, {name: tail.seq for name, tail in tails.items()})
    return True


def _inside(hub: LiveHub, member: Member, shot: RoomSnapshot, reached: Mapping[str, int]) -> None:
    """What follows ``entered`` and ``resumed``."""
    member.local.talk, member.lobby = talking.is_talk(shot), False
    member.local.relay_only = shot.view.spec.relay_only
    talking.release(member, reached)
    if member.local.talk and may(member.role, Right.ADMIT):
        hub.spawn(talking.who_knocks(hub, member))
    offer_ice(hub, member.conn)


def follow_on(
    hub: LiveHub, member: Member, missed: Missed, shot: RoomSnapshot,
    whispers: Sequence[Event], reached: Mapping[str, int],
) -> bool:  # fmt: skip
    """The missed events, of the room and of channels, ``resumed``, then ``room`` and roster;
    False as in ``seat``."""
    hub.rooms.met(member.local, missed.epoch, member)
    known = member.local.add(member, missed.seq, missed.epoch)
    if known is None:
        return False
    slug = member.local.slug
    member.fact(Fact.SEATED)
    member.local.people[member.conn.identity.id] = member
    parts = [encode(wire.event(one)) for one in missed.events]
    parts += [encode(one) for one in whispers]
    parts.append(encode(Resumed(room=slug, seq=missed.seq)))
    parts += known
    parts.append(encode(wire.room(shot.view)))
    parts.append(encode(wire.roster(slug, shot.roster)))
    member.conn.deliver(hub.writers.pack(frame_payload(parts)))
    _inside(hub, member, shot, reached)
    return True
